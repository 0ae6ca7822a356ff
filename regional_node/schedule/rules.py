"""A package's schedule at one moment: roles of its stages, what an import may change, holds.

Owns the value `Package`, the rules of imports and the table of holds. Rules (domain.md): the rule
set belongs to the package from its announcement; nothing but a Pokja's decision moves a deadline
that is held, and no import shortens what a decision extended; a stage that falls due in a counting
outage does not end until a Pokja decides. Leaves out the arithmetic (`proposals`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from lpse.federation.errors import Conflict, Refused
from lpse.federation.intervals import Interval
from lpse.federation.rule_sets import RuleSet
from lpse.federation.stages import Stage
from regional_node.outages.rules import KnownOutage, holds_at

_UPLOAD: Final = "upload dokumen"
_OPENING: Final = "pembukaan"


@dataclass(frozen=True, slots=True)
class Package:
    """One package as the node knows it; `version` moves with every change."""

    code: str
    title: str
    zone: str
    rule_set: str
    rules: RuleSet
    revision: int
    base_revision: int
    stages: tuple[Stage, ...]  # the newest revision: what counts now
    base: tuple[Stage, ...]  # the revision on which outages are counted
    original: tuple[Stage, ...]  # revision 1
    settled: tuple[Interval, ...]  # spans that decisions have dealt with for this base
    accounted: tuple[Interval, ...]  # spans that the last decision counted
    import_digest: bytes
    cancelled: bool
    problem: str
    version: int


def is_upload(stage: str) -> bool:
    """Whether bids are taken in that stage, by its official name."""
    return stage.casefold().startswith(_UPLOAD)


def is_opening(stage: str) -> bool:
    """Whether bids are opened when that stage begins, by its official name."""
    return stage.casefold().startswith(_OPENING)


def bid_stage(stages: Sequence[Stage], wanted: str | None) -> Stage:
    """The upload stage that is meant; Refused (FED-4102) where no bids are taken."""
    uploads = [stage for stage in stages if is_upload(stage.name)]
    chosen = [stage for stage in uploads if wanted is None or stage.name == wanted]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        raise Refused(
            "FED-4102", "the package has several upload stages", remedy="name the stage of the bid"
        )
    raise Refused(
        "FED-4102",
        "no bids are taken in that stage" if uploads else "the package has no upload stage",
        remedy="package get shows the stages",
    )


def bid_deadline(stages: Sequence[Stage]) -> datetime | None:
    """The last moment before which bids are taken; None where the package takes none."""
    return max((stage.end for stage in stages if is_upload(stage.name)), default=None)


# --- imports -------------------------------------------------------------------------------------


class Import(StrEnum):
    """What an import means for a known package."""

    UNCHANGED = "UNCHANGED"
    REVISED = "REVISED"


@dataclass(frozen=True, slots=True)
class Imported:
    """A package as SPSE publishes it now; `rule_set` may be empty: as announced."""

    code: str
    title: str
    zone: str
    rule_set: str
    stages: tuple[Stage, ...]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """What an import must respect; `decided` are the latest ends that a Pokja gave, by stage."""

    opened: bool
    held: bool
    decided: Mapping[str, datetime]


def judge_import(known: Package, given: Imported, standing: Standing, now: datetime) -> Import:
    """Whether an import changes anything; raises where it must not (FED-4103 … FED-4107)."""
    if given.rule_set not in ("", known.rule_set):
        raise Conflict(
            "FED-4103",
            f"the package was announced under {known.rule_set} and keeps these rules",
            remedy="leave rule_set out, or write the one of the announcement",
        )
    if given.zone != known.zone:
        raise Conflict("FED-4104", f"the package was announced in the zone {known.zone}")
    same_stages = given.stages == known.stages
    if given.digest == known.import_digest or (same_stages and given.title == known.title):
        return Import.UNCHANGED
    if known.cancelled:
        raise Conflict("FED-4105", "the selection was cancelled; its schedule moves no more")
    if standing.held and not same_stages:
        raise Conflict(
            "FED-4106",
            "a stage of the package is held because of a disturbance",
            remedy="the Pokja decides first: compensation decide",
        )
    _check_ends(known, given, standing, now)
    return Import.REVISED


def _check_ends(known: Package, given: Imported, standing: Standing, now: datetime) -> None:
    before = {stage.name: stage for stage in known.stages}
    for name in before.keys() - {stage.name for stage in given.stages}:
        if is_upload(name):
            raise Conflict("FED-4107", "the import leaves out the stage in which bids are taken")
    for stage in given.stages:
        old = before.get(stage.name)
        if old is None or old.end == stage.end:
            continue
        if standing.opened and is_upload(stage.name):
            raise Conflict("FED-4107", "the bids were opened; their deadline moves no more")
        if stage.end < standing.decided.get(stage.name, stage.end):
            raise Conflict(
                "FED-4107",
                "the import would shorten a deadline that a Pokja decision extended",
                remedy="put the decided schedule into SPSE, then import again",
            )
        if stage.end < old.end and is_upload(stage.name) and old.start <= now:
            raise Conflict(
                "FED-4107",
                "the import would bring the deadline of bids forward while bids are taken",
                remedy="a published deadline never comes earlier; cancel the selection instead",
            )
        if stage.end < old.end and stage.end < now:
            raise Conflict(
                "FED-4107",
                "the import would end a stage in the past",
                remedy="a published end may come earlier, but not before the present moment",
            )


# --- holds ---------------------------------------------------------------------------------------


class HoldEvent(StrEnum):
    """What can happen to the transition of one stage."""

    FELL_DUE = "FELL_DUE"  # in an outage that holds
    DECIDED = "DECIDED"
    CANCELLED = "CANCELLED"
    WITHDRAWN = "WITHDRAWN"  # every outage behind it was taken back
    NOT_COUNTED = "NOT_COUNTED"  # a correction moved every outage away from it


class HoldState(StrEnum):
    """Whether a transition waits."""

    FREE = "FREE"
    HELD = "HELD"
    ENDED = "ENDED"


HOLD_MOVES: Final[dict[tuple[HoldState, HoldEvent], HoldState]] = {
    (HoldState.FREE, HoldEvent.FELL_DUE): HoldState.HELD,
    (HoldState.ENDED, HoldEvent.FELL_DUE): HoldState.HELD,
    (HoldState.HELD, HoldEvent.DECIDED): HoldState.ENDED,
    (HoldState.HELD, HoldEvent.CANCELLED): HoldState.ENDED,
    (HoldState.HELD, HoldEvent.WITHDRAWN): HoldState.ENDED,
    (HoldState.HELD, HoldEvent.NOT_COUNTED): HoldState.ENDED,
}


def move_hold(state: HoldState, event: HoldEvent) -> HoldState:
    """The next state; Conflict (FED-4108) for a move that the table does not have."""
    if (state, event) not in HOLD_MOVES:
        raise Conflict("FED-4108", f"a hold that is {state} cannot be {event}")
    return HOLD_MOVES[state, event]


@dataclass(frozen=True, slots=True)
class Hold:
    """A stage that does not end, or does not begin, for now; `end` is None while it lasts."""

    stage: str
    due: datetime
    outages: tuple[str, ...]
    start: datetime
    end: datetime | None = None
    end_reason: str = ""

    @property
    def state(self) -> HoldState:
        """By its end."""
        return HoldState.HELD if self.end is None else HoldState.ENDED

    @property
    def decided(self) -> bool:
        """Whether a Pokja ended it."""
        return self.end_reason == HoldEvent.DECIDED.lower()


@dataclass(frozen=True, slots=True)
class Undecided:
    """What a proposal that waits for a Pokja would move."""

    stages: frozenset[str]
    outages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that decides about the holds of one package at one moment."""

    package: Package
    outages: tuple[KnownOutage, ...]
    undecided: Undecided | None
    holds: tuple[Hold, ...]
    opened: bool
    now: datetime
    hold_after: timedelta


