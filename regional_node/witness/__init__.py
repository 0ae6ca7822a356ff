"""This node as a witness of the national journal.

Owns giving back what the centre lost, offering a branch as evidence, and comparing heads that
others saw with the own copy. Leaves out the copy itself (`regional_node.national`) and the link.
"""
