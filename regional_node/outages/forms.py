"""Declared and measured outages as values, and their rows: the stored forms in one place.

Leaves out every statement that writes (`store`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lpse.federation.intervals import Interval
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Row
from lpse.runtime.sqlite.instants import from_micros
from regional_node.outages import rules
from regional_node.outages.rules import Kind

DECLARED: Final = (
    "SELECT outage, revision, record, start_time, end_time, applies, withdrawn, late, apply_time"
    " FROM outage_declared"
)
MEASURED: Final = (
    "SELECT number, kind, start_time, end_time, probes_failed, evidence, during_upgrade,"
    " confirmation, confirm_time FROM outage_measured"
)


@dataclass(frozen=True, slots=True)
class DeclaredOutage:
    """The newest revision known here, and its span in the node's zone."""

    name: str
    record: directives.OutageRevised
    interval: Interval
    applies: bool
    withdrawn: bool
    late: bool
    apply_time: datetime

    @property
    def counts(self) -> bool:
        """Whether its time is given back here."""
        return self.applies and not self.withdrawn


@dataclass(frozen=True, slots=True)
class MeasuredOutage:
    """One span that probes saw; `confirmation` is None while no officer spoke."""

    number: int
    kind: Kind
    interval: Interval
    probes_failed: int
    evidence: str
    during_upgrade: bool
    confirmation: records.OutageConfirmed | None
    confirm_time: datetime | None

    @property
    def name(self) -> str:
        """`measured/1`."""
        return f"measured/{self.number}"

    @property
    def counts(self) -> bool:
        """Whether its time is given back here."""
        return self.kind is Kind.SERVICE and self.confirmation is not None


def declared_of(row: Row) -> DeclaredOutage:
    """A row of `DECLARED`."""
    name, _, record, start, end, applies, withdrawn, late, applied = row
    return DeclaredOutage(
        name=name,
        record=directives.OutageRevised.FromString(record),
        interval=interval_of(start, end),
        applies=bool(applies),
        withdrawn=bool(withdrawn),
        late=bool(late),
        apply_time=from_micros(applied),
    )


def measured_of(row: Row) -> MeasuredOutage:
    """A row of `MEASURED`."""
    number, kind, start, end, failed, evidence, upgrading, statement, confirmed = row
    return MeasuredOutage(
        number=number,
        kind=Kind.SERVICE if kind == records.MEASURED_KIND_SERVICE else Kind.LINK,
        interval=interval_of(start, end),
        probes_failed=failed,
        evidence=evidence,
        during_upgrade=bool(upgrading),
        confirmation=None if statement is None else records.OutageConfirmed.FromString(statement),
        confirm_time=None if confirmed is None else from_micros(confirmed),
    )


def record_of(one: MeasuredOutage) -> records.OutageMeasured:
    """The journal's form of a measurement as it stands."""
    record = records.OutageMeasured(
        outage=one.name,
        kind=rules.WIRE_KIND[one.kind],
        probes_failed=one.probes_failed,
        evidence=one.evidence,
        during_upgrade=one.during_upgrade,
    )
    record.start_time.FromDatetime(one.interval.start)
    if one.interval.end is not None:
        record.end_time.FromDatetime(one.interval.end)
    return record


def interval_of(start: int, end: int | None) -> Interval:
    """A span from stored microseconds."""
    return Interval(from_micros(start), None if end is None else from_micros(end))
