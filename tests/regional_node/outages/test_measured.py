"""What probes see becomes two journal entries, and counts only when an officer says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lpse.federation.acts import Deed, sign_act, subject_digest
from lpse.federation.desired_state import NodeFacts
from lpse.federation.errors import Conflict, Denied, Refused
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import outages_pb2 as api
from regional_node.outages.probes import LinkProbe, ServiceProbe
from regional_node.outages.rules import CONFIRM, Answer, Kind, confirmation_subject
from regional_node.outages.service import OutagesService
from regional_node.outages.worker import OutageWorker
from regional_node.upgrades.probe import complaint
from tests.regional_node.schedule.world import KEY, PARTY, OfficersStandIn, World, at, by_day


class Scripted:
    """A fact that is as the test says."""

    def __init__(self) -> None:
        self.answer = Answer(True)

    async def look(self) -> Answer:
        return self.answer


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A node in Pacitan."""
    facts = NodeFacts("lpse-pacitan", "ID-JI", "Asia/Jakarta")
    node = await World(tmp_path, facts, at("2015-03-27 08:00")).open()
    yield node
    await node.close()


def worker(world: World, service: Scripted, link: Scripted) -> OutageWorker:
    """The probes of a node."""
    probes = {Kind.SERVICE: service, Kind.LINK: link}
    return OutageWorker(world.outages, probes, world.clock, failures_min=2)


async def entries(world: World) -> list[records.OutageMeasured]:
    """All measurements, as journalled."""
    found = await world.entries("outage.measured")
    return [one for one in found if isinstance(one, records.OutageMeasured)]


async def test_outage_begins_at_its_first_failed_probe(world: World) -> None:
    """One failure is none; the second one makes an outage that began at the first."""
    service, link = Scripted(), Scripted()
    probing = worker(world, service, link)
    service.answer = Answer(False, "the service answered with status 503", during_upgrade=True)
    await probing.step(at("2015-03-27 09:00"))
    assert not await entries(world)
    await probing.step(at("2015-03-27 09:01"))
    service.answer = Answer(True)
    await probing.step(at("2015-03-27 09:20"))
    begun, ended = await entries(world)
    assert begun.start_time.ToDatetime() == at("2015-03-27 09:00").replace(tzinfo=None)
    assert not begun.HasField("end_time")
    assert ended.end_time.ToDatetime() == at("2015-03-27 09:20").replace(tzinfo=None)
    assert ended.during_upgrade and ended.probes_failed == 2
    assert begun.outage == ended.outage == "measured/1"


async def test_outage_goes_on_over_a_restart(world: World) -> None:
    """Invariant 3: a node that restarts in an outage ends the same one, it begins no second."""
    service, link = Scripted(), Scripted()
    link.answer = Answer(False, "no session with the centre")
    probing = worker(world, service, link)
    for minute in range(3):
        await probing.step(at(f"2015-03-27 09:0{minute}"))
    await world.close()
    await world.open(seed=3)
    again = worker(world, service, link)
    await again.step(at("2015-03-27 09:10"))
    link.answer = Answer(True)
    await again.step(at("2015-03-27 09:11"))
    assert [(one.outage, one.kind) for one in await entries(world)] == [
        ("measured/1", records.MEASURED_KIND_LINK)
    ] * 2


def confirming(
    world: World, name: str, reason: str = "genset gagal", role: str = "admin"
) -> api.ConfirmOutageRequest:
    """An officer's signed confirmation."""
    cause, attribution = directives.OUTAGE_CAUSE_POWER, directives.OUTAGE_ATTRIBUTION_REGION
    subject = confirmation_subject(name, cause, attribution, reason)
    act = sign_act(
        KEY,
        Deed(PARTY, CONFIRM, subject_digest(subject)),
        actor="siti",
        role=role,
        at=world.clock.now(),
    )
    return api.ConfirmOutageRequest(
        name=name, cause=cause, attribution=attribution, reason=reason, act=act
    )


async def nobody(outage: str) -> list[str]:
    """No package is affected."""
    return []


def service_of(world: World) -> OutagesService:
    """The node's API."""
    return OutagesService(
        world.outages, nobody, OfficersStandIn(), world.clock, zone="Asia/Jakarta"
    )


async def test_officer_confirms_service_outages_only(world: World) -> None:
    """Signed by an able officer, once; a link outage never counts."""
    service, link = Scripted(), Scripted()
    service.answer = link.answer = Answer(False, "gone")
    probing = worker(world, service, link)
    for minute in range(3):
        await probing.step(at(f"2015-03-27 09:0{minute}"))
    rpc = service_of(world)
    with pytest.raises(Denied, match="FED-3104"):
        await rpc.ConfirmOutage(confirming(world, "measured/1", role="helpdesk"), None)  # type: ignore[arg-type] # the handler reads no context
    with pytest.raises(Refused, match="FED-4204"):
        await rpc.ConfirmOutage(confirming(world, "measured/2"), None)  # type: ignore[arg-type] # the handler reads no context
    for _ in range(2):
        answer = await rpc.ConfirmOutage(confirming(world, "measured/1"), None)  # type: ignore[arg-type] # the handler reads no context
        assert answer.outage.counts and answer.outage.confirmed_by == "siti"
    with pytest.raises(Conflict, match="FED-4206"):
        await rpc.ConfirmOutage(confirming(world, "measured/1", "lain"), None)  # type: ignore[arg-type] # the handler reads no context
    assert (await world.kinds()).count("outage.confirmed") == 1


async def test_declared_and_measured_stand_side_by_side(world: World) -> None:
    """Two records of one disturbance stay two, and the difference is shown at both."""
    service, link = Scripted(), Scripted()
    service.answer = Answer(False, "gone")
    probing = worker(world, service, link)
    for minute in range(3):
        await probing.step(at(f"2015-03-27 00:3{minute}"))
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-27 12:00"))
    listed = await service_of(world).ListOutages(api.ListOutagesRequest(), None)  # type: ignore[arg-type] # the handler reads no context
    declared, measured = listed.outages
    assert declared.name == "outages/2015-0001" and declared.counts
    assert measured.name == "measured/1" and not measured.counts
    assert measured.differences[0].start_seconds == 1_800
    assert declared.differences[0].other == "measured/1"
    assert not measured.differences[0].HasField("end_seconds")


class Page:
    """The port `ServiceLook` over one page of a real server."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def complaint(self, timeout_seconds: float) -> str:
        return await complaint(self._port, "/health", timeout_seconds)


async def test_service_probe_reads_a_real_page() -> None:
    """Status 200 is well; another status, a closed port and silence are evidence."""
    state = {"status": b"200 OK"}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        if state["status"]:
            writer.write(b"HTTP/1.0 " + state["status"] + b"\r\n\r\nok")
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    probe = ServiceProbe(Page(port), 0.2, lambda: False)
    assert (await probe.look()).good
    state["status"] = b"503 Busy"
    assert (await probe.look()).evidence == "the service answered with status 503"
    state["status"] = b""
    assert (await probe.look()).evidence == "the service did not answer in time"
    server.close()
    answer_during = await ServiceProbe(Page(port), 0.2, lambda: True).look()
    assert answer_during.evidence == "the service refused the connection"
    assert answer_during.during_upgrade
    assert (await LinkProbe(lambda: True).look()).good
    assert not (await LinkProbe(lambda: False).look()).good
