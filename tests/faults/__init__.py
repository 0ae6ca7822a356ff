"""Faults done to real processes, and the proof afterwards that nothing was lost or doubled."""
