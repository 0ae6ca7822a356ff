"""A journal that cannot be healed is tried again later and later, up to the longest pause."""

from __future__ import annotations

from itertools import pairwise

from lpse.federation.limits import HEALING_RETRY_SECONDS_FIRST, HEALING_RETRY_SECONDS_MAX
from lpse.storage.healing_backoff import Backoff

JOURNAL = "lpse-pacitan/00"


def _pause(backoff: Backoff, now: float) -> float:
    """Seconds until the journal is due, to the second."""
    seconds = 0
    while not backoff.due(JOURNAL, now + seconds):
        seconds += 1
    return seconds


def test_each_failure_doubles_the_pause_and_the_longest_one_stays() -> None:
    """Whoever cannot be healed costs less and less; what is sound again begins anew."""
    backoff, now, pauses = Backoff(), 100.0, list[float]()
    assert backoff.due(JOURNAL, now)
    for _ in range(9):
        backoff.failed(JOURNAL, now)
        pauses.append(_pause(backoff, now))
        now += pauses[-1]
    assert pauses[0] == HEALING_RETRY_SECONDS_FIRST
    assert all(
        later == min(2 * sooner, HEALING_RETRY_SECONDS_MAX) for sooner, later in pairwise(pauses)
    )
    assert pauses[-1] == HEALING_RETRY_SECONDS_MAX
    backoff.failed(JOURNAL, now)
    backoff.keep_only({"another"})
    assert backoff.due(JOURNAL, now)
