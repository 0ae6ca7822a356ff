"""Calendars, rule sets and policy, taken up again from entries that came back to a restored centre.

Rule: the order of the journal decides what is in force, nothing else. Leaves out the checks of
publishing (`rules`): they passed once.
"""

from __future__ import annotations

from central.national.restoring import Handler, Returned
from lpse.federation.v1 import directives_pb2 as directives
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros


def handlers() -> dict[str, Handler]:
    """By kind."""
    return {
        "calendar.published": _calendar_in,
        "rule_set.published": _rule_set_in,
        "policy.published": _policy_in,
    }


def _calendar_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, directives.CalendarPublished)
    tx.run(
        "INSERT INTO calendars (year, province, revision, record, national_index, publish_time)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (year, province, revision) DO NOTHING",
        (record.year, record.province, record.revision, *_published(entry)),
    )


def _rule_set_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, directives.RuleSetPublished)
    tx.run(
        "INSERT INTO rule_sets (rule_set, record, national_index, publish_time)"
        " VALUES (?, ?, ?, ?) ON CONFLICT (rule_set) DO UPDATE SET record = excluded.record,"
        " national_index = excluded.national_index, publish_time = excluded.publish_time",
        (record.rule_set, *_published(entry)),
    )


def _policy_in(tx: Transaction, entry: Returned) -> None:
    tx.run(
        "INSERT INTO policies (policy, record, national_index, publish_time)"
        " VALUES (1, ?, ?, ?) ON CONFLICT (policy) DO UPDATE SET record = excluded.record,"
        " national_index = excluded.national_index, publish_time = excluded.publish_time",
        _published(entry),
    )


def _published(entry: Returned) -> tuple[bytes, int, int]:
    data = entry.record.SerializeToString(deterministic=True)
    return data, entry.index, to_micros(entry.record_time)
