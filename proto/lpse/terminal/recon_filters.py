"""The flags of the reconciliation log as a filter.

Rule: a date means that day in the reader's zone, the last one included. Leaves out the flags
(`recon_flags`) and what the filter means (`lpse.federation.recon_log`).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lpse.federation.entries import timestamp
from lpse.federation.errors import Refused
from lpse.federation.recon_log import check_filter
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records
from lpse.terminal.recon_flags import Flags


def filter_of(flags: Flags, zone: str) -> log.LogFilter:
    """The filter; dates are days in `zone`. Refused (FED-7040) for what is no time."""

    asked = log.LogFilter(
        since_time=timestamp(_moment(flags.since, zone)) if flags.since else None,
        until_time=timestamp(_moment(flags.until, zone, last=True)) if flags.until else None,
        node_ids=flags.nodes or (),
        provinces=flags.provinces or (),
        classifications=_numbers(records.Classification, "CLASSIFICATION", flags.classifications),
        rules=flags.rules or (),
        triggers=_numbers(records.ReconciliationTrigger, "RECONCILIATION_TRIGGER", flags.triggers),
        states=_numbers(log.EntryState, "ENTRY_STATE", flags.states),
        text=flags.text,
        package=flags.package,
        run=flags.run,
        with_difference=flags.with_difference,
        heads_unequal=flags.heads_unequal,
    )
    return check_filter(asked)


def _numbers(enum: Any, prefix: str, values: list[Any] | None) -> list[Any]:
    return [enum.Value(f"{prefix}_{one.value}") for one in values or ()]


def _moment(text: str, zone: str, *, last: bool = False) -> datetime:
    try:
        if len(text) == len("2026-11-22"):
            day = date.fromisoformat(text) + timedelta(days=1 if last else 0)
            return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise Refused("FED-7040", f"{text!r} is neither a date nor an RFC 3339 time") from error
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))
