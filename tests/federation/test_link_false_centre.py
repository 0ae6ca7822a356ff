"""What a node makes of a centre that says wrong things: it believes signatures, nobody's word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lpse.federation.checkpoints import Head, cosign, sign_head
from lpse.federation.errors import FederationError
from lpse.federation.limits import BATCH_BYTES_MAX, BATCH_ENTRIES_MAX
from lpse.federation.merkle import leaf_hash
from lpse.federation.notes import SignatureInvalid, Signer
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from regional_node.link.frames import Before
from regional_node.link.session import NodeSession
from tests.federation.rig import Authority, Node, eventually, running

CREDIT = wire.Credit(entries=BATCH_ENTRIES_MAX, bytes=BATCH_BYTES_MAX)
SIGNATURE_INVALID = SignatureInvalid("").code
STRANGER = Signer.from_seed("lkpp", bytes(32))


class FalseCentre:
    """The session's stream, with a centre at its end that says what a test tells it to say."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.signer = node.authority.centre
        self.heard: list[wire.NodeFrame] = []
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        before = Before(records.RECONCILIATION_TRIGGER_RECONNECT, 0, 0.0, 0.0, "")
        self.session = NodeSession(node.parts, self, before)
        self.ended = asyncio.create_task(self.session.run())

    async def read(self) -> bytes | None:
        return await self._frames.get()

    async def write(self, data: bytes) -> None:
        self.heard.append(wire.NodeFrame.FromString(data))

    async def finish(self) -> None:
        self._frames.put_nowait(None)

    async def close(self) -> None:
        """The session has ended."""

    def say(self, **frame: Any) -> None:
        """Send a frame."""
        self._frames.put_nowait(wire.CentralFrame(**frame).SerializeToString())

    def say_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._frames.put_nowait(data)

    async def session_over(self) -> None:
        """End the stream and wait until the node has noticed."""
        self._frames.put_nowait(None)
        await self.code()

    def welcome(self, signer: Signer | None = None, **changes: Any) -> None:
        """A sound welcome, with some fields changed."""
        head = sign_head(signer or self.signer, bytes(16), 1, leaf_hash(b"genesis"))
        self.say(welcome=wire.Welcome(protocol=1, national_head=head.message(), **changes))

    async def said(self, kind: str) -> list[wire.NodeFrame]:
        """Frames of that kind, once there is one."""
        await eventually(lambda: bool(self._of(kind)))
        return self._of(kind)

    def _of(self, kind: str) -> list[wire.NodeFrame]:
        return [one for one in self.heard if one.WhichOneof("frame") == kind]

    async def code(self) -> str:
        """The code with which the node ends the session; empty for an orderly end."""
        try:
            async with asyncio.timeout(60):
                await asyncio.shield(self.ended)
        except FederationError as error:
            return error.code
        return ""


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[FalseCentre]:
    node = Node(Authority(tmp_path / "identities"), tmp_path / "node", "lpse-pacitan", 1)
    async with running(node):
        await node.worker.pause("the test speaks by hand")
        centre = FalseCentre(node)
        yield centre
        centre.ended.cancel()
        await asyncio.gather(centre.ended, return_exceptions=True)


async def test_a_welcome_that_the_pinned_key_never_signed_is_no_welcome(
    centre: FalseCentre,
) -> None:
    """A machine with a certificate of the CA, but without the centre's key, learns nothing."""
    centre.welcome(STRANGER, credit=CREDIT)
    assert await centre.code() == SIGNATURE_INVALID
    assert [one.WhichOneof("frame") for one in centre.heard] == ["hello"]


async def test_a_short_welcome_counts_only_with_the_centres_own_cosignature(
    centre: FalseCentre,
) -> None:
    """A true national head, seen elsewhere, does not make a stranger's short answer believed."""
    head = centre.node.journal.head
    word = cosign(head, STRANGER, 1).message()
    centre.welcome(relation=wire.HEAD_RELATION_IN_SYNC, cosignature=word, credit=CREDIT)
    assert await centre.code() == SIGNATURE_INVALID
    assert [one.WhichOneof("frame") for one in centre.heard] == ["hello"]
    assert centre.node.state.row.stored_head is None


async def test_a_stored_head_that_the_node_never_signed_is_not_taken(centre: FalseCentre) -> None:
    """Invariant 1: what the centre says it holds counts only with the node's own signature."""
    head = replace(centre.node.journal.head, signature=bytes(64))
    centre.welcome(stored_head=head.message(), applied_size=head.size, credit=CREDIT)
    assert await centre.code() == SIGNATURE_INVALID
    assert [one.WhichOneof("frame") for one in centre.heard] == ["hello"]
    assert centre.node.state.row.stored_head is None


@pytest.mark.parametrize("kind", ["beyond", "unsigned", "stranger"])
async def test_an_acknowledgement_that_proves_nothing_is_not_kept(
    centre: FalseCentre, kind: str
) -> None:
    """Invariant 1: no entry counts as stored at the centre before that was shown."""
    journal = centre.node.journal
    centre.welcome(credit=CREDIT)
    await centre.said("regional")
    head, witness = journal.head, centre.signer
    if kind == "beyond":
        writer = centre.node.authority.nodes["lpse-pacitan"]
        head = sign_head(writer, head.epoch, head.size + 1, leaf_hash(b"never"))
    if kind == "unsigned":
        head = replace(head, signature=bytes(64))
    if kind == "stranger":
        witness = STRANGER
    centre.say(entry_ack=_ack(head, witness))
    expected = "FED-2228" if kind == "beyond" else SIGNATURE_INVALID
    assert await centre.code() == expected
    assert centre.node.state.stored_size == 0
    assert await centre.node.state.store.cosigned(journal.epoch) is None


async def test_a_sound_acknowledgement_is_kept(centre: FalseCentre) -> None:
    """The same frames without a fault: what the refusals above are measured against."""
    journal = centre.node.journal
    centre.welcome(credit=CREDIT)
    await centre.said("regional")
    head = journal.head
    centre.say(entry_ack=_ack(head, centre.signer))
    await eventually(lambda: centre.node.state.stored_size == head.size)
    assert await centre.node.state.store.cosigned(journal.epoch) is not None


async def test_nothing_is_sent_without_credit(centre: FalseCentre) -> None:
    """Invariant 12: zero credit means heads and heartbeats only, until credit comes."""
    centre.welcome()
    await centre.said("heartbeat")
    await asyncio.sleep(0.1)
    assert {one.WhichOneof("frame") for one in centre.heard} == {"hello", "heartbeat"}
    centre.say(credit=CREDIT)
    assert len(await centre.said("regional")) == 1


async def test_a_centre_that_falls_silent_is_left(centre: FalseCentre) -> None:
    """A line that is open and dead is noticed within the lease."""
    centre.welcome(lease_seconds=1, heartbeat_seconds=1)
    assert await centre.code() == "FED-2229"
    assert centre.node.state.session is None


def _ack(head: Head, witness: Signer) -> wire.EntryAck:
    return wire.EntryAck(
        stored_head=head.message(),
        applied_size=head.size,
        cosignature=cosign(head, witness, 1).message(),
    )
