"""Upgrades of the local SPSE: fetch, verify, unpack, switch, check, and the way back."""
