"""Windows of declarations: one reading for every party, half-open, by day or by the minute."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from lpse.federation.compensation_words import ENGLISH, INDONESIAN
from lpse.federation.errors import Refused
from lpse.federation.outage_windows import is_open, precision, window_interval, window_text
from lpse.federation.v1.directives_pb2 import OutageWindow

WIB, WIT = ZoneInfo("Asia/Jakarta"), ZoneInfo("Asia/Jayapura")


def minutes(start: datetime | None, end: datetime | None) -> OutageWindow:
    """A window by the minute."""
    window = OutageWindow()
    if start:
        window.start_time.FromDatetime(start)
    if end:
        window.end_time.FromDatetime(end)
    return window


def test_days_begin_at_local_midnight_and_end_before_the_last_date() -> None:
    """27–30 March ends when the 31st begins, two hours earlier in Jayapura than in Jakarta."""
    window = OutageWindow(start_date="2015-03-27", end_date="2015-03-31")
    assert window_interval(window, WIB).start == datetime(2015, 3, 26, 17, tzinfo=UTC)
    assert window_interval(window, WIB).end == datetime(2015, 3, 30, 17, tzinfo=UTC)
    assert window_interval(window, WIT).end == datetime(2015, 3, 30, 15, tzinfo=UTC)
    assert precision(window) == "day" and not is_open(window)


@pytest.mark.parametrize(
    ("first", "after", "english", "indonesian"),
    [
        ("2015-03-27", "2015-03-31", "27–30 Mar 2015", "27–30 Mar 2015"),
        ("2015-03-27", "2015-03-28", "27 Mar 2015", "27 Mar 2015"),
        ("2015-04-30", "2015-05-03", "30 Apr 2015 – 2 May 2015", "30 Apr 2015 – 2 Mei 2015"),
        ("2015-03-27", "", "27 Mar 2015 – …", "27 Mar 2015 – …"),
    ],
)
def test_people_read_the_last_date_inside(
    first: str, after: str, english: str, indonesian: str
) -> None:
    """The exclusive end is for machines; people read the dates on which it was so."""
    window = OutageWindow(start_date=first, end_date=after)
    assert window_text(window, WIB, ENGLISH) == english
    assert window_text(window, WIB, INDONESIAN) == indonesian


def test_minutes_are_told_with_their_zone() -> None:
    """A time for people always names its zone."""
    window = minutes(datetime(2021, 6, 14, 1), None)
    assert window_text(window, ZoneInfo("Asia/Makassar"), INDONESIAN) == (
        "Sen, 14 Jun 2021 09.00 WITA – …"
    )
    assert is_open(window)


@pytest.mark.parametrize(
    "window",
    [
        OutageWindow(),
        OutageWindow(end_date="2015-03-31"),
        OutageWindow(start_date="2015-03-31", end_date="2015-03-31"),
        OutageWindow(start_date="2015-03-31", end_date="2015-03-27"),
        OutageWindow(start_date="2015-02-29"),
        OutageWindow(start_date="2015-03-27", end_date="2019-03-27"),
        minutes(None, datetime(2015, 3, 27)),
        minutes(datetime(2015, 3, 27), datetime(2015, 3, 27)),
        minutes(datetime(2015, 3, 28), datetime(2015, 3, 27)),
        minutes(datetime(1900, 3, 28), None),
    ],
)
def test_what_is_no_span_is_refused(window: OutageWindow) -> None:
    """Nothing that two nodes could read differently gets through."""
    with pytest.raises(Refused, match=r"FED-4(201|02\d)"):
        window_interval(window, WIB)
