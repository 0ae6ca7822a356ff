"""Everything around the two programs: the developers' door, the demonstration, packaging."""
