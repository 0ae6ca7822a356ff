"""The stages of a package, which stage follows which, and which of them end together.

Two relations hold a schedule together when one of its ends moves. *Following*: a stage's start
keeps its gap to the end of the stage it follows, as the rule set's couplings say or, when it has
none, to the last stage listed before it that ends at or before its start. *Ending together*: ends
that are equal stay equal. Leaves out how far an end moves (`compensation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lpse.federation.errors import Refused
from lpse.federation.intervals import Interval, to_utc
from lpse.federation.rule_sets import Coupling


class ScheduleError(Refused):
    """Stages that form no schedule (FED-4050 … FED-4052)."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage as scheduled: [start, end) in UTC; a stage may be a single moment."""

    name: str
    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", to_utc(self.start))
        object.__setattr__(self, "end", to_utc(self.end))
        if self.end < self.start:
            raise ScheduleError(
                "FED-4050",
                f"stage {self.name[:120]!a} ends before it starts",
                remedy="correct its start or its end",
            )

    def moved_by(self, shift: timedelta) -> Interval:
        """Its window after both ends moved by the same elapsed time."""
        return Interval(self.start + shift, self.end + shift)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Who follows whom and who ends with whom, by position in the list of stages."""

    follows: tuple[int | None, ...]
    # Every stage is in one group; a group comes after the groups that its stages follow.
    groups: tuple[tuple[int, ...], ...]


def arrange(stages: Sequence[Stage], couplings: Sequence[Coupling] | None) -> Arrangement:
    """The two relations among `stages`; refuses equal names and stages that follow in a circle."""
    position = {stage.name: n for n, stage in enumerate(stages)}
    if len(position) != len(stages):
        raise ScheduleError(
            "FED-4051",
            "two stages of the package have the same name",
            remedy="give every stage its own name",
        )
    if couplings is None:
        follows = tuple(_nearest_before(stages, n) for n in range(len(stages)))
    else:
        chosen = {coupling.stage: position.get(coupling.follows) for coupling in couplings}
        follows = tuple(chosen.get(stage.name) for stage in stages)
    _refuse_circle(stages, follows)
    return Arrangement(follows, _groups_in_order(stages, follows))


def _nearest_before(stages: Sequence[Stage], place: int) -> int | None:
    """The last stage listed before `place` that ends at or before its start."""
    ended = (n for n in range(place - 1, -1, -1) if stages[n].end <= stages[place].start)
    return next(ended, None)


def _refuse_circle(stages: Sequence[Stage], follows: Sequence[int | None]) -> None:
    """Whoever walks from a stage to the one it follows must come to an end."""
    for start in range(len(stages)):
        seen = {start}
        place = follows[start]
        while place is not None:
            if place in seen:
                raise _circle([stages[place].name])
            seen.add(place)
            place = follows[place]


def _groups_in_order(
    stages: Sequence[Stage], follows: Sequence[int | None]
) -> tuple[tuple[int, ...], ...]:
    """Stages with equal ends form a group; a group waits for the groups that it follows."""
    waiting: dict[datetime, list[int]] = {}
    for n, stage in enumerate(stages):
        waiting.setdefault(stage.end, []).append(n)
    ordered: list[tuple[int, ...]] = []
    while waiting:
        ready = next((end for end in waiting if _is_ready(waiting, end, stages, follows)), None)
        if ready is None:
            raise _circle([stages[n].name for group in waiting.values() for n in group])
        ordered.append(tuple(waiting.pop(ready)))
    return tuple(ordered)


def _is_ready(
    waiting: dict[datetime, list[int]],
    end: datetime,
    stages: Sequence[Stage],
    follows: Sequence[int | None],
) -> bool:
    """No stage of the group that ends at `end` follows one of another group that still waits."""
    leaders = (follows[n] for n in waiting[end])
    leader_ends = (stages[leader].end for leader in leaders if leader is not None)
    return all(other == end or other not in waiting for other in leader_ends)


def _circle(names: Sequence[str]) -> ScheduleError:
    shown = ", ".join(f"{name[:60]!a}" for name in names[:4])
    return ScheduleError(
        "FED-4052",
        f"the couplings let stages follow each other in a circle: {shown}",
        remedy="remove one of these couplings from the rule set",
    )
