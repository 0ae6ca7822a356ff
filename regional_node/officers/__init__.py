"""Persons of the node: admin, pokja, helpdesk, auditor, each with an own key."""
