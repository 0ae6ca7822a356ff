"""The vocabulary of outages as values of flags: `--cause` and `--attribution`, of both programs.

Rule: the names are those of the contract (`OutageCause`, `OutageAttribution`), all of them. Leaves
out their words in people's languages.
"""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Values of `--cause`."""

    POWER = "POWER"
    NETWORK = "NETWORK"
    APPLICATION = "APPLICATION"
    HARDWARE = "HARDWARE"
    SECURITY = "SECURITY"
    VERSION_UPGRADE = "VERSION_UPGRADE"
    FORCE_MAJEURE = "FORCE_MAJEURE"
    OTHER = "OTHER"


class Attribution(StrEnum):
    """Values of `--attribution`."""

    CENTRE = "CENTRE"
    REGION = "REGION"
    EXTERNAL = "EXTERNAL"
    VENDOR = "VENDOR"
    UNKNOWN = "UNKNOWN"
