"""The grammar and the order of SPSE versions; everything else is refused.

Accepted: MAJOR.MINOR[.PATCH][uYYYYMMDD] with an optional leading `v`, in ASCII digits without
leading zeros: `3.0`, `3.6.1`, `v4.5u20250321`. A missing patch is patch 0, and the `v` says
nothing, so `v3.6`, `3.6.0` and `3.6` are one version. The canonical text leaves patch 0 out and
writes the `v` exactly where LKPP does: on dated updates. Order: numbers first, then the update
date, a version without a date before any update of it (`4.5` < `v4.5u20250321`).
Leaves out which version may follow which: that is a release's `from_versions`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from lpse.federation.errors import Refused
from lpse.federation.limits import VERSION_CHARACTERS_MAX

_NUMBER = r"(0|[1-9][0-9]{0,3})"
_GRAMMAR = re.compile(rf"v?{_NUMBER}\.{_NUMBER}(?:\.{_NUMBER})?(?:u([0-9]{{8}}))?")
_UPDATE_YEARS = range(2000, 2100)


class VersionError(Refused):
    """The text is no SPSE version (FED-4010)."""

    def __init__(self, text: str, why: str) -> None:
        shown = ascii(text[:VERSION_CHARACTERS_MAX])
        super().__init__(
            "FED-4010",
            f"{shown} is not an SPSE version: {why}",
            remedy="write it like 3.0, 3.6.1 or v4.5u20250321",
        )


@dataclass(frozen=True, slots=True)
class SpseVersion:
    """One SPSE version; equal and ordered by meaning, not by spelling."""

    major: int
    minor: int
    patch: int = 0
    update: date | None = None

    def __str__(self) -> str:
        """The canonical text; `parse_version` gives the same version back."""
        numbers = f"{self.major}.{self.minor}" + (f".{self.patch}" if self.patch else "")
        return numbers if self.update is None else f"v{numbers}u{self.update:%Y%m%d}"

    def __lt__(self, other: SpseVersion) -> bool:
        return self._rank() < other._rank()

    def __le__(self, other: SpseVersion) -> bool:
        return self._rank() <= other._rank()

    def __gt__(self, other: SpseVersion) -> bool:
        return self._rank() > other._rank()

    def __ge__(self, other: SpseVersion) -> bool:
        return self._rank() >= other._rank()

    def _rank(self) -> tuple[int, int, int, date]:
        """A total order: an undated version sorts as if dated before every update."""
        return (self.major, self.minor, self.patch, self.update or date.min)


def parse_version(text: str) -> SpseVersion:
    """The version that `text` spells, or `VersionError`; no trimming, no guessing."""
    if len(text) > VERSION_CHARACTERS_MAX:
        raise VersionError(text, f"longer than {VERSION_CHARACTERS_MAX} characters")
    found = _GRAMMAR.fullmatch(text)
    if found is None:
        raise VersionError(text, "expected [v]MAJOR.MINOR[.PATCH][uYYYYMMDD]")
    major, minor, patch, update = found.groups()
    return SpseVersion(int(major), int(minor), int(patch or 0), _update_date(text, update))


def _update_date(text: str, digits: str | None) -> date | None:
    """The civil date of an update; a date that never was is refused."""
    if digits is None:
        return None
    try:
        update = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise VersionError(text, f"{digits} is not a date") from None
    if update.year not in _UPDATE_YEARS:
        raise VersionError(text, f"the update's year {update.year} is not in 2000-2099")
    return update
