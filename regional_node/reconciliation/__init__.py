"""Reconciliation as the node runs it: one run per hello, its decisions, its signed record.

Leaves out the wire, which only tells what was shown and moved.
"""
