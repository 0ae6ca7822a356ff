"""Golden journals and frames, written by programs of earlier protocols; see `generate.py`."""
