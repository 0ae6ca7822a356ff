"""A holder of one grant, or anybody without one, cannot keep the node from all others."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from lpse.federation.errors import Unavailable
from lpse.federation.limits import WEB_TURNS_WAITING_MAX
from lpse.runtime.clock import SystemClock
from regional_node.grants.rules import Grant
from regional_node.tus.overview import GrantOverview
from regional_node.web.connections import Connections
from regional_node.web.rates import Rates
from tests.regional_node.web.scene import Scene


class Slow:
    """Overviews that end when a test says so; how many of each grant are being made."""

    def __init__(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        self._true = scene.files.overview
        self.go_on = asyncio.Event()
        self.now: Counter[int] = Counter()
        self.most: Counter[int] = Counter()
        monkeypatch.setattr(scene.files, "overview", self._overview)

    async def _overview(self, grant: Grant) -> GrantOverview:
        self.now[grant.grant_id] += 1
        self.most[grant.grant_id] = max(self.most[grant.grant_id], self.now[grant.grant_id])
        await self.go_on.wait()
        self.now[grant.grant_id] -= 1
        return await self._true(grant)


async def test_one_grant_has_one_state_made_at_a_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks many times at once waits behind himself, is told so, and hinders no other grant."""
    slow = Slow(scene, monkeypatch)
    greedy, path = await scene.grant()
    other, other_path = await scene.grant("PT Lain")
    asked = [
        asyncio.create_task(scene.web.get(f"{path}{rest}"))
        for rest in ["/state", ""] * (WEB_TURNS_WAITING_MAX + 8)
    ]
    honest = asyncio.create_task(scene.web.get(f"{other_path}/state"))
    async with asyncio.timeout(60):
        while not slow.now[other.grant_id] or sum(task.done() for task in asked) < 16:
            await asyncio.sleep(0.01)
    slow.go_on.set()
    statuses = Counter(answer.status_code for answer in await asyncio.gather(*asked))
    assert slow.most[greedy.grant_id] == 1
    assert statuses[200] == WEB_TURNS_WAITING_MAX + 1
    assert set(statuses) == {200, 429}
    assert (await honest).status_code == 200


async def test_bytes_wait_for_no_page(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a state is being made, the same grant's files go on and are submitted."""
    slow = Slow(scene, monkeypatch)
    _, path = await scene.grant()
    looking = asyncio.create_task(scene.web.get(f"{path}/state"))
    async with asyncio.timeout(60):
        while not slow.now:
            await asyncio.sleep(0.01)
        file_id = await scene.send(path, b"bytes")
        answer = await scene.web.post(f"{path}/submit", json={"files": [file_id]})
    assert answer.status_code == 201
    slow.go_on.set()
    assert (await looking).status_code == 200


@pytest.mark.parametrize("path", ["/%67/{token}", "/g/{token}/%73tate", "/g/%61{token}", "/d%6fne"])
async def test_no_address_has_a_second_spelling(scene: Scene, path: str) -> None:
    """An encoded path passes no check by being read in two ways."""
    _, own = await scene.grant()
    answer = await scene.web.get(path.replace("{token}", own[3:]))
    assert (answer.status_code, answer.json()["code"]) == (404, "FED-5331")


def test_one_subscriber_is_one_address() -> None:
    """Whoever has a whole IPv6 network gets no limit of his own for each of its addresses."""
    connections = Connections(SystemClock(), total_max=100, per_address_max=2, proxies=())
    rates = Rates(SystemClock(), requests_per_second=0.1, proxies=())
    assert connections.enter("2001:db8:0:1::1")
    assert connections.enter("2001:db8:0:1:ffff::2")
    assert not connections.enter("2001:db8:0:1::3")
    assert connections.enter("2001:db8:0:2::1")
    connections.leave("2001:db8:0:1::1")
    assert connections.enter("2001:db8:0:1::3")
    rates.request("2001:db8:0:1::1")
    with pytest.raises(Unavailable):
        rates.request("2001:db8:0:1::2")
    rates.request("::ffff:192.0.2.1")
    rates.request("::ffff:192.0.2.2")
    with pytest.raises(Unavailable):
        rates.request("192.0.2.1")
