"""Rollouts: plans, waves, and the gate that opens the next one or halts.

Owns the rows, the projection of nodes' steps and the wave engine. Leaves out bundles (`releases`)
and what a node does (the node's own upgrades).
"""
