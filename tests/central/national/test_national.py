"""The national journal with its gate: visible only after the head file, shut until it is sure."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from central.national.head_file import HeadFile
from central.national.rules import Gate
from central.national.worker import BeaconWorker
from lpse.federation.errors import Conflict, Refused, Unavailable
from lpse.federation.limits import BEACON_SECONDS_MAX
from lpse.federation.v1 import directives_pb2 as directives
from tests.federation.rig import CLOCK, ENTROPY, LOG, Authority, Centre, running


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(Authority(tmp_path / "identities"), tmp_path / "centre")


async def test_what_is_published_stands_in_the_head_file_first(centre: Centre) -> None:
    """Invariant 1: when a publisher is answered, the proof of a plain restart is durable."""
    async with running(centre):
        await centre.national.publish(directives.PolicyPublished())
        filed = HeadFile(centre.folder / "national.head", centre.national.verifier, "").read()
        assert filed == centre.national.head
        assert filed.size == 2


async def test_a_lost_or_damaged_head_file_shuts_the_gate(centre: Centre) -> None:
    """What cannot be proven is not assumed; an operator may assert it, knowing the size."""
    async with running(centre):
        await centre.national.publish(directives.PolicyPublished())
    centre.authority.node("lpse-pacitan")
    (centre.folder / "national.head").write_text("{}", "utf-8")
    async with running(centre):
        national = centre.national
        assert national.gate is Gate.WAITING
        with pytest.raises(Unavailable) as caught:
            await national.publish(directives.PolicyPublished())
        assert caught.value.code == "FED-2220"
        with pytest.raises(Unavailable):
            await centre.database.write(
                lambda tx: national.append_in(tx, directives.PolicyPublished())
            )
        with pytest.raises(Refused):
            await national.assert_complete(expect_size=2, reason=" ", by="ani")
        with pytest.raises(Conflict):
            await national.assert_complete(expect_size=99, reason="compared by hand", by="ani")
        await national.assert_complete(expect_size=2, reason="compared by hand", by="ani")
        await national.publish(directives.PolicyPublished())
    async with running(centre):
        assert centre.national.gate is Gate.OPEN


async def test_a_contradiction_outlives_a_restart_until_the_node_agrees(centre: Centre) -> None:
    """Invariant 5: read-only stays read-only; the evidence is kept."""
    async with running(centre):
        shown = centre.national.head
        await centre.national.witnessed("lpse-pacitan", contained=False, head=shown)
        assert centre.national.gate is Gate.CONTRADICTED
    async with running(centre):
        assert centre.national.gate.value == "contradicted"
        await centre.national.witnessed("lpse-pacitan", contained=True, head=shown)
        assert centre.national.gate.value == "open"


async def test_a_beacon_is_lit_at_least_every_ten_minutes(centre: Centre) -> None:
    """Receipts can prove "not before" because nobody could know the nonce."""
    async with running(centre):
        beacons = BeaconWorker(centre.national, CLOCK, ENTROPY, LOG)
        now = CLOCK.wall()
        await beacons.step(now)
        await beacons.step(now + timedelta(seconds=BEACON_SECONDS_MAX / 2))
        assert centre.national.head.size == 2
        await beacons.step(now + timedelta(seconds=BEACON_SECONDS_MAX * 0.95))
        assert centre.national.head.size == 3
