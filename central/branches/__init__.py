"""Branches: what a node wrote beside the history of it that the ledger holds.

Owns their verification and keeping, and what a person decided about them. Rule: a branch is never
applied and never deleted; its entries count only where its node writes them again under provenance.
Leaves out what the node should do next (`central.recovery`).
"""
