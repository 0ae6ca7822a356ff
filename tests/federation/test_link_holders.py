"""Two machines with one identity: the live one that came first stays, the later one waits."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from central.link import questions
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from tests.federation.rig import Authority, Centre, Node, eventually, running
from tests.federation.test_link_protocol import NODE, Speaker

R = wire.HeadRelation
FIRST, SECOND, THIRD = b"first start 1234", b"second start 123", b"third start 1234"


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    centre = Centre(Authority(tmp_path / "identities"), tmp_path / "centre")
    async with running(centre):
        yield centre


class Holder(Speaker):
    """A holder of the identity, told apart by its start."""

    def __init__(self, centre: Centre, boot_id: bytes, first: Holder | None = None) -> None:
        super().__init__(centre)
        self.boot_id = boot_id
        self.token: wire.SessionToken = first.token if first else wire.SessionToken()
        if first is not None:
            self.writer = first.writer

    async def greet(self, **changes: object) -> None:
        """Say a full hello with the token that is held."""
        await self.say(hello=self.hello(boot_id=self.boot_id, token=self.token, **changes))

    async def enter(self, **changes: object) -> wire.Welcome:
        """A session; the token of the Welcome is confirmed and kept."""
        await self.greet(**changes)
        welcome = (await self.hear("welcome")).welcome
        if welcome.token.number:
            self.token = welcome.token
            await self.say(token_confirmed=wire.TokenConfirmed(number=self.token.number))
        return welcome

    async def answer_probe(self) -> None:
        """The holder is alive."""
        probe = (await self.hear("probe")).probe
        await self.say(probe_answer=wire.ProbeAnswer(number=probe.number))


async def _hand_over(holder: Holder) -> None:
    await holder.enter()
    await holder.say(regional=holder.first)
    await holder.hear("entry_ack")


async def test_a_second_live_holder_is_the_quarantined_one(centre: Centre) -> None:
    """Invariant 5: the later holder is quarantined even with the present token and equal heads."""
    first = Holder(centre, FIRST)
    await _hand_over(first)
    second = Holder(centre, SECOND, first)
    await second.greet()
    await first.answer_probe()
    welcome = (await second.hear("welcome")).welcome
    assert welcome.relation == R.HEAD_RELATION_CLONE_SUSPECT
    assert welcome.quarantine.code == "FED-2214"
    assert "alive" in welcome.quarantine.reason
    assert welcome.credit == wire.Credit() and not welcome.token.number
    await first.say(regional=first.writer.batch(2))
    assert (await first.stored(3)).stored_head.size == 3, "the sound one goes on"
    await second.say(regional=second.writer.batch(1))
    assert await second.ends_with() == "FED-2203"
    assert centre.sessions.is_sound(NODE)
    await first.stream.close()
    await second.stream.close()


async def test_the_quarantine_ends_with_the_second_holder(centre: Centre) -> None:
    """The sound one is never late for the other's sake, and need not come again to be rid of it."""
    first = Holder(centre, FIRST)
    await _hand_over(first)
    second = Holder(centre, SECOND, first)
    await second.greet()
    await first.answer_probe()
    await second.hear("welcome")
    assert await centre.sessions.quarantine(NODE) is not None
    presence = centre.sessions.presence(NODE)
    assert presence is not None and presence.sound
    await second.stream.close()

    async def over() -> bool:
        return await centre.sessions.quarantine(NODE) is None

    await eventually(over)
    assert centre.sessions.is_sound(NODE)
    await first.stream.close()


async def test_the_quarantine_stays_while_a_third_holder_stands_in_the_seconds_place(
    centre: Centre,
) -> None:
    """The second one's end, whenever it is noticed, acquits nobody who came after it."""
    first = Holder(centre, FIRST)
    await _hand_over(first)
    others = [Holder(centre, boot_id, first) for boot_id in (SECOND, THIRD)]
    for one in others:
        await one.greet()
        await first.answer_probe()
        await one.hear("welcome")
    await others[0].ends_with()
    await centre.sessions.settle(NODE)
    told = await centre.sessions.quarantine(NODE)
    assert told is not None and told.code == "FED-2214"
    for one in (first, *others):
        await one.stream.close()


async def test_the_sound_one_coming_again_does_not_acquit_the_other(centre: Centre) -> None:
    """While the second holder is connected its quarantine stays told; when it has left, it ends."""
    first = Holder(centre, FIRST)
    await _hand_over(first)
    second = Holder(centre, SECOND, first)
    await second.greet()
    await first.answer_probe()
    await second.hear("welcome")
    again = Holder(centre, FIRST, first)
    assert not (await again.enter()).HasField("quarantine")
    told = await centre.sessions.quarantine(NODE)
    assert told is not None and told.code == "FED-2214"
    await second.stream.close()
    await eventually(lambda: not centre.sessions.shadowed(NODE))
    last = Holder(centre, FIRST, again)
    assert not (await last.enter()).HasField("quarantine")
    assert await centre.sessions.quarantine(NODE) is None
    for one in (first, again, last):
        await one.stream.close()


