"""Who gets a certificate, who keeps it, and whether a caller is let in.

Owns enrolment codes, the keys bound to nodes, the certificates issued to nodes and operators, and
the admission of every mTLS call. Persons themselves are in `central.operators`.
"""
