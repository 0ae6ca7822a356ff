"""Plumbing that both sides happen to use; six files at most."""
