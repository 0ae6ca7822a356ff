"""Packages, their published schedules, holds, proposals and the decisions of a Pokja."""