@pytest.mark.parametrize("changes", [{}, {"protocol_max": 1}])
async def test_a_holder_that_ended_makes_room_at_once(
    centre: Centre, changes: dict[str, object]
) -> None:
    """A restart is no clone: the stream of the dead start ends, and the new one goes on."""
    first = Holder(centre, FIRST)
    await first.enter(**changes)
    await first.say(goodbye=wire.Goodbye(reason="stopping"))
    assert await first.ends_with() == ""
    second = Holder(centre, SECOND, first)
    assert not (await second.enter(**changes)).HasField("quarantine")
    await first.stream.close()
    await second.stream.close()


async def test_a_holder_that_is_silent_is_asked_and_then_replaced(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without power cannot keep its own successor out for longer than a little while."""
    monkeypatch.setattr(questions, "LINK_PROBE_SECONDS_MAX", 0.05)
    monkeypatch.setattr(questions, "LINK_HOLDER_SILENT_SECONDS", 0.5)
    first = Holder(centre, FIRST)
    await first.enter()
    refused = 0
    while True:
        second = Holder(centre, SECOND, first)
        await second.greet()
        frame = wire.CentralFrame.FromString(await second.stream.read() or b"")
        if frame.WhichOneof("frame") == "welcome":
            break
        assert frame.refusal.code == "FED-2240" and not frame.refusal.final
        assert frame.refusal.retry_after_seconds > 0
        refused += 1
        await second.stream.close()
    assert refused
    assert not frame.welcome.HasField("quarantine")
    assert await first.ends_with() == "FED-2217"
    await first.stream.close()
    await second.stream.close()


async def test_a_live_holder_of_protocol_1_is_known_by_its_heartbeats(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older node answers no probe; what it says after the question shows that it lives."""
    monkeypatch.setattr(questions, "LINK_PROBE_SECONDS_MAX", 0.05)
    first = Holder(centre, FIRST)
    await first.enter(protocol_max=1)
    second = Holder(centre, SECOND, first)
    await second.greet()
    assert (await second.hear("refusal")).refusal.code == "FED-2240"
    await second.stream.close()
    relation = R.HEAD_RELATION_UNSPECIFIED
    while relation == R.HEAD_RELATION_UNSPECIFIED:
        await first.say(heartbeat=wire.Heartbeat(number=1))
        await first.hear("heartbeat_reply")
        third = Holder(centre, SECOND, first)
        await third.greet()
        frame = wire.CentralFrame.FromString(await third.stream.read() or b"")
        relation = frame.welcome.relation
        await third.stream.close()
    assert relation == R.HEAD_RELATION_CLONE_SUSPECT
    assert centre.sessions.is_sound(NODE)
    await first.stream.close()


async def test_a_release_while_the_sound_one_is_present_opens_no_door(centre: Centre) -> None:
    """Invariant 5: an amnesty would be taken by whichever of the two comes first."""
    first = Holder(centre, FIRST)
    await _hand_over(first)
    second = Holder(centre, SECOND, first)
    await second.greet()
    await first.answer_probe()
    await second.hear("welcome")
    await centre.sessions.release(NODE, "the second machine was switched off")
    assert not (await centre.parts.store.tokens(NODE)).amnesty
    assert await second.ends_with() == ""
    assert centre.sessions.is_sound(NODE)
    await first.stream.close()
    await second.stream.close()


async def test_a_cloned_disk_beside_the_running_machine(centre: Centre, tmp_path: Path) -> None:
    """Real programs: a copy of a running node's disk is quarantined, both keep on writing."""
    node = Node(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await eventually(node.settled)
    shutil.copytree(tmp_path / "node", tmp_path / "clone")
    async with running(node):
        await eventually(node.settled)
        clone = Node(centre.authority, tmp_path / "clone", NODE, centre.port)
        async with running(clone):
            await eventually(lambda: _relation(clone) == R.HEAD_RELATION_CLONE_SUSPECT)
            await clone.journal.append(records.HoldEnded(reason="taken in by the clone"))
            await node.journal.append(records.HoldEnded(reason="taken in by the sound one"))
            await eventually(node.settled)
            assert _relation(node) in (R.HEAD_RELATION_IN_SYNC, R.HEAD_RELATION_NODE_AHEAD)
            assert clone.state.queue_entries > 0
        await eventually(lambda: not centre.sessions.shadowed(NODE))


def _relation(node: Node) -> wire.HeadRelation.ValueType:
    session = node.state.session
    return session.relation if session is not None else R.HEAD_RELATION_UNSPECIFIED
