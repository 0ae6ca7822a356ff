"""Releases: bundles that were brought, checked, and published under a version for good.

Owns the rows and the operators' calls. Leaves out who runs a release when (`rollouts`).
"""
