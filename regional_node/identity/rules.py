"""When a node's certificate is renewed: pure arithmetic on its life.

Rule: at two thirds of its life, later by a jitter that differs per node, so that nodes enrolled on
one day do not come back on one day; an expired certificate is due at once, since renewal needs no
valid one. Leaves out how it is renewed.
"""

from __future__ import annotations

from datetime import datetime

from lpse.federation.limits import (
    RECONNECT_SECONDS_FIRST,
    RENEWAL_JITTER_PART,
    RENEWAL_LIFE_PART,
    RENEWAL_WAIT_SECONDS_MAX,
)


def due_time(begin: datetime, end: datetime, jitter: float) -> datetime:
    """When to renew; `jitter` is a number from [0, 1) that stays the same for one certificate."""
    return begin + (end - begin) * (RENEWAL_LIFE_PART + RENEWAL_JITTER_PART * jitter)


def wait_after_failure(failures: int, jitter: float) -> float:
    """Seconds until the next attempt after `failures` in a row: full jitter, growing, bounded."""
    ceiling = RECONNECT_SECONDS_FIRST * 2.0 ** min(failures, 40)
    return jitter * min(RENEWAL_WAIT_SECONDS_MAX, ceiling)
