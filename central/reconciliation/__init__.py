"""Reconciliation runs at the centre: the nodes' own signed records, listed and told.

Leaves out the decisions, which the nodes take (`regional_node.reconciliation`).
"""
