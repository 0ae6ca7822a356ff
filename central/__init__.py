"""The national centre (LKPP)."""
