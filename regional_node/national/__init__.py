"""The node's copy of the national journal, and what it makes of it.

Owns received national entries and the desired state folded from them. Leaves out the acts that
follow (`upgrades`, `outages`, `schedule`) and the wire (`link`).
"""
