"""The protocol itself, spoken by hand: every wrong frame ends its own session, with a code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from central.fleet.ports import EnrolledNode
from central.link.doors import Doors
from lpse.federation.checkpoints import HeadInvalid, sign_head
from lpse.federation.entries import Forked, RootMismatch, timestamp
from lpse.federation.errors import FederationError
from lpse.federation.limits import LINK_FRAME_BYTES_MAX, LINK_NATIONAL_BYTES_MAX
from lpse.federation.merkle import leaf_hash
from lpse.federation.notes import SignatureInvalid, Signer
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import journal_pb2 as journal_wire
from lpse.federation.v1 import link_pb2 as wire
from lpse.runtime import tls
from lpse.runtime.channels import Subject, open_channel
from regional_node.link.stream import GrpcStream
from tests.central.ledger.test_ledger import Writer
from tests.federation.rig import CLOCK, ENTROPY, Authority, Centre, Node, eventually, running

NODE = "lpse-pacitan"
HEAD_INVALID = HeadInvalid("").code
SIGNATURE_INVALID = SignatureInvalid("").code
ROOT_MISMATCH = RootMismatch(0).code


class Speaker:
    """A node that says exactly what a test tells it to say."""

    def __init__(self, centre: Centre, node_id: str = NODE) -> None:
        identity = centre.authority.node(node_id)
        self.writer = Writer(centre.authority.nodes[node_id])
        self.first = self.writer.batch(1)
        credentials = tls.client_credentials(identity)
        self.stream = GrpcStream(
            lambda: open_channel(
                f"127.0.0.1:{centre.port}", credentials, server_name=tls.CENTRE_SERVER_NAME
            )
        )

    def hello(self, **changes: object) -> wire.Hello:
        """A sound hello, with some fields changed."""
        hello = wire.Hello(
            node_id=self.writer.signer.name,
            protocol_min=1,
            protocol_max=9,
            own_head=self.writer.head().message(),
            clock_time=timestamp(CLOCK.wall()),
        )
        for name, value in changes.items():
            if hasattr(value, "SerializeToString"):
                getattr(hello, name).CopyFrom(value)
            else:
                setattr(hello, name, value)
        return hello

    async def say(self, data: bytes | None = None, **frame: Any) -> None:
        """Send a frame, or raw bytes."""
        await self.stream.write(
            wire.NodeFrame(**frame).SerializeToString() if data is None else data
        )

    async def hear(self, kind: str) -> wire.CentralFrame:
        """The next frame of that kind; others are passed over."""
        async with asyncio.timeout(60):
            while (data := await self.stream.read()) is not None:
                frame = wire.CentralFrame.FromString(data)
                if frame.WhichOneof("frame") == kind:
                    return frame
        raise AssertionError(f"the stream ended without {kind}")

    async def stored(self, size: int) -> wire.EntryAck:
        """The acknowledgement of so many entries; those of a projection repeat smaller ones."""
        while True:
            ack = (await self.hear("entry_ack")).entry_ack
            if ack.stored_head.size >= size:
                return ack

    async def ends_with(self) -> str:
        """The code with which the centre ends the stream; empty for an orderly end."""
        try:
            async with asyncio.timeout(60):
                while await self.stream.read() is not None:
                    pass
        except FederationError as error:
            return error.code
        return ""

    async def welcomed(self) -> wire.Welcome:
        """A session that has begun."""
        await self.say(hello=self.hello())
        return (await self.hear("welcome")).welcome


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    centre = Centre(Authority(tmp_path / "identities"), tmp_path / "centre")
    async with running(centre):
        yield centre


@pytest.fixture
async def speaker(centre: Centre) -> AsyncIterator[Speaker]:
    speaker = Speaker(centre)
    yield speaker
    await speaker.stream.close()


async def test_hello_entries_ack_by_hand(centre: Centre, speaker: Speaker) -> None:
    """The order of frames that link.proto describes, seen from the wire."""
    welcome = await speaker.welcomed()
    assert welcome.relation == wire.HEAD_RELATION_NODE_AHEAD
    assert welcome.token.number == 1
    assert welcome.credit.entries > 0
    await speaker.say(token_confirmed=wire.TokenConfirmed(number=1))
    await speaker.say(regional=speaker.first)
    ack = (await speaker.hear("entry_ack")).entry_ack
    assert ack.stored_head == speaker.first.head
    assert ack.cosignature.witness == "lkpp"
    await speaker.say(goodbye=wire.Goodbye(reason="done"))
    assert await speaker.ends_with() == ""


async def test_two_heads_fit_into_few_bytes(centre: Centre, speaker: Speaker) -> None:
    """Both heads of a hello say everything that was ever written, in under 400 bytes."""
    heads = wire.Hello(
        own_head=speaker.writer.head().message(), national_head=centre.national.head.message()
    )
    assert len(heads.SerializeToString()) < 400


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"node_id": "lpse-banjar"}, "FED-2206"),
        ({"exercise": True}, "FED-2207"),
        ({"protocol_min": 7}, "FED-2208"),
        ({"own_head": journal_wire.Head()}, HEAD_INVALID),
    ],
)
async def test_a_hello_that_cannot_be_is_refused_with_a_code(
    speaker: Speaker, changes: dict[str, object], code: str
) -> None:
    """The refusal is a frame, so that the node can tell its officer."""
    await speaker.say(hello=speaker.hello(**changes))
    refusal = (await speaker.hear("refusal")).refusal
    assert refusal.code == code
    assert refusal.final
    assert await speaker.ends_with() == ""


async def test_a_national_head_that_the_centre_never_signed_is_refused(
    centre: Centre, speaker: Speaker
) -> None:
    """Nobody can shut the national gate with an invented head."""
    stranger = Signer.from_seed("lkpp", bytes(32))
    invented = sign_head(stranger, centre.journal.epoch, 99, leaf_hash(b"x"))
    await speaker.say(hello=speaker.hello(national_head=invented.message()))
    assert (await speaker.hear("refusal")).refusal.code == SIGNATURE_INVALID
    assert not centre.national.evidence.contradicting


async def test_an_own_head_that_the_node_never_signed_is_refused(
    centre: Centre, speaker: Speaker
) -> None:
    """A stolen certificate without the signing key cannot put a node under quarantine."""
    thief = Signer.from_seed(NODE, bytes(32))
    invented = sign_head(thief, speaker.writer.epoch, 99, leaf_hash(b"x"))
    await speaker.say(hello=speaker.hello(own_head=invented.message()))
    assert (await speaker.hear("refusal")).refusal.code == SIGNATURE_INVALID
    assert await centre.parts.store.quarantine(NODE) is None


async def test_entries_under_quarantine_end_the_session(centre: Centre, speaker: Speaker) -> None:
    """Invariant 5: a rewound node gets no credit, and what it sends all the same is not stored."""
    await speaker.welcomed()
    await speaker.say(regional=speaker.first)
    await speaker.hear("entry_ack")
    await speaker.say(goodbye=wire.Goodbye(reason="restored"))
    assert await speaker.ends_with() == ""
    rewound = Speaker(centre)
    rewound.writer.epoch = speaker.writer.epoch
    rewound.writer.tree = speaker.writer.tree.__class__()
    welcome = await rewound.welcomed()
    assert welcome.quarantine.code == "FED-2212"
    assert welcome.credit == wire.Credit()
    await rewound.say(heartbeat=wire.Heartbeat(number=1))
    frame = wire.CentralFrame.FromString(await rewound.stream.read() or b"")
    assert frame.WhichOneof("frame") == "heartbeat_reply", "no national entries either"
    await rewound.say(regional=speaker.writer.batch(1))
    assert await rewound.ends_with() == "FED-2203"
    assert centre.stored(NODE) == 1
    await rewound.stream.close()


async def test_a_second_history_within_a_session_is_quarantined(
    centre: Centre, speaker: Speaker
) -> None:
    """Invariant 5: a fork that no hello showed stops the node's entries all the same."""
    await speaker.welcomed()
    await speaker.say(regional=speaker.first)
    await speaker.hear("entry_ack")
    twin = Writer(speaker.writer.signer)
    twin.epoch = speaker.writer.epoch
    await speaker.say(regional=twin.batch(3))
    assert await speaker.ends_with() == Forked(0).code
    row = await centre.parts.store.quarantine(NODE)
    assert row is not None and row.code == "FED-2213"
    assert centre.stored(NODE) == 1


