"""The standing audit at the centre: digests of projected state, proofs, verification of journals.

Owns what nodes may ask beyond the link to show that both sides still hold the same, and the
centre's own look at what it stores. Leaves out the node's part and every decision about a
difference (`lpse.federation.reconciliation_rules`).
"""
