"""What an own entry that came back means to the areas of a node.

Owns the table from kinds to handlers, and what waits until it can be put back. Leaves out how
entries come back (`regional_node.recovery`) and every row of an area.
"""
