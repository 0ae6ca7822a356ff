"""Exercises: legal time stepped from outside, refused in production."""
