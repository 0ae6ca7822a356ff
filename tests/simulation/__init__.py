"""The simulated country: the real centre and the real nodes in one process, under one seed."""
