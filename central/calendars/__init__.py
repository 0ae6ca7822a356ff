"""Calendars, rule sets and policy: data that the centre publishes and every node computes with."""
