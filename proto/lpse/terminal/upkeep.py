"""Settings of upkeep that both daemons have: re-reading of bytes, and of journals and state.

Owns the two sections and their bounds, so that an admin finds the same words at both sides. Leaves
out the work itself (`lpse.storage.scrub`, `lpse.storage.verify_pass`, each side's `audit`).
"""

from __future__ import annotations

from pydantic import Field

from lpse.federation.limits import (
    AUDIT_ENTRIES_PER_SECOND_DEFAULT,
    AUDIT_ENTRIES_PER_SECOND_MAX,
    AUDIT_HOURS_DEFAULT,
    AUDIT_HOURS_MAX,
    AUDIT_HOURS_MIN,
    SCRUB_DAYS_DEFAULT,
    SCRUB_DAYS_MAX,
    SCRUB_MEGABYTES_PER_SECOND_DEFAULT,
    SCRUB_MEGABYTES_PER_SECOND_MAX,
)
from lpse.terminal.settings import Section


class Scrub(Section):
    """Re-reading of what is stored."""

    megabytes_per_second: float = Field(
        SCRUB_MEGABYTES_PER_SECOND_DEFAULT,
        gt=0,
        le=SCRUB_MEGABYTES_PER_SECOND_MAX,
        description="rate; a quarter of it while bytes are being received",
    )
    every_days: float = Field(
        SCRUB_DAYS_DEFAULT, gt=0, le=SCRUB_DAYS_MAX, description="from one pass to the next"
    )


class Audit(Section):
    """Looking again at what both sides hold, although their heads are equal."""

    every_hours: float = Field(
        AUDIT_HOURS_DEFAULT,
        ge=AUDIT_HOURS_MIN,
        le=AUDIT_HOURS_MAX,
        description="from one audit, and one reading of all journals, to the next",
    )
    entries_per_second: float = Field(
        AUDIT_ENTRIES_PER_SECOND_DEFAULT,
        gt=0,
        le=AUDIT_ENTRIES_PER_SECOND_MAX,
        description="rate at which journals are read again",
    )
