"""The ledger: the centre's verified copy of every regional journal, and what follows from it.

Owns verification, durable storage, the watermark and parked entries. Leaves out what the areas
make of the entries (each has its own projection) and the wire.
"""
