"""Generated code of the node's local API."""
