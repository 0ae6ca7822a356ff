"""What nodes reported of their packages' public schedules, and of outages: a projection.

Owns the tables `packages`, `package_stages`, `package_outages` and `outage_receipts`. Rules:
schedules are public, submissions are not, so nothing here counts bids (Invariant 6); the rows can
be dropped and built again from the ledger; what a node says last is true. Leaves out declarations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from central.ledger.ports import Source
from lpse.federation.entries import moment
from lpse.federation.intervals import Interval, to_utc
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros

_END_OF_TIME: Final = 1 << 62
_DECIDED: Final = {
    records.DECISION_ACCEPT: "ACCEPTED",
    records.DECISION_CHANGE: "CHANGED",
    records.DECISION_CANCEL: "CANCELLED",
}


@dataclass(frozen=True, slots=True)
class Touched:
    """How many packages of one node a span intersects; `as_of` is the newest report behind it."""

    packages: int
    as_of: datetime


class PackagesProjection:
    """See the module's first lines; registered with the projector."""

    name = "packages"

    def apply_in(self, tx: Transaction, source: Source, record: Message) -> None:
        """Take one record of a regional journal into the tables."""
        match record:
            case records.PackageScheduled():
                self._scheduled_in(tx, source, record)
            case records.CompensationProposed():
                self._proposed_in(tx, source, record)
            case records.CompensationDecided():
                self._decided_in(tx, source, record)
            case records.DirectiveApplied(directive="outage.revised"):
                self._applied_in(tx, source, record)
            case _:
                pass

    def touched_in(self, tx: Transaction, span: Interval) -> dict[str, Touched]:
        """By node: packages, not cancelled, with a stage that shares a moment with `span`."""
        end = _END_OF_TIME if span.end is None else to_micros(span.end)
        rows = tx.execute(
            "SELECT p.node_id, count(DISTINCT p.package), max(p.record_time) FROM packages p"
            " JOIN package_stages s ON s.node_id = p.node_id AND s.package = p.package"
            " WHERE p.cancelled = 0 AND s.end_time > s.start_time AND s.end_time > ?"
            " AND s.start_time < ? GROUP BY p.node_id",
            (to_micros(span.start), end),
        )
        return {str(node): Touched(int(count), from_micros(time)) for node, count, time in rows}

    def next_ends_in(self, tx: Transaction, now: datetime) -> dict[str, datetime | None]:
        """By node that reported a schedule: the first end after `now`, None where there is none."""
        rows = tx.execute(
            "SELECT p.node_id, min(CASE WHEN s.end_time > ? AND s.end_time > s.start_time"
            " THEN s.end_time END) FROM packages p JOIN package_stages s"
            " ON s.node_id = p.node_id AND s.package = p.package"
            " WHERE p.cancelled = 0 GROUP BY p.node_id",
            (to_micros(now),),
        )
        return {str(node): None if end is None else from_micros(end) for node, end in rows}

    def _scheduled_in(
        self, tx: Transaction, source: Source, record: records.PackageScheduled
    ) -> None:
        key = (source.node_id, record.package)
        tx.run(
            "INSERT INTO packages (node_id, package, revision, record_time) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (node_id, package) DO UPDATE SET revision = excluded.revision,"
            " record_time = excluded.record_time",
            (*key, record.revision, to_micros(source.record_time)),
        )
        tx.run("DELETE FROM package_stages WHERE node_id = ? AND package = ?", key)
        tx.many(
            "INSERT INTO package_stages (node_id, package, position, start_time, end_time)"
            " VALUES (?, ?, ?, ?, ?)",
            [
                (
                    *key,
                    position,
                    _told(stage.start_time),
                    _told(stage.end_time),
                )
                for position, stage in enumerate(record.stages)
            ],
        )

    def _proposed_in(
        self, tx: Transaction, source: Source, record: records.CompensationProposed
    ) -> None:
        key = (source.node_id, record.package)
        state = "OPEN" if record.adjustments else "WITHDRAWN"
        if record.already_opened:
            state = "ALREADY_OPENED"
        tx.run(
            "UPDATE packages SET proposal = ?, state = ? WHERE node_id = ? AND package = ?",
            (record.proposal, state, *key),
        )
        tx.run("DELETE FROM package_outages WHERE node_id = ? AND package = ?", key)
        tx.many(
            "INSERT INTO package_outages (node_id, package, outage) VALUES (?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            [(*key, outage) for outage in record.outages],
        )

    def _decided_in(
        self, tx: Transaction, source: Source, record: records.CompensationDecided
    ) -> None:
        cancelled = record.decision == records.DECISION_CANCEL
        tx.run(
            "UPDATE packages SET state = ?, cancelled = ? WHERE node_id = ? AND package = ?",
            (
                _DECIDED.get(record.decision, "DECIDED"),
                int(cancelled),
                source.node_id,
                record.package,
            ),
        )

    def _applied_in(
        self, tx: Transaction, source: Source, record: records.DirectiveApplied
    ) -> None:
        tx.run(
            "INSERT INTO outage_receipts (outage, node_id, national_index, outcome, late, detail,"
            " apply_time) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (outage, node_id) DO UPDATE SET"
            " national_index = excluded.national_index, outcome = excluded.outcome,"
            " late = excluded.late, detail = excluded.detail, apply_time = excluded.apply_time"
            " WHERE excluded.national_index >= outage_receipts.national_index",
            (
                record.subject,
                source.node_id,
                record.national_index,
                record.outcome,
                int(record.late),
                record.detail,
                to_micros(source.record_time),
            ),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a node said of an outage, with its packages that count it."""

    node_id: str
    national_index: int
    outcome: str
    late: bool
    detail: str
    apply_time: datetime
    proposed: int
    decided: int
    already_opened: int


def receipts_in(tx: Transaction, outage: str) -> Sequence[Receipt]:
    """Every node that said something of an outage, in order of their ids."""
    counted = {
        str(node): (int(proposed), int(decided), int(opened))
        for node, proposed, decided, opened in tx.execute(
            "SELECT o.node_id, count(*),"
            " sum(p.state IN ('ACCEPTED', 'CHANGED', 'CANCELLED')),"
            " sum(p.state = 'ALREADY_OPENED')"
            " FROM package_outages o"
            " JOIN packages p ON p.node_id = o.node_id AND p.package = o.package"
            " WHERE o.outage = ? GROUP BY o.node_id",
            (outage,),
        )
    }
    rows = tx.execute(
        "SELECT node_id, national_index, outcome, late, detail, apply_time FROM outage_receipts"
        " WHERE outage = ? ORDER BY node_id",
        (outage,),
    )
    return [
        Receipt(
            str(node), index, outcome, bool(late), detail, from_micros(time),
            *counted.get(str(node), (0, 0, 0)),
        )
        for node, index, outcome, late, detail, time in rows
    ]  # fmt: skip


def _told(time: Timestamp) -> int:
    """A node's word for a time; one outside of the calendar parks its entry, and that alone."""
    return to_micros(to_utc(moment(time)))
