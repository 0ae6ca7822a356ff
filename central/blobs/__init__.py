"""Blobs at the centre: received from nodes and operators, resumable, verified from the disk.

Owns the rows that vouch for files and the Transfer service. Leaves out which blobs are welcome
(`uploads`, `releases`).
"""