async def test_an_acknowledged_national_history_that_is_not_ours_ends_the_session(
    centre: Centre, speaker: Speaker
) -> None:
    """Invariant 5: a root that differs at a size that was sent is no acknowledgement."""
    await speaker.welcomed()
    sent = (await speaker.hear("national")).national.head
    other = journal_wire.Head(size=sent.size, epoch=sent.epoch, root=leaf_hash(b"other"))
    await speaker.say(national_ack=wire.NationalAck(stored_head=other))
    assert await speaker.ends_with() == "FED-2215"


async def test_frames_of_a_newer_node_are_passed_over(centre: Centre, speaker: Speaker) -> None:
    """A frame with nothing that this program knows ends nothing."""
    await speaker.welcomed()
    await speaker.say(b"")
    await speaker.say(b"\xfa\x07\x01x")  # field 127
    await speaker.say(heartbeat=wire.Heartbeat(number=5))
    assert (await speaker.hear("heartbeat_reply")).heartbeat_reply.number == 5


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xff\xff", "FED-2201"),
        (bytes(LINK_FRAME_BYTES_MAX + 1), "FED-2202"),
        (wire.NodeFrame(hello=wire.Hello()).SerializeToString(), "FED-2204"),
        (
            wire.NodeFrame(
                national_ack=wire.NationalAck(stored_head=journal_wire.Head(size=99))
            ).SerializeToString(),
            "FED-2209",
        ),
    ],
)
async def test_a_wrong_frame_ends_the_session_with_its_code(
    centre: Centre, speaker: Speaker, data: bytes, code: str
) -> None:
    """Invariant 12: a malformed, oversized or misplaced frame touches no other session."""
    other = Speaker(centre, "lpse-banjar")
    await other.welcomed()
    await speaker.welcomed()
    await speaker.say(data)
    assert await speaker.ends_with() == code
    await other.say(heartbeat=wire.Heartbeat(number=1))
    await other.hear("heartbeat_reply")
    await other.stream.close()


