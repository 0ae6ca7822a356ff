"""Outages at the centre: planned, approved, published, and what became of them at the nodes."""
