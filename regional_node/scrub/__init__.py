"""Stored bytes that went bad: found by re-reading, healed from the other side, written down.

Owns the node's part: its own damaged copies are fetched again from the centre, and the centre's are
sent to it again. Every outcome is a decision of a reconciliation run with the trigger SCRUB.
"""
