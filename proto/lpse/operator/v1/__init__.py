"""Generated code of the operator API."""
