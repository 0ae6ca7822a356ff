"""Bytes across the link: sealed bids up to the centre, release bundles down from it.

Owns the durable queue and both movements, each resumable from what the receiver has durably stored.
Leaves out entries (`link`) and what bundles are good for (`upgrades`).
"""
