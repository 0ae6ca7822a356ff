"""An instant as our tables keep it: an integer, microseconds since 1970 in UTC.

Owns the two conversions. Rule: both are exact (no floating point), so that what is read equals what
was written. Leaves out instants on the wire (`Timestamp`) and in signed text.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_micros(instant: datetime) -> int:
    """The number that stands for an aware instant."""
    return (instant - _START) // _MICROSECOND


def from_micros(number: int) -> datetime:
    """The aware UTC instant behind a stored number."""
    return _START + number * _MICROSECOND
