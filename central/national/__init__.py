"""The national journal: the one thing that only the centre writes and every node follows.

Owns the gate before every append and the file that proves a plain restart. Leaves out the plans
that lead to an entry and the wire.
"""
