"""Everything that the centre and the nodes share."""