@pytest.mark.parametrize("data", [b"\xff", wire.NodeFrame().SerializeToString()])
async def test_a_stream_that_does_not_begin_with_a_hello_is_refused(
    speaker: Speaker, data: bytes
) -> None:
    """The first frame decides."""
    await speaker.say(data)
    assert (await speaker.hear("refusal")).refusal.code in ("FED-2201", "FED-2204")


async def test_a_forged_batch_ends_the_session_and_stores_nothing(
    centre: Centre, speaker: Speaker
) -> None:
    """Invariant 2: root and signature are verified before anything is stored."""
    await speaker.welcomed()
    speaker.first.entries[0] = speaker.writer.entry()
    await speaker.say(regional=speaker.first)
    assert await speaker.ends_with() == ROOT_MISMATCH
    assert centre.stored(NODE) == 0


async def test_a_newer_session_replaces_the_older_one(centre: Centre, speaker: Speaker) -> None:
    """One session per node: the token tells which one is the newer."""
    await speaker.welcomed()
    newer = Speaker(centre)
    newer.writer = speaker.writer
    await newer.welcomed()
    assert await speaker.ends_with() == "FED-2217"
    await newer.say(heartbeat=wire.Heartbeat(number=1))
    await newer.hear("heartbeat_reply")
    await newer.stream.close()


