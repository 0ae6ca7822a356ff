"""What a package is owed for the outages that count: the record of a proposal, computed purely.

Owns the base of the computation. Rules: the same base and the same outages give the same proposal
on every machine, so an amended outage is counted from the base again and never on top of itself;
spans that a Pokja dealt with by an own schedule are not counted twice; nothing proposed is earlier
than what counts now; bids that were opened get no new deadline. Leaves out storing and deciding.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from lpse.federation.calendars import Calendar
from lpse.federation.compensation import StageProposal, propose
from lpse.federation.intervals import Interval, day_interval, touched_dates, union
from lpse.federation.limits import ARITHMETIC_BYTES_MAX, COUNTED_SPANS_MAX
from lpse.federation.rule_sets import Counting
from lpse.federation.stages import Stage
from lpse.federation.v1 import records_pb2 as records
from regional_node.outages.rules import KnownOutage
from regional_node.schedule.preview import stage_document
from regional_node.schedule.rules import Package, Undecided, is_upload


class ProposalState(StrEnum):
    """Where a proposal stands."""

    OPEN = "OPEN"
    SUPERSEDED = "SUPERSEDED"
    ACCEPTED = "ACCEPTED"
    CHANGED = "CHANGED"
    CANCELLED = "CANCELLED"
    WITHDRAWN = "WITHDRAWN"
    ALREADY_OPENED = "ALREADY_OPENED"


DECIDED: Final = (ProposalState.ACCEPTED, ProposalState.CHANGED, ProposalState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A stored proposal; `counted` are the spans behind it."""

    record: records.CompensationProposed
    state: ProposalState
    counted: tuple[Interval, ...]
    create_time: datetime
    decision: records.CompensationDecided | None = None
    decide_time: datetime | None = None

    @property
    def number(self) -> int:
        """1, 2, … per package."""
        return self.record.proposal

    def undecided(self) -> Undecided | None:
        """What it would move, while it waits for a Pokja."""
        if self.state is not ProposalState.OPEN:
            return None
        stages = frozenset(one.stage for one in self.record.adjustments)
        return Undecided(stages, tuple(self.record.outages))


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposal that differs from the last one and must be journalled."""

    record: records.CompensationProposed
    state: ProposalState
    counted: tuple[Interval, ...]


def next_proposal(
    package: Package,
    outages: Sequence[KnownOutage],
    calendar: Calendar,
    last: Proposal | None,
    now: datetime,
    *,
    opened: bool,
) -> Draft | None:
    """The proposal that replaces `last`, or None while it still says what is true."""
    if package.cancelled:
        return None
    draft = _compute(package, outages, calendar, now, opened=opened)
    draft.record.proposal = last.number + 1 if last else 1
    waiting = (ProposalState.OPEN, ProposalState.ALREADY_OPENED)
    if draft.state is ProposalState.WITHDRAWN:
        return draft if last and last.state in waiting else None
    if last and last.state in waiting and says(last.record) == says(draft.record):
        return None
    return draft


def _compute(
    package: Package,
    outages: Sequence[KnownOutage],
    calendar: Calendar,
    now: datetime,
    *,
    opened: bool,
) -> Draft:
    zone = ZoneInfo(package.zone)
    counting = {
        outage.name: remaining(outage.interval, package, zone)
        for outage in outages
        if outage.counts
    }
    spans = [span for parts in counting.values() for span in parts]
    computed = propose(package.base, spans, package.rules, calendar, zone, now)
    moved = _adjustments(package, computed)
    named = [name for name, parts in counting.items() if _touches(parts, computed, package, now)]
    late = opened and any(is_upload(one.stage) for one in moved)
    record = records.CompensationProposed(
        package=package.code,
        schedule_revision=package.revision,
        adjustments=() if late else moved,
        outages=named if moved else (),
        rule_set=package.rule_set,
        provisional=bool(moved) and any(one.provisional for one in computed),
        arithmetic=arithmetic(package, computed) if moved else b"",
        already_opened=late,
    )
    record.as_of_time.FromDatetime(now)
    if not moved:
        return Draft(record, ProposalState.WITHDRAWN, ())
    state = ProposalState.ALREADY_OPENED if late else ProposalState.OPEN
    counted = union(span.closed_at(now) for name in named for span in counting[name])
    record.counted.extend(counted_spans(counted))
    return Draft(record, state, counted)


def remaining(outage: Interval, package: Package, zone: ZoneInfo) -> tuple[Interval, ...]:
    """What of an outage no decision has dealt with yet.

    Where dates are counted, a settled span settles its whole dates, so that an outage that is
    corrected by an hour does not count the same date a second time.
    """
    if not package.settled:
        return (outage,)
    settled: Iterable[Interval] = package.settled
    if package.rules.counting is Counting.TOUCHED_DAYS:
        days = touched_dates(package.settled, zone)
        settled = (day_interval(day, day + timedelta(days=1), zone) for day in days)
    parts = [outage]
    for gone in union(settled):
        parts = [rest for part in parts for rest in _without(part, gone)]
    return tuple(parts)


def _without(part: Interval, gone: Interval) -> list[Interval]:
    """The part before and the part after `gone`."""
    if not part.intersects(gone):
        return [part]
    rest = []
    if part.start < gone.start:
        rest.append(Interval(part.start, gone.start))
    if gone.end is not None and (part.end is None or gone.end < part.end):
        rest.append(Interval(gone.end, part.end))
    return rest


def after_proposal(stages: Sequence[Stage], record: records.CompensationProposed) -> list[Stage]:
    """The whole schedule as it would become."""
    moved = {one.stage: one for one in record.adjustments}
    return [_adjusted(stage, moved.get(stage.name)) for stage in stages]


def adjustment(before: Stage, after: Stage) -> records.StageAdjustment:
    """One stage from old to new, without what it lost."""
    record = records.StageAdjustment(stage=before.name)
    record.old_start_time.FromDatetime(before.start)
    record.old_end_time.FromDatetime(before.end)
    record.new_start_time.FromDatetime(after.start)
    record.new_end_time.FromDatetime(after.end)
    return record


def counted_spans(spans: Sequence[Interval]) -> list[records.CountedSpan]:
    """Closed intervals as journalled; none where a record would grow too long."""
    listed: list[records.CountedSpan] = []
    for span in spans if len(spans) <= COUNTED_SPANS_MAX else ():
        record = records.CountedSpan()
        record.start_time.FromDatetime(span.start)
        record.end_time.FromDatetime(span.end or span.start)
        listed.append(record)
    return listed


def _adjusted(stage: Stage, moved: records.StageAdjustment | None) -> Stage:
    if moved is None:
        return stage
    start = moved.new_start_time.ToDatetime(tzinfo=UTC)
    return Stage(stage.name, start, moved.new_end_time.ToDatetime(tzinfo=UTC))


def _adjustments(
    package: Package, computed: Sequence[StageProposal]
) -> list[records.StageAdjustment]:
    """Stages for which more is owed than what counts now already gives."""
    moved = []
    for stage, owed in zip(package.stages, computed, strict=True):
        after = Stage(
            stage.name,
            max(stage.start, owed.proposed_start),
            max(stage.end, owed.proposed_end),
        )
        if after != stage:
            record = adjustment(stage, after)
            if owed.days is not None:
                record.days = owed.days
            record.lost_seconds = owed.lost_seconds
            moved.append(record)
    return moved


def _touches(
    parts: Sequence[Interval], computed: Sequence[StageProposal], package: Package, now: datetime
) -> bool:
    """Whether the outage took time of any compensable stage, extension included."""
    windows = [
        Interval(one.old_start, one.proposed_end)
        for one in computed
        if package.rules.is_compensable(one.name)
    ]
    return any(part.closed_at(now).intersects(window) for part in parts for window in windows)


def arithmetic(package: Package, computed: Sequence[StageProposal]) -> bytes:
    """The printed arithmetic of the stages that moved; steps give way where it grows too long."""
    zone = ZoneInfo(package.zone)
    moved = [stage_document(one, zone) for one in computed if one.changed]
    document: dict[str, object] = {
        "package": package.code,
        "rule_set": package.rule_set,
        "base_revision": package.base_revision,
        "stages": moved,
    }
    data = _dump(document)
    if len(data) <= ARITHMETIC_BYTES_MAX:
        return data
    document["shortened"] = True
    for stage in moved:
        steps = stage["steps"]
        assert isinstance(steps, list)
        stage["steps"] = steps[-1:]
        stage["touched_dates"] = []
    data = _dump(document)
    return data if len(data) <= ARITHMETIC_BYTES_MAX else _dump({**document, "stages": []})


def _dump(document: dict[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def says(record: records.CompensationProposed) -> bytes:
    """What a proposal states, without its number, its moment and its wording."""
    said = records.CompensationProposed()
    said.CopyFrom(record)
    said.proposal = 0
    said.ClearField("as_of_time")
    said.ClearField("arithmetic")
    said.ClearField("counted")
    return said.SerializeToString(deterministic=True)
