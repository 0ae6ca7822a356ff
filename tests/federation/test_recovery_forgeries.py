"""Recovery against liars on both sides: only what the node itself signed comes back or is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from central.branches.decisions import JOURNAL, Resolved
from central.branches.ports import CONTINUE_OFFERED, CONTINUE_STORED
from central.branches.rules import is_of_machine
from central.branches.store import Branch, BranchStore
from central.reconciliation.resolutions import Resolution, ResolutionStore
from lpse.federation.checkpoints import Cosignature, Head, cosign, sign_head
from lpse.federation.errors import FederationError
from lpse.federation.notes import Signer
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1 import recovery_pb2 as wire
from lpse.federation.v1 import recovery_pb2_grpc
from lpse.runtime import tls
from lpse.runtime.channels import open_channel
from regional_node.recovery.client import RecoveryClient
from tests.federation.rig import Authority, Centre, Node, eventually, running
from tests.federation.test_recovery_rewound import (
    NODE,
    first_life,
    own,
    recovering,
    sound,
)

A = wire.RecoveryAdvice
OWN = Signer.from_seed(NODE, b"o" * 32)
STRANGER = Signer.from_seed(NODE, b"s" * 32)
CENTRE = Signer.from_seed("lkpp", b"c" * 32)
EPOCH = b"e" * 16


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


class FalseCentre(recovery_pb2_grpc.RecoveryServicer):
    """A centre that says what a test tells it to say."""

    def __init__(self) -> None:
        self.epochs: list[wire.StoredEpoch] = []
        self.pieces: list[wire.ReadJournalResponse] = []

    async def ListEpochs(self, request: Any, context: Any) -> wire.ListEpochsResponse:
        return wire.ListEpochsResponse(epochs=self.epochs)

    async def GetRoots(self, request: Any, context: Any) -> wire.GetRootsResponse:
        return wire.GetRootsResponse(roots=[bytes(32)])

    async def ReadJournal(
        self, request: Any, context: Any
    ) -> AsyncIterator[wire.ReadJournalResponse]:
        for piece in self.pieces:
            yield piece

    async def OfferBranch(self, request_iterator: Any, context: Any) -> wire.OfferBranchResponse:
        raise NotImplementedError

    async def GetResolution(self, request: Any, context: Any) -> wire.GetResolutionResponse:
        raise NotImplementedError


@asynccontextmanager
async def asking(false: FalseCentre, *former: Signer) -> AsyncIterator[RecoveryClient]:
    """A node's calls, answered by the false centre."""
    server = grpc.aio.server()
    recovery_pb2_grpc.add_RecoveryServicer_to_server(false, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    keys = frozenset(one.verifier.public for one in former)
    try:
        yield RecoveryClient(
            lambda: grpc.aio.insecure_channel(f"127.0.0.1:{port}"),
            OWN.verifier,
            keys,
            CENTRE.verifier,
        )
    finally:
        await server.stop(None)


def stored(head: Head, key: Signer, word: Cosignature | None = None) -> wire.StoredEpoch:
    """One epoch as a centre lists it."""
    said = word.message() if word is not None else None
    return wire.StoredEpoch(head=head.message(), signing_key=key.verifier.public, cosignature=said)


async def refused(client: RecoveryClient) -> str:
    """The code with which the node turns the list down."""
    with pytest.raises(FederationError) as caught:
        await client.epochs()
    return caught.value.code


async def test_a_node_believes_only_heads_that_it_signed() -> None:
    """Invariant 2: no centre can give a node a journal that the node's own keys did not sign."""
    false = FalseCentre()
    head = sign_head(OWN, EPOCH, 5, bytes(32))
    forged = sign_head(STRANGER, EPOCH, 5, bytes(32))
    async with asking(false) as client:
        false.epochs = [stored(head, OWN, cosign(head, CENTRE, 1))]
        (listed,) = await client.epochs()
        assert listed.head == head and listed.cosignature is not None
        false.epochs = [stored(forged, OWN)]
        assert await refused(client) == "FED-2103"
        false.epochs = [stored(forged, STRANGER)]
        assert await refused(client) == "FED-2406"
        false.epochs = [stored(sign_head(CENTRE, EPOCH, 5, bytes(32)), CENTRE)]
        assert await refused(client) == "FED-2406"
    async with asking(false, STRANGER) as client:  # a key of a machine before this one
        false.epochs = [stored(forged, STRANGER)]
        (listed,) = await client.epochs()
        assert listed.verifier == STRANGER.verifier


async def test_a_cosignature_that_is_not_the_centres_is_not_kept() -> None:
    """A receipt's proof rests on the centre's word, so the word is checked when it comes."""
    false = FalseCentre()
    head = sign_head(OWN, EPOCH, 5, bytes(32))
    liar = Signer.from_seed("lkpp", b"l" * 32)
    async with asking(false) as client:
        false.epochs = [stored(head, OWN, cosign(head, liar, 1))]
        assert await refused(client) == "FED-2103"


async def test_pieces_with_a_gap_and_roots_without_a_size_are_refused() -> None:
    """What is not an answer to the question is no answer."""
    false = FalseCentre()
    async with asking(false) as client:
        with pytest.raises(FederationError, match="one root per size"):
            await client.roots(EPOCH, [1, 2])
        piece = wire.ReadJournalResponse
        whole = piece(first_index=0, entries=[b"x"])
        for pieces in (
            [piece(first_index=3, entries=[b"x"])],
            [whole, piece(first_index=2, entries=[b"y"])],
            [piece(first_index=0)],
        ):
            false.pieces = pieces
            with pytest.raises(FederationError) as caught:
                _ = [one async for one in client.read(EPOCH, 0, 9)]
            assert caught.value.code == "FED-2407"


async def test_a_head_that_the_node_did_not_sign_gets_neither_advice_nor_a_branch(
    authority: Authority, tmp_path: Path
) -> None:
    """Nobody with a certificate alone can show or offer a history in the node's name."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        old = Node(authority, tmp_path / "copy", NODE, centre.port)
        async with recovering(old) as recovery:
            await eventually(lambda: old.state.session is not None)
            true = old.journal.head
            forged = sign_head(STRANGER, true.epoch, true.size, true.root)
            with pytest.raises(FederationError):
                await recovery.client.advice([forged])
            with pytest.raises(FederationError, match=r"FED-2103|signature"):
                await recovery.client.offer(recovery.engine._pieces(forged, 0))
            assert await BranchStore(centre.database).of_node(NODE) == []


async def test_an_equally_long_journal_with_another_root_is_a_fork(
    authority: Authority, tmp_path: Path
) -> None:
    """Size alone says nothing: the branch is asked for, and the older epochs count too."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        signer = authority.nodes[NODE]
        async with running(node):
            await eventually(node.settled)
            head = node.journal.head
        other = sign_head(signer, head.epoch, head.size, bytes(31) + b"x")
        later = sign_head(signer, b"l" * 16, 1, bytes(32))
        credentials = tls.client_credentials(node.identity)
        client = RecoveryClient(
            lambda: open_channel(
                f"127.0.0.1:{centre.port}", credentials, server_name=tls.CENTRE_SERVER_NAME
            ),
            signer.verifier,
            frozenset(),
        )
        assert (await client.advice([head])).advice == A.RECOVERY_ADVICE_NONE
        for heads in ([other], [other, later]):
            assert (await client.advice(heads)).advice == A.RECOVERY_ADVICE_OFFER


async def test_a_forged_tail_is_not_taken_and_the_true_one_is(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 2: entries that do not make the signed head leave no trace; the next try is new."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        old = Node(authority, tmp_path / "copy", NODE, centre.port)
        async with recovering(old) as recovery:
            (before, *_), *_ = (await own(old)).values()
            true = recovery.client.read
            lies = 1

            async def read(epoch: bytes, first: int, last: int) -> AsyncIterator[Any]:
                nonlocal lies
                async for index, entries in true(epoch, first, last):
                    yield index, [*entries[:-1], before] if lies else entries
                    lies = 0

            monkeypatch.setattr(recovery.client, "read", read)
            await eventually(recovery.finished)
            assert lies == 0
            await sound(old)
            await eventually(old.settled)


def test_an_entry_that_cannot_be_read_counts_as_somebodys_act() -> None:
    """What nobody understands is never overruled without a person."""
    assert not is_of_machine(b"\xff")
    assert not is_of_machine(b"")


class _Answers:
    """Resolutions by object."""

    def __init__(self, **found: Resolution) -> None:
        self.found = found

    async def of(self, node_id: str, subject: str) -> Resolution | None:
        return self.found.get(subject.replace(" ", "_"))


async def test_an_answer_from_before_the_branch_decides_nothing_about_it() -> None:
    """A person who settled last year's fork has not seen this one."""
    now = datetime(2026, 11, 22, tzinfo=UTC)
    record = records.ReconciliationResolved(resolution="resolutions/1", choice=CONTINUE_STORED)
    answered = Resolution(1, record, 7, now)
    answers = cast(ResolutionStore, _Answers(**{JOURNAL.replace(" ", "_"): answered}))
    resolved = Resolved(answers, _offered(now, 1))
    later = (now + timedelta(seconds=1)).isoformat()
    assert await resolved.decided(NODE, "branches/1", later) is None
    found = await resolved.decided(NODE, "branches/1", now.isoformat())
    assert found is not None and found.choice == CONTINUE_STORED


async def test_an_answer_about_the_journal_decides_where_a_single_branch_is_open() -> None:
    """With two open branches nobody knows which was meant; one with an answer is not open."""
    now = datetime(2026, 11, 22, tzinfo=UTC)
    answers = {
        name: Resolution(1, records.ReconciliationResolved(resolution=name, choice=choice), 7, now)
        for name, choice in ((JOURNAL, CONTINUE_OFFERED), ("branches/1", CONTINUE_STORED))
    }
    journal = {JOURNAL.replace(" ", "_"): answers[JOURNAL]}
    both = Resolved(cast(ResolutionStore, _Answers(**journal)), _offered(now, 1, 2))
    for name in ("branches/1", "branches/2"):
        assert await both.decided(NODE, name, now.isoformat()) is None
    told = cast(ResolutionStore, _Answers(**journal, **{"branches/1": answers["branches/1"]}))
    resolved = Resolved(told, _offered(now, 1, 2))
    found = [await resolved.decided(NODE, f"branches/{n}", now.isoformat()) for n in (1, 2)]
    assert [one.name for one in found if one] == ["branches/1", JOURNAL]


def _offered(moment: datetime, *numbers: int) -> BranchStore:
    """Whole branches that have been here since that moment."""
    head = Head(NODE, bytes(16), 9, bytes(32), bytes(64))

    class Branches:
        async def of_node(self, node_id: str) -> list[Branch]:
            return [Branch(one, head, 5, True, False, moment.isoformat()) for one in numbers]

    return cast(BranchStore, Branches())