@dataclass(frozen=True, slots=True)
class Due:
    """A transition that has come: the end of a stage, or the beginning of the opening."""

    stage: str
    moment: datetime
    takes_bids: bool
    opens: bool


def transitions(package: Package, now: datetime) -> Iterator[Due]:
    """Compensable ends, and openings, that have fallen due."""
    for stage in package.stages:
        if not package.rules.is_compensable(stage.name):
            continue
        if is_opening(stage.name) and stage.start <= now:
            yield Due(stage.name, stage.start, takes_bids=False, opens=True)
        elif not is_opening(stage.name) and stage.end <= now:
            yield Due(stage.name, stage.end, takes_bids=is_upload(stage.name), opens=False)


def next_transition(package: Package, now: datetime) -> datetime | None:
    """The earliest end or opening after `now`."""
    moments = [m for stage in package.stages for m in (stage.start, stage.end) if m > now]
    return min(moments, default=None)


def causes(sight: Sight, due: Due) -> tuple[str, ...]:
    """The outages for which a transition waits; none: it does not wait.

    Bids that were opened cannot be closed again, so their stage waits no more. The bid deadline
    waits also when a declaration came after it passed and its proposal is undecided: whoever opened
    bids now would make the repair impossible.
    """
    if sight.opened and (due.takes_bids or due.opens):
        return ()
    names = [
        outage.name
        for outage in sight.outages
        if holds_at(outage, due.moment, sight.now, sight.hold_after, begins=due.opens)
    ]
    if due.takes_bids and sight.undecided and due.stage in sight.undecided.stages:
        names += [name for name in sight.undecided.outages if name not in names]
    return tuple(names)


def holds_to_start(sight: Sight) -> list[Hold]:
    """Transitions that begin to wait now. One that was decided waits again for new causes only."""
    if sight.package.cancelled:
        return []
    started = []
    for due in transitions(sight.package, sight.now):
        found = causes(sight, due)
        waits = any(hold.stage == due.stage and hold.end is None for hold in sight.holds)
        undecided = sight.undecided is not None and due.stage in sight.undecided.stages
        fresh = not set(found) <= _settled(sight, due) or (undecided and due.takes_bids)
        if found and not waits and fresh:
            started.append(Hold(due.stage, due.moment, found, sight.now))
    return started


def _settled(sight: Sight, due: Due) -> set[str]:
    """Outages for which a Pokja has let this very transition go on; a correction settles none."""
    return {
        name
        for hold in sight.holds
        if (hold.stage, hold.due) == (due.stage, due.moment) and hold.decided
        for name in hold.outages
    }


def holds_to_end(sight: Sight, withdrawn: Iterable[str]) -> list[tuple[Hold, HoldEvent]]:
    """Holds whose causes are all gone: the deadline is as before, never earlier."""
    gone = set(withdrawn)
    ended = []
    dues = {(due.stage, due.moment): due for due in transitions(sight.package, sight.now)}
    for hold in sight.holds:
        if hold.end is not None:
            continue
        due = dues.get((hold.stage, hold.due))
        if due is None or not causes(sight, due):
            taken_back = gone.issuperset(hold.outages)
            event = HoldEvent.WITHDRAWN if taken_back else HoldEvent.NOT_COUNTED
            ended.append((hold, event))
    return ended
