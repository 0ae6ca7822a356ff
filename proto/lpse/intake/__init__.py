"""The node's local API."""
