"""The link as the centre serves it: hellos judged, entries taken in, national entries handed out.

Owns sessions, session tokens, quarantine and leases. Leaves out what entries mean (`ledger`) and
what is published (`national`).
"""
