"""What the centre knows of uploads: which sealed bytes each node announced, and which are here.

Owns the projection of `upload.accepted`. Leaves out everything per package: the centre never
learns it (secrecy).
"""
