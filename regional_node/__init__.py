"""A regional node (LPSE)."""
