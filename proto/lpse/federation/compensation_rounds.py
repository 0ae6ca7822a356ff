"""How far one stage's end moves for the time lost in its window: counting, adding, rolling.

Round one counts the disturbances that share a moment with [start, end), each from the stage's
start on and to *its own* end, and gives an extended end. A disturbance that begins between the old
end and the extended end takes time from the extension, so it is counted in a further round and
added to the extended end; what was counted once is not counted again. Every round adds at least
one disturbance, so rounds end. Overlapping and touching outages are one disturbance: what is owed
depends on when the service was away, not on how many records say so. Leaves out how stages pull
each other along (`compensation`) and the wording (`compensation_steps`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from lpse.federation.calendars import Calendar, local_date, on_date
from lpse.federation.intervals import Interval, total_duration, touched_dates, union
from lpse.federation.rule_sets import Counting, DayKind, RuleSet

_BLOCK = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Outages that overlap or touch, as one closed interval; `is_open`: closed only by `as_of`."""

    start: datetime
    end: datetime
    is_open: bool

    def from_moment(self, moment: datetime) -> Interval:
        """What counts of it for a stage that starts at `moment`: from there to its own end."""
        return Interval(max(self.start, moment), self.end)


@dataclass(frozen=True, slots=True)
class Terms:
    """What an end is computed by; `rolls`: a computed end must be a working day."""

    rules: RuleSet
    calendar: Calendar
    zone: ZoneInfo
    rolls: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """What all counted time amounts to under the rule set's way of counting."""

    last_end: datetime  # of the last disturbance counted
    lost: timedelta = timedelta()
    dates: tuple[date, ...] = ()
    days: int = 0


@dataclass(frozen=True, slots=True)
class Round:
    """One round: the end before it, and the end after each act of it, in their order."""

    counted: tuple[Interval, ...]  # this round's disturbances, cut at the stage's start
    tally: Tally  # everything counted up to and with this round
    tally_before: Tally
    base: datetime
    added_end: datetime  # after adding what this round counted anew
    usable_end: datetime  # after the shortest usable time that must follow a disturbance
    end: datetime  # after rolling to a working day


@dataclass(frozen=True, slots=True)
class Extension:
    """The end of one window, and how it came about."""

    window: Interval
    moved_end: datetime  # the window's end, rolled when nothing but the move touched it
    rounds: tuple[Round, ...]
    end: datetime
    is_provisional: bool

    @property
    def tally(self) -> Tally:
        """What was counted in all rounds."""
        return self.rounds[-1].tally if self.rounds else Tally(last_end=self.window.start)


def disturbances(outages: Iterable[Interval], as_of: datetime) -> tuple[Disturbance, ...]:
    """The union of the outages in order; an open one is read as lasting until `as_of`."""
    listed = tuple(outages)
    # All open ones last until `as_of`, so the disturbance of the earliest holds them all.
    opened = min((o.start for o in listed if o.end is None and o.start < as_of), default=None)
    result = []
    for interval in union(outage.closed_at(as_of) for outage in listed):
        assert interval.end is not None, "closed_at closes every outage"
        is_open = opened is not None and interval.holds(opened)
        result.append(Disturbance(interval.start, interval.end, is_open))
    return tuple(result)


def extend(
    window: Interval, downtime: Sequence[Disturbance], terms: Terms, *, was_moved: bool
) -> Extension:
    """The new end of `window`; `was_moved` when another stage has already moved it here.

    An end that nothing touches stays as it was published, even on a day off: only a computed end
    must be a working day.
    """
    assert window.end is not None, "a stage has an end"
    moved_end = window.end
    fresh = [d for d in downtime if window.intersects(Interval(d.start, d.end))]
    later = deque(d for d in downtime if d.start >= window.end)
    if was_moved and not fresh:
        moved_end = _rolled(window.end, terms)
        fresh = _begun_before(moved_end, later)
    end, rounds, provisional = moved_end, list[Round](), False
    while fresh:
        counted = tuple(disturbance.from_moment(window.start) for disturbance in fresh)
        before = rounds[-1].tally if rounds else Tally(last_end=counted[0].start)
        rounds.append(_round(end, before, counted, terms, was_moved=was_moved))
        provisional = provisional or any(disturbance.is_open for disturbance in fresh)
        end = rounds[-1].end
        fresh = _begun_before(end, later)
    return Extension(window, moved_end, tuple(rounds), end, provisional)


def _begun_before(end: datetime, later: deque[Disturbance]) -> list[Disturbance]:
    """Take from `later`, which is in order, those that begin before `end`."""
    begun = []
    while later and later[0].start < end:
        begun.append(later.popleft())
    return begun


def _round(
    base: datetime, before: Tally, counted: tuple[Interval, ...], terms: Terms, *, was_moved: bool
) -> Round:
    """Add to `base` what `counted` amounts to beyond `before`; then the floor, then the roll."""
    tally = _tally(before, counted, terms)
    added_end = _added(base, before, tally, terms)
    usable_end = max(added_end, tally.last_end + timedelta(hours=terms.rules.min_usable_hours))
    is_computed = was_moved or usable_end > base
    end = _rolled(usable_end, terms) if is_computed else base
    return Round(counted, tally, before, base, added_end, usable_end, end)


def _tally(before: Tally, counted: tuple[Interval, ...], terms: Terms) -> Tally:
    """Count on from `before`, as the rule set says; `counted` begins where `before` had ended."""
    lost = before.lost + total_duration(counted)
    last_end = max(interval.end for interval in counted if interval.end is not None)
    touched = touched_dates(counted, terms.zone).difference(before.dates[-1:])
    if terms.rules.counts_working_dates:
        touched = frozenset(day for day in touched if terms.calendar.is_working_day(day))
    dates = (*before.dates, *sorted(touched))
    match terms.rules.counting:
        case Counting.TOUCHED_DAYS:
            return Tally(last_end, lost, dates, len(dates))
        case Counting.STARTED_24H:
            return Tally(last_end, lost, dates, -(-lost // _BLOCK))
        case Counting.EXACT:
            return Tally(last_end, lost, dates, 0)


def _added(base: datetime, before: Tally, tally: Tally, terms: Terms) -> datetime:
    """`base` plus what the tally grew by: elapsed time, calendar days or working days."""
    if terms.rules.counting is Counting.EXACT:
        return base + (tally.lost - before.lost)
    days = tally.days - before.days
    day = local_date(base, terms.zone)
    if terms.rules.day_kind is DayKind.WORKING:
        return on_date(base, terms.calendar.add_working_days(day, days), terms.zone)
    return on_date(base, day + timedelta(days=days), terms.zone)


def _rolled(moment: datetime, terms: Terms) -> datetime:
    """The same local time on the next working day, where the rule set asks for one."""
    if not terms.rolls:
        return moment
    day = local_date(moment, terms.zone)
    return on_date(moment, terms.calendar.roll_forward(day), terms.zone)
