"""The fleet: two facts per node, and as of when they are known.

Owns what nodes say of themselves and how the centre judges their link. Leaves out who they are
(`enrolment`) and the sessions themselves (`link`).
"""
