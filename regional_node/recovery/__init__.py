"""A node whose journal is shorter than, or different from, the centre's copy of it comes back.

Owns how lost entries return, how a branch is offered and carried over, and the run that tells of
it. Rule: intake goes on all the while (Invariant 4), and no own entry is ever deleted. Leaves out
what the entries mean to the areas (`restoring`).
"""
