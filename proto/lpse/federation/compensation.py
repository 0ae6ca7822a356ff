"""The time that outages took from a package's stages, and the schedule that would give it back.

Owns `propose`: from a published schedule, the outages that count, the package's rule set and the
calendar it computes a *proposal* with printed arithmetic. It moves nothing; only a Pokja decision
does (Perka LKPP 1/2015). A stage follows its predecessor with the gap it had, and what it lost is
then counted in the window it moved to, never both shifts. Ends that were equal stay equal: all
take the latest. No proposed end is earlier than the published one. Leaves out which outages count
(the caller passes only those), holds, and whether bids were opened already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from lpse.federation.calendars import Calendar
from lpse.federation.compensation_rounds import (
    Disturbance,
    Extension,
    Terms,
    disturbances,
    extend,
)
from lpse.federation.compensation_steps import Context, Move, Step, print_steps
from lpse.federation.intervals import Interval, to_utc
from lpse.federation.rule_sets import Counting, RuleSet
from lpse.federation.stages import Stage, arrange

_NO_SHIFT = timedelta()


@dataclass(frozen=True, slots=True)
class StageProposal:
    """One stage: as published, as it would become, and why. All times are UTC.

    `days` counts what this stage itself lost (None for rule sets that count exactly); a stage that
    only moves along with others has lost 0. `touched_dates` are local dates of the package's zone;
    for `touched_days` they are exactly the dates counted.
    """

    name: str
    old_start: datetime
    old_end: datetime
    proposed_start: datetime
    proposed_end: datetime
    days: int | None
    lost: timedelta
    touched_dates: tuple[date, ...]
    provisional: bool
    steps: tuple[Step, ...]

    @property
    def changed(self) -> bool:
        """Whether the proposal differs from the published schedule."""
        return (self.old_start, self.old_end) != (self.proposed_start, self.proposed_end)

    @property
    def lost_seconds(self) -> int:
        """Whole seconds of service lost in the stage; a begun second counts."""
        return -(-self.lost // timedelta(seconds=1))


@dataclass(frozen=True, slots=True)
class _Moved:
    """A stage that is computed already, as those that follow it need it."""

    start: datetime
    extension: Extension
    end: datetime
    provisional: bool


def propose(
    stages: Sequence[Stage],
    outages: Iterable[Interval],
    rules: RuleSet,
    calendar: Calendar,
    zone: ZoneInfo,
    as_of: datetime,
) -> tuple[StageProposal, ...]:
    """Every stage in the order given, unchanged ones too.

    `outages` are those that count for this node, in any order; overlaps and repetitions change
    nothing. One without an end is read as lasting until `as_of`, and what rests on it is
    provisional.
    """
    return _Computation(stages, rules, calendar, zone, to_utc(as_of)).run(outages)


class _Computation:
    """One call of `propose`; holds what every stage needs."""

    def __init__(
        self,
        stages: Sequence[Stage],
        rules: RuleSet,
        calendar: Calendar,
        zone: ZoneInfo,
        as_of: datetime,
    ) -> None:
        self._stages = tuple(stages)
        self._rules = rules
        self._calendar = calendar
        self._zone = zone
        self._as_of = as_of
        self._arrangement = arrange(self._stages, rules.couplings)
        self._moved: dict[int, _Moved] = {}

    def run(self, outages: Iterable[Interval]) -> tuple[StageProposal, ...]:
        downtime = disturbances(outages, self._as_of)
        for group in self._arrangement.groups:
            self._settle(group, downtime)
        return tuple(self._proposal(place) for place in range(len(self._stages)))

    def _settle(self, group: tuple[int, ...], downtime: Sequence[Disturbance]) -> None:
        """Compute the stages of one group, which ended together, and let them end together."""
        rolls = any(self._rules.must_end_on_working_day(self._stages[n].name) for n in group)
        terms = Terms(self._rules, self._calendar, self._zone, rolls)
        extensions = {n: self._extension(n, downtime, terms) for n in group}
        end = max(extension.end for extension in extensions.values())
        provisional = any(e.is_provisional for e in extensions.values()) or any(
            self._moved[leader].provisional for leader in self._leaders(group)
        )
        for n in group:
            start = self._start(n, group, extensions[n], end)
            self._moved[n] = _Moved(start, extensions[n], end, provisional)

    def _extension(self, place: int, downtime: Sequence[Disturbance], terms: Terms) -> Extension:
        """The stage's own end: moved by its predecessor, then given back what it lost there."""
        stage, shift = self._stages[place], self._shift(place)
        counting = downtime if self._rules.is_compensable(stage.name) else ()
        return extend(stage.moved_by(shift), counting, terms, was_moved=shift > _NO_SHIFT)

    def _shift(self, place: int) -> timedelta:
        """How far the end of the stage it follows has moved; none while that is not settled."""
        leader = self._arrangement.follows[place]
        if leader is None or leader not in self._moved:
            return _NO_SHIFT
        return self._moved[leader].end - self._stages[leader].end

    def _start(
        self, place: int, group: tuple[int, ...], extension: Extension, end: datetime
    ) -> datetime:
        """The start keeps its gap to the end it follows, also when that is the group's own end."""
        if self._arrangement.follows[place] in group:
            return self._stages[place].start + (end - self._stages[place].end)
        return extension.window.start

    def _leaders(self, group: tuple[int, ...]) -> list[int]:
        """The settled stages that the group's stages follow."""
        leaders = (self._arrangement.follows[n] for n in group)
        return [leader for leader in leaders if leader is not None and leader not in group]

    def _proposal(self, place: int) -> StageProposal:
        stage, moved = self._stages[place], self._moved[place]
        tally = moved.extension.tally
        assert moved.end >= stage.end, "a compensated end is never earlier than the published one"
        return StageProposal(
            name=stage.name,
            old_start=stage.start,
            old_end=stage.end,
            proposed_start=moved.start,
            proposed_end=moved.end,
            days=None if self._rules.counting is Counting.EXACT else tally.days,
            lost=tally.lost,
            touched_dates=tally.dates,
            provisional=moved.provisional,
            steps=self._steps(place),
        )

    def _steps(self, place: int) -> tuple[Step, ...]:
        stage, moved = self._stages[place], self._moved[place]
        leader = self._arrangement.follows[place]
        together = next(group for group in self._arrangement.groups if place in group)
        move = Move(
            stage=stage,
            start=moved.start,
            end=moved.end,
            extension=moved.extension,
            provisional=moved.provisional,
            follows=None if leader is None else self._stages[leader].name,
            ends_with=tuple(self._stages[n].name for n in together if n != place),
        )
        return print_steps(move, Context(self._rules, self._calendar, self._zone, self._as_of))
