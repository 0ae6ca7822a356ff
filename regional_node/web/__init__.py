"""The HTTP port that faces vendors: connections, rates, tus 1.0.0, answers that tell nothing.

Owns what happens between a browser's socket and the areas behind it. Rules: everything below
`/g/{grant}` answers for that grant only, and an unknown grant looks like any other; nothing of a
request reaches a log; a slow honest line is never cut, a silent one is. Leaves out what is uploaded
(regional_node/tus), the pages (regional_node/pages) and receipts (regional_node/receipts).
"""
