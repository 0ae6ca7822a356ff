"""A demonstration with real processes: a disturbance, played from beginning to end and checked."""
