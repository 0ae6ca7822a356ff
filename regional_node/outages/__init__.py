"""Outages at a node: what the centre declared, what its own probes measured, what counts."""
