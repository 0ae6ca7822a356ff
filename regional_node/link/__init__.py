"""The link as the node opens it: hello, entries up, national entries down, and never giving up.

Losing the centre changes what this folder reports and nothing else (Invariant 4). Leaves out what
entries mean (`national`, the areas) and the bytes of uploads (`regional_node.transfer`).
"""