async def test_a_revoked_node_is_cut_off_at_once(centre: Centre, speaker: Speaker) -> None:
    """The open stream ends, not only the next one."""
    await speaker.welcomed()
    for subscriber in centre.enrolled.subscribers:
        subscriber(Subject("node", NODE))
    assert await speaker.ends_with() == "FED-2218"


async def test_silence_beyond_the_lease_is_absence(tmp_path: Path) -> None:
    """The centre's monotonic clock judges the lease."""
    centre = Centre(Authority(tmp_path / "identities"), tmp_path / "centre")
    centre.lease_seconds = 1
    async with running(centre):
        speaker = Speaker(centre)
        await speaker.welcomed()
        assert centre.sessions.presence(NODE) is not None
        assert await speaker.ends_with() == "FED-2219"
        assert centre.sessions.presence(NODE) is None
        await speaker.stream.close()


async def test_a_drain_asks_to_come_back_and_then_ends(centre: Centre, speaker: Speaker) -> None:
    """The stream is closed by a message, not cut."""
    await speaker.welcomed()
    assert await centre.sessions.drain("maintenance") == 1
    assert (await speaker.hear("drain")).drain.reconnect_within_seconds > 0
    assert await speaker.ends_with() == ""


async def test_too_many_hellos_are_told_when_to_come_back(centre: Centre, speaker: Speaker) -> None:
    """Invariant 12: the limit answers with a time, and is not final."""
    centre.service.doors = Doors(CLOCK, ENTROPY, places=0)
    await speaker.say(hello=speaker.hello())
    refusal = (await speaker.hear("refusal")).refusal
    assert (refusal.code, refusal.final) == ("FED-2210", False)
    assert refusal.retry_after_seconds > 0


async def test_a_node_that_does_not_acknowledge_is_not_flooded(
    centre: Centre, speaker: Speaker
) -> None:
    """Invariant 12: national bytes in flight have a limit per node."""
    rules = [
        directives.RuleSetPublished(rule_set=f"r{one}", document=bytes(60_000)) for one in range(60)
    ]
    for one in rules:
        await centre.national.publish(one)
    await speaker.welcomed()
    received = 0
    while received < LINK_NATIONAL_BYTES_MAX:
        received += (await speaker.hear("national")).ByteSize()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await speaker.hear("national")
    assert received < LINK_NATIONAL_BYTES_MAX + LINK_FRAME_BYTES_MAX


async def test_the_fleet_knows_both_facts(centre: Centre, tmp_path: Path) -> None:
    """Service and link are told apart, with what the running service reported."""
    node = Node(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await eventually(node.settled)

        async def told() -> bool:
            rows = await centre.parts.fleet.find([NODE])
            return bool(rows) and rows[NODE].service == wire.SERVICE_STATE_NORMAL

        await eventually(told)
        row = (await centre.parts.fleet.find([NODE]))[NODE]
        assert row.service_version == "3.0"
        assert abs(row.clock_offset_seconds) < 60
    assert EnrolledNode(NODE, "ID-JI", "Asia/Jakarta").revoked is False


async def test_pausing_resuming_and_demanding(centre: Centre, tmp_path: Path) -> None:
    """Invariant 4: a paused link stops nothing else, and outlives a restart."""
    node = Node(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await eventually(node.settled)
        await node.worker.pause("maintenance of the router")
        await eventually(lambda: node.state.session is None)
    async with running(node):
        assert node.state.row.pause_reason == "maintenance of the router"
        assert node.state.session is None
        await node.worker.resume()
        await eventually(node.settled)
        assert node.worker.demand_run()

        async def demanded() -> bool:
            page = await node.runs.store.page(before=1 << 40, limit=1)
            return page[0].finished and page[0].trigger == 3

        await eventually(demanded)
