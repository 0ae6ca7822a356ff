"""Whatever the outages are: nothing is shortened, and what was given is not given twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.calendars import Calendar
from lpse.federation.intervals import Interval
from lpse.federation.rule_sets import Counting, DayKind, RuleSet
from lpse.federation.stages import Stage
from lpse.federation.v1 import records_pb2 as records
from regional_node.outages.rules import KnownOutage
from regional_node.schedule.decisions import Wish, decided_stages
from regional_node.schedule.proposals import Draft, Proposal, ProposalState, next_proposal
from regional_node.schedule.rules import Package
from tests.regional_node.schedule.world import OPENING, UPLOAD

ORIGIN = datetime(2015, 3, 2, 1, tzinfo=UTC)
NOW = ORIGIN + timedelta(days=60)
CALENDAR = Calendar(holidays=frozenset({date(2015, 3, 21), date(2015, 4, 3)}))

hours = st.integers(min_value=0, max_value=24 * 20)
outages = st.lists(st.tuples(hours, st.integers(min_value=1, max_value=72)), min_size=1, max_size=4)
rule_sets = st.builds(
    RuleSet,
    id=st.just("aturan"),
    citation=st.just("uji"),
    counting=st.sampled_from(Counting),
    day_kind=st.sampled_from(DayKind),
    end_on_working_day=st.booleans(),
    min_usable_hours=st.sampled_from([0, 24]),
)


# Rules 6 to 8 of domain.md roll and lift an end in every round, so with them a disturbance more can
# make a later round add less and end a little earlier; without them more never gives less.
steady = rule_sets.filter(
    lambda rules: not rules.end_on_working_day and rules.min_usable_hours == 0
)


def known(spans: Sequence[tuple[int, int]]) -> list[KnownOutage]:
    """Declared outages from hours after the origin and durations."""
    return [
        KnownOutage(f"outages/2015-{number:04}", Interval(start, start + length), True, False)
        for number, (start, length) in enumerate(
            (ORIGIN + timedelta(hours=begin), timedelta(hours=long)) for begin, long in spans
        )
    ]


def announced(rules: RuleSet, length: int) -> Package:
    """A package whose bids are taken for some hours, and opened a minute later."""
    end = ORIGIN + timedelta(hours=24 + length)
    stages = (
        Stage(UPLOAD, ORIGIN + timedelta(hours=24), end),
        Stage(OPENING, end + timedelta(minutes=1), end + timedelta(hours=2)),
    )
    return Package(
        code="P1", title="", zone="Asia/Jakarta", rule_set="aturan", rules=rules, revision=1,
        base_revision=1, stages=stages, base=stages, original=stages, settled=(), accounted=(),
        import_digest=b"", cancelled=False, problem="", version=1,
    )  # fmt: skip


def proposed(package: Package, spans: Sequence[KnownOutage]) -> Draft | None:
    """The first proposal."""
    return next_proposal(package, spans, CALENDAR, None, NOW, opened=False)


def decided(draft: Draft, state: ProposalState) -> Proposal:
    """The proposal after a decision."""
    return Proposal(draft.record, state, draft.counted, NOW)


def wish(decision: records.Decision.ValueType, end: datetime | None = None) -> Wish:
    """A Pokja's decision."""
    return Wish("P1", 1, decision, "sesuai", {UPLOAD: end} if end else {}, b"")


@given(rule_sets, hours, outages)
def test_accepted_proposal_owes_nothing_more(
    rules: RuleSet, length: int, spans: list[tuple[int, int]]
) -> None:
    """Accepting gives exactly what is owed: the same outages give no second proposal."""
    package = announced(rules, length)
    draft = proposed(package, known(spans))
    if draft is None:
        return
    last = decided(draft, ProposalState.OPEN)
    after = tuple(decided_stages(wish(records.DECISION_ACCEPT), package, last))
    assert all(new.end >= old.end for new, old in zip(after, package.stages, strict=True))
    moved = replace(package, stages=after, revision=2)
    last = decided(draft, ProposalState.ACCEPTED)
    assert next_proposal(moved, known(spans), CALENDAR, last, NOW, opened=False) is None


@given(rule_sets, hours, outages, st.integers(min_value=0, max_value=72))
def test_own_schedule_counts_no_outage_twice(
    rules: RuleSet, length: int, spans: list[tuple[int, int]], more: int
) -> None:
    """After the committee's own later end, the time that was counted is dealt with."""
    package = announced(rules, length)
    before = [one for one in known(spans) if one.interval.start < package.stages[1].start]
    draft = proposed(package, before)
    if draft is None or UPLOAD not in {one.stage for one in draft.record.adjustments}:
        return
    last = decided(draft, ProposalState.OPEN)
    due = draft.record.adjustments[0].new_end_time.ToDatetime(tzinfo=UTC)
    change = wish(records.DECISION_CHANGE, due + timedelta(hours=more))
    after = tuple(decided_stages(change, package, last))
    gap = after[1].start - after[0].end
    assert gap >= timedelta(minutes=1), "the opening keeps its distance"
    moved = replace(
        package,
        stages=after,
        base=after,
        revision=2,
        base_revision=2,
        settled=draft.counted,
        accounted=draft.counted,
    )
    last = decided(draft, ProposalState.CHANGED)
    again = next_proposal(moved, before, CALENDAR, last, NOW, opened=False)
    assert again is None or not set(again.record.outages) & set(draft.record.outages)


@given(steady, hours, outages, outages)
def test_one_more_outage_never_takes_time_away(
    rules: RuleSet, length: int, spans: list[tuple[int, int]], more: list[tuple[int, int]]
) -> None:
    """Where ends are only added to, more outages never give less."""
    package = announced(rules, length)
    few, many = proposed(package, known(spans)), proposed(package, known([*spans, *more]))
    if few is None:
        return
    assert many is not None
    later = {one.stage: one.new_end_time.ToDatetime() for one in many.record.adjustments}
    assert all(later[one.stage] >= one.new_end_time.ToDatetime() for one in few.record.adjustments)
