"""How fast, how often, and when to give up: decided from figures alone.

Owns the size of chunks, the waits between attempts, and what an error means for one item. Rules: a
chunk takes about four seconds at the present rate; the road and full disks are never an item's
fault, so they never park it; what the centre refuses again and again is set aside with its reason
and blocks nothing (Invariant 10). Leaves out moving bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lpse.federation.errors import Denied, FederationError, Refused, Unavailable
from lpse.federation.limits import (
    RETRY_AFTER_SECONDS_MAX,
    TRANSFER_CHUNK_BYTES_MAX,
    TRANSFER_CHUNK_BYTES_MIN,
    TRANSFER_CHUNK_SECONDS,
    TRANSFER_REFUSALS_MAX,
    TRANSFER_RETRY_SECONDS_FIRST,
    TRANSFER_RETRY_SECONDS_MAX,
)

MISMATCH: Final = "FED-1202"  # the centre re-read other bytes than announced
FENCED: Final = "FED-2303"  # our own newer stream took over
LOCAL_DAMAGE: Final = "FED-2311"
_NO_ACCESS: Final = frozenset({"FED-3001", "FED-3009"})  # concerns the node, not the item
_OLDER_CENTRE: Final = "FED-2298"
_NOT_UNDERSTOOD: Final = "FED-2313"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of an item after a failed attempt; `refusals` counts those in a row."""

    park: bool
    refusals: int


def judge(error: FederationError, refusals: int) -> Judgement:
    """Try again, or set aside."""
    if error.code == LOCAL_DAMAGE:
        return Judgement(park=True, refusals=refusals + 1)
    road = isinstance(error, Unavailable) or (error.may_retry and error.code != MISMATCH)
    if road or error.code in _NO_ACCESS | {FENCED, _OLDER_CENTRE}:
        return Judgement(park=False, refusals=0)
    if isinstance(error, Refused) and error.code != MISMATCH and not isinstance(error, Denied):
        return Judgement(park=True, refusals=refusals + 1)
    return Judgement(park=refusals + 1 >= TRANSFER_REFUSALS_MAX, refusals=refusals + 1)


def blames_nobody(error: FederationError) -> bool:
    """Whether an error that ended a stream of many concerns all alike, not one among them."""
    if error.code in (_OLDER_CENTRE, _NOT_UNDERSTOOD):
        return False
    return judge(error, 0) == Judgement(park=False, refusals=0)


def wait_ceiling(attempts: int) -> float:
    """The longest wait after so many attempts; the real one is drawn below it (full jitter)."""
    doublings = min(max(attempts - 1, 0), 40)
    return float(min(TRANSFER_RETRY_SECONDS_FIRST * 2.0**doublings, TRANSFER_RETRY_SECONDS_MAX))


def wait_seconds(jitter: float, asked_seconds: float | None) -> float:
    """The jitter, on top of what the other side asked for."""
    return jitter + min(max(asked_seconds or 0.0, 0.0), RETRY_AFTER_SECONDS_MAX)


def next_chunk_bytes(chunk_bytes: int, seconds: float) -> int:
    """Size of the next chunk after one of `chunk_bytes` took `seconds`; grows by doubling."""
    fitting = 2.0 * chunk_bytes
    if seconds > 0:
        fitting = min(fitting, chunk_bytes / seconds * TRANSFER_CHUNK_SECONDS)
    return int(min(max(fitting, TRANSFER_CHUNK_BYTES_MIN), TRANSFER_CHUNK_BYTES_MAX))


def cause_of(error: FederationError) -> str:
    """The last cause as the queue shows it: the code and its words, which name no bid."""
    return f"{error.code} {error.message}"[:200]
