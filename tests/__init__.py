"""The proofs: each folder tests the part of the federation whose name it carries."""
