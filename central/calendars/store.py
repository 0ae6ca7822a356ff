"""The tables of published calendars, rule sets and policies.

Rule: a row and its national entry are one transaction; publishing what is in force changes nothing.
Leaves out who may publish (`service`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from google.protobuf.message import Message

from central.calendars import rules
from lpse.federation.v1 import directives_pb2 as directives
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros

AppendIn = Callable[[Transaction, Message], int]  # the national journal, inside a transaction

_NEWEST: Final = (
    "SELECT record, national_index, publish_time FROM calendars c WHERE revision ="
    " (SELECT max(revision) FROM calendars n WHERE n.year = c.year AND n.province = c.province)"
)


@dataclass(frozen=True, slots=True)
class Published:
    """The newest revision of one year and place."""

    record: directives.CalendarPublished
    national_index: int
    publish_time: datetime

    @property
    def name(self) -> str:
        """`calendars/2015`, `calendars/2015-ID-JI`."""
        province = f"-{self.record.province}" if self.record.province else ""
        return f"calendars/{self.record.year}{province}"


class CalendarStore:
    """See the module's first lines."""

    def __init__(self, database: Database, append_in: AppendIn) -> None:
        self._database = database
        self._append_in = append_in

    async def publish(
        self,
        record: directives.CalendarPublished,
        *,
        by: str,
        now: datetime,
        validate_only: bool = False,
    ) -> tuple[Published, bool]:
        """The next revision of a year and place, and whether anything changed."""

        def work(tx: Transaction) -> tuple[Published, bool]:
            present = _newest_in(tx, record.year, record.province)
            if present is not None and rules.same_days(present.record, record):
                return present, False
            complete = directives.CalendarPublished()
            complete.CopyFrom(record)
            complete.revision = present.record.revision + 1 if present else 1
            complete.published_by = by
            if validate_only:
                return Published(complete, 0, now), True
            index = self._append_in(tx, complete)
            tx.run(
                "INSERT INTO calendars (year, province, revision, record, national_index,"
                " publish_time) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    complete.year,
                    complete.province,
                    complete.revision,
                    complete.SerializeToString(deterministic=True),
                    index,
                    to_micros(now),
                ),
            )
            return Published(complete, index, now), True

        return await self._database.write(work)

    async def page(self, after: str, limit: int, *, year: int = 0) -> list[Published]:
        """Newest revisions whose names follow `after`, by year and place."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"{_NEWEST} AND (? = 0 OR year = ?) ORDER BY year, province", (year, year)
            )
        )
        return [one for one in map(_published, rows) if one.name > after][:limit]

    async def publish_rule_set(
        self,
        record: directives.RuleSetPublished,
        *,
        now: datetime,
        validate_only: bool = False,
    ) -> bool:
        """Whether anything changed."""

        def work(tx: Transaction) -> bool:
            rows = tx.execute("SELECT record FROM rule_sets WHERE rule_set = ?", (record.rule_set,))
            present = directives.RuleSetPublished.FromString(rows[0][0]) if rows else None
            if present is not None and present.document == record.document:
                return False
            if not validate_only:
                index = self._append_in(tx, record)
                tx.run(
                    "INSERT INTO rule_sets (rule_set, record, national_index, publish_time)"
                    " VALUES (?, ?, ?, ?) ON CONFLICT (rule_set) DO UPDATE SET"
                    " record = excluded.record, national_index = excluded.national_index,"
                    " publish_time = excluded.publish_time",
                    (
                        record.rule_set,
                        record.SerializeToString(deterministic=True),
                        index,
                        to_micros(now),
                    ),
                )
            return True

        return await self._database.write(work)

    async def publish_policy(
        self,
        record: directives.PolicyPublished,
        *,
        now: datetime,
        validate_only: bool = False,
    ) -> bool:
        """Whether anything changed."""

        def work(tx: Transaction) -> bool:
            rows = tx.execute("SELECT record FROM policies")
            present = directives.PolicyPublished.FromString(rows[0][0]) if rows else None
            if present is not None and _settings(present) == _settings(record):
                return False
            if not validate_only:
                index = self._append_in(tx, record)
                tx.run(
                    "INSERT INTO policies (policy, record, national_index, publish_time)"
                    " VALUES (1, ?, ?, ?) ON CONFLICT (policy) DO UPDATE SET"
                    " record = excluded.record, national_index = excluded.national_index,"
                    " publish_time = excluded.publish_time",
                    (record.SerializeToString(deterministic=True), index, to_micros(now)),
                )
            return True

        return await self._database.write(work)


def _newest_in(tx: Transaction, year: int, province: str) -> Published | None:
    rows = tx.execute(f"{_NEWEST} AND year = ? AND province = ?", (year, province))
    return _published(rows[0]) if rows else None


def _published(row: Row) -> Published:
    record, index, time = row
    return Published(
        directives.CalendarPublished.FromString(record),
        index,
        from_micros(time),
    )


def _settings(policy: directives.PolicyPublished) -> tuple[int, int, int]:
    return (
        policy.guard_window_seconds,
        policy.stage_hold_after_seconds,
        policy.blob_policy,
    )
