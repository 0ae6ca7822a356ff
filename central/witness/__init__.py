"""What nodes know of the national journal: given back after a loss, kept as evidence, published.

Owns the calls by which nodes return entries, the word of each node as a witness, and the comparison
of heads found anywhere. Leaves out the journal and its gate (`central.national`).
"""
