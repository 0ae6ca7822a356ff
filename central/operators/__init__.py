"""Persons of the centre: operators, approvers, auditors, and what each may do."""
