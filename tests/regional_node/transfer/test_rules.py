"""How fast, how often and when to give up: judged from figures alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.errors import Denied, FederationError, NotFound, Refused, Stale, Unavailable
from lpse.federation.limits import (
    TRANSFER_CHUNK_BYTES_MAX,
    TRANSFER_CHUNK_BYTES_MIN,
    TRANSFER_REFUSALS_MAX,
    TRANSFER_RETRY_SECONDS_MAX,
)
from regional_node.transfer.rules import (
    Judgement,
    judge,
    next_chunk_bytes,
    wait_ceiling,
    wait_seconds,
)


@given(st.integers(TRANSFER_CHUNK_BYTES_MIN, TRANSFER_CHUNK_BYTES_MAX), st.floats(0, 1e6))
def test_chunks_stay_within_the_contract(chunk: int, seconds: float) -> None:
    """Invariant 12: whatever the line does, a chunk has 16 KiB to 1 MiB and grows by doubling."""
    following = next_chunk_bytes(chunk, seconds)
    assert TRANSFER_CHUNK_BYTES_MIN <= following <= TRANSFER_CHUNK_BYTES_MAX
    assert following <= max(2 * chunk, TRANSFER_CHUNK_BYTES_MIN)


@pytest.mark.parametrize("bytes_per_second", [8_000, 64_000, 500_000, 5_000_000])
def test_chunk_settles_at_eight_seconds_or_less(bytes_per_second: int) -> None:
    """On a steady line a chunk takes at most eight seconds, or is as small as allowed."""
    chunk = TRANSFER_CHUNK_BYTES_MAX
    for _ in range(20):
        chunk = next_chunk_bytes(chunk, chunk / bytes_per_second)
    assert chunk / bytes_per_second <= 8 or chunk == TRANSFER_CHUNK_BYTES_MIN


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("FED-2299", "the road"),
        Unavailable("FED-1101", "the disk"),
        Stale("FED-2303", "our own newer stream"),
        Denied("FED-3009", "the node"),
    ],
)
def test_what_is_not_the_items_fault_never_parks_it(error: FederationError) -> None:
    """Invariant 10: roads, full disks and lost access are tried again for ever."""
    assert judge(error, TRANSFER_REFUSALS_MAX + 7) == Judgement(park=False, refusals=0)


def test_what_is_refused_again_and_again_is_parked() -> None:
    """Invariant 10: a refusal that may pass is tried a few times; a wrong call only once."""
    denied = Denied("FED-2301", "no entry names these bytes")
    assert judge(denied, 0) == Judgement(park=False, refusals=1)
    assert judge(denied, TRANSFER_REFUSALS_MAX - 1).park
    mismatch = Refused("FED-1202", "other bytes")
    mismatch.may_retry = True
    assert not judge(mismatch, 0).park and judge(mismatch, TRANSFER_REFUSALS_MAX - 1).park
    assert judge(Refused("FED-2304", "another size"), 0).park
    assert judge(Refused("FED-2311", "damaged here"), 0).park
    assert not judge(NotFound("FED-9999", "something new"), 0).park


def test_waits_grow_to_a_limit() -> None:
    """Invariant 12: waits double up to five minutes, on top of what the centre asks for."""
    assert [wait_ceiling(attempts) for attempts in (1, 2, 3)] == [1, 2, 4]
    assert wait_ceiling(10_000) == TRANSFER_RETRY_SECONDS_MAX
    assert wait_seconds(0.5, 2.0) == 2.5 and wait_seconds(0.5, None) == 0.5
