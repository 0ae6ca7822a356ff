"""The centre's copies of sealed bytes: re-read, and asked of their nodes again when they went bad.

Owns the centre's part of healing. The decision about a damaged copy stands in the journal of the
node whose bytes they are, where both sides read it; here are the open findings alone.
"""
