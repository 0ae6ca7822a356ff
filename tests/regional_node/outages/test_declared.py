"""Declarations at a node: applied once, told truly, and one that cannot be read blocks no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lpse.federation.desired_state import NodeFacts
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from regional_node.schedule.proposals import ProposalState
from tests.regional_node.schedule.world import World, at, by_day, package


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A node in Pacitan that uses no other service."""
    facts = NodeFacts("lpse-pacitan", "ID-JI", "Asia/Jakarta")
    node = await World(tmp_path, facts, at("2015-03-26 08:00")).open()
    yield node
    await node.close()


async def told(world: World) -> list[tuple[str, str]]:
    """Subject and outcome of everything that was applied."""
    found = await world.entries("directive.applied")
    return [
        (one.subject, one.outcome) for one in found if isinstance(one, records.DirectiveApplied)
    ]


def named(name: str, revision: int = 1) -> directives.OutageRevised:
    """The declaration of 27–30 March under another name."""
    record = by_day("2015-03-27", "2015-03-31", revision=revision)
    record.outage = name
    return record


async def test_unreadable_declaration_blocks_no_other(world: World) -> None:
    """Invariant 10: it is set aside with its reason; its neighbour and its correction apply."""
    broken = named("outages/2015-0001")
    broken.window.start_date = "27 Maret"
    world.national.receive(broken)
    world.national.receive(named("outages/2015-0002"))
    await world.load(package("P3", "2015-03-31 12:00"))
    await world.step(at("2015-03-31 09:00"))
    last = (await world.case("P3")).last
    assert last is not None and list(last.record.outages) == ["outages/2015-0002"]
    world.national.receive(named("outages/2015-0001", revision=2))
    await world.step(at("2015-03-31 09:10"))
    assert await told(world) == [
        ("outages/2015-0001", "unreadable"),
        ("outages/2015-0002", "applied"),
        ("outages/2015-0001", "applied"),
    ]


async def test_corrected_scope_takes_the_node_out(world: World) -> None:
    """A correction that names others ends what was proposed here, and the node says so."""
    await world.load(package("P3", "2015-03-31 12:00"))
    world.national.receive(named("outages/2015-0001"))
    await world.step(at("2015-03-30 09:00"))
    others = named("outages/2015-0001", revision=2)
    others.scope, others.province = directives.OUTAGE_SCOPE_PROVINCE, "ID-KS"
    world.national.receive(others)
    await world.step(at("2015-03-30 10:00"))
    last = (await world.case("P3")).last
    assert last is not None and last.state is ProposalState.WITHDRAWN
    assert (await told(world))[-1] == ("outages/2015-0001", "not_for_this_node")


async def test_node_says_that_it_does_not_use_a_service(world: World) -> None:
    """The centre cannot know whose service it is, so every node answers; a province needs none."""
    service = named("outages/2015-0001")
    service.scope = directives.OUTAGE_SCOPE_SERVICE
    service.services.append("SIKaP")
    elsewhere = named("outages/2015-0002")
    elsewhere.scope, elsewhere.province = directives.OUTAGE_SCOPE_PROVINCE, "ID-KS"
    world.national.receive(service)
    world.national.receive(elsewhere)
    await world.load(package("P3", "2015-03-31 12:00"))
    await world.step(at("2015-03-31 09:00"))
    assert await told(world) == [("outages/2015-0001", "not_for_this_node")]
    assert (await world.case("P3")).last is None


async def test_beacons_alone_cause_no_work(world: World) -> None:
    """A national entry that says nothing of schedules is no reason to compute them again."""
    await world.load(package("P3", "2015-03-31 12:00"))
    await world.step(at("2015-03-26 09:00"))
    world.national.receive(directives.Beacon(nonce=bytes(32)))
    assert not await world.worker.step(world.clock.now())
