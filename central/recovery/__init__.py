"""Recovery as the centre serves it: a node reads its own journal back, offers a branch, is advised.

Owns the service `Recovery` and the advice. Rule: nothing here changes a ledger; a node is served
its own entries only. Leaves out keeping branches (`central.branches`) and the link.
"""
