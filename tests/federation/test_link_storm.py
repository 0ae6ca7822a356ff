"""Many nodes say hello at one moment: each is answered in time, and all of them come in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from central.link.doors import Doors
from lpse.federation.limits import LINK_WELCOME_SECONDS_MAX
from tests.federation.rig import CLOCK, ENTROPY, Authority, Centre, eventually, running
from tests.federation.storm import Storm

NODES = 300
PLACES = 40


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    centre = Centre(Authority(tmp_path / "identities"), tmp_path / "centre")
    async with running(centre):
        yield centre


async def test_a_storm_of_hellos_is_admitted_without_a_time_out(centre: Centre) -> None:
    """Invariant 12: few are judged at a time, the others get a moment each, and nobody is lost."""
    centre.service.doors = Doors(CLOCK, ENTROPY, PLACES)
    storm = Storm(centre, NODES)
    await storm.prepare()
    async with storm.listening():
        result = await storm.blow()
        assert (result.welcomed, result.timed_out, dict(result.broken)) == (NODES, 0, {})
        assert result.refused > 0, "there were more nodes than places"
        assert result.inside_max <= PLACES
        assert result.appointed_max <= NODES
        assert result.answer_seconds_max < LINK_WELCOME_SECONDS_MAX
        assert result.attempts_max <= 10
        doors = centre.service.doors
        assert (doors.inside, doors.appointed) == (0, 0)
        again = await storm.blow()
        assert again.welcomed == NODES
        assert again.hello_bytes_max <= 400, "equal nodes say a slim hello"
    await eventually(
        lambda: all(centre.sessions.presence(one.node_id) is None for one in storm.nodes)
    )
