"""An instant is read from a table exactly as it was written."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from lpse.runtime.sqlite.instants import from_micros, to_micros

ZONES = st.sampled_from([ZoneInfo(name) for name in ("Asia/Jakarta", "Asia/Jayapura", "UTC")])


@given(st.datetimes(datetime(1900, 1, 1), datetime(9999, 1, 1), timezones=ZONES))
def test_what_is_read_equals_what_was_written(instant: datetime) -> None:
    """No microsecond is lost, and what comes back is in UTC."""
    back = from_micros(to_micros(instant))
    assert back == instant
    assert back.tzinfo is UTC


def test_the_number_is_microseconds_since_1970() -> None:
    """The stored form is part of the database: it never changes."""
    assert to_micros(datetime(2015, 3, 27, 3, 0, 0, 1, UTC)) == 1_427_425_200_000_001
