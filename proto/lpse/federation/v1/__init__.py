"""Generated code of the link's protos."""
