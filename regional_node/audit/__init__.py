"""The standing audit at the node: its objects against the centre's, proofs, own journals re-read.

Owns the nightly run that starts when heads are equal already and looks deeper. Leaves out the
centre's part and the reading of journals that both sides share (`lpse.storage.verify_pass`).
"""
