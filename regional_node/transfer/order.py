"""Which blob goes next: decided from figures alone.

Owns urgency, the order inside it, and aging. Rules: blobs whose deadline is near go first, by
slack (deadline, less the time that the transfer takes at the present rate); all others small before
large; every few picks the oldest goes, so that none waits for ever.

What the centre could learn from the order of arrival: only the order of deadlines, which are
public. Slack counts in grains of half an hour, and inside a grain the order is drawn by lot, so
that no border between two packages shows and no bids can be counted by it. Outside urgency size and
age decide, which the centre sees anyhow. Leaves out the road (`road`) and the queue's rows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lpse.federation.limits import (
    TRANSFER_AGING_PICKS,
    TRANSFER_DEADLINE_GRAIN_SECONDS,
    TRANSFER_URGENT_SECONDS,
)

Rank = tuple[int, int, int]
LAST: Rank = (2, 0, 0)
_START = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A blob that may go now; a lower `item` is older, `shuffle` was drawn when it came."""

    item: int
    size_bytes: int
    remaining_bytes: int
    deadline: datetime | None
    shuffle: int


@dataclass(frozen=True, slots=True)
class Pick:
    """What goes next; an aged one goes for a slice only, and nothing takes its place meanwhile."""

    waiting: Waiting
    rank: Rank
    aged: bool


def rank(waiting: Waiting, now: datetime, rate_bytes: float) -> Rank:
    """Lower goes first: urgent ones by grains of slack and by lot, then by size and age."""
    if waiting.deadline is not None and waiting.deadline > now:
        needed = timedelta(seconds=min(waiting.remaining_bytes / rate_bytes, 1e9))
        latest = waiting.deadline - needed  # when it must begin
        if (latest - now).total_seconds() <= TRANSFER_URGENT_SECONDS:
            grain = timedelta(seconds=TRANSFER_DEADLINE_GRAIN_SECONDS)
            return (0, (latest - _START) // grain, waiting.shuffle)
    return (1, waiting.size_bytes, waiting.item)


def picks(
    candidates: Collection[Waiting],
    begun: int,
    now: datetime,
    rate_bytes: float,
    limit: int,
) -> list[Pick]:
    """At most `limit` in the order to send them, after `begun` earlier picks."""
    ranked = sorted(((rank(one, now, rate_bytes), one) for one in candidates), key=_by_rank)
    oldest = iter(sorted((one for _, one in ranked), key=lambda one: one.item))
    chosen: dict[int, Pick] = {}
    following = iter(ranked)
    while len(chosen) < min(limit, len(ranked)):
        number = begun + len(chosen) + 1
        if number % TRANSFER_AGING_PICKS == 0:
            one = next(old for old in oldest if old.item not in chosen)
            chosen[one.item] = Pick(one, rank(one, now, rate_bytes), aged=True)
        else:
            place, one = next((r, w) for r, w in following if w.item not in chosen)
            chosen[one.item] = Pick(one, place, aged=False)
    return list(chosen.values())


def takes_over(better: Rank, present: Rank) -> bool:
    """Whether a blob on its way is broken off for another: only urgency is worth it."""
    if better[0] != present[0]:
        return better[0] < present[0] and better[0] == 0
    return better[0] == 0 and better[1] + 1 < present[1]


def _by_rank(ranked: tuple[Rank, Waiting]) -> tuple[Rank, int]:
    return ranked[0], ranked[1].item
