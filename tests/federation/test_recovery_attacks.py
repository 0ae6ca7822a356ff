"""A node with a valid certificate and its own key tries to make recovery useless for the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

import central.recovery.service as recovery_service
from central.branches import store as branches_store
from central.branches.decisions import Resolved
from central.branches.ports import CONTINUE_OFFERED
from central.branches.store import BranchStore
from central.reconciliation.resolutions import Resolution, ResolutionStore
from lpse.federation.checkpoints import Head, sign_head
from lpse.federation.limits import BRANCHES_PER_NODE_MAX, RECOVERY_CALLS_MAX
from lpse.federation.merkle import leaf_hash, root_of
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1 import recovery_pb2 as wire
from lpse.federation.v1.recovery_pb2_grpc import RecoveryStub
from lpse.runtime import tls
from lpse.runtime.channels import error_from, open_channel
from tests.federation.rig import CLOCK, ENTROPY, Authority, Centre, Node, eventually, running
from tests.federation.test_recovery_forks import Person, _advice, _forked
from tests.federation.test_recovery_rewound import copy, ledger, recovering, write

NODE = "lpse-pacitan"
SPY = "lpse-compromised"
EPOCH = b"e" * 16


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


@asynccontextmanager
async def _calling(centre: Centre, node_id: str) -> AsyncIterator[Any]:
    credentials = tls.client_credentials(centre.authority.node(node_id))
    address = f"127.0.0.1:{centre.port}"
    async with open_channel(address, credentials, server_name=tls.CENTRE_SERVER_NAME) as channel:
        yield RecoveryStub(channel)


async def _stored(authority: Authority, tmp_path: Path, centre: Centre, node_id: str) -> bytes:
    """A node that handed something over; the epoch of its journal."""
    node = Node(authority, tmp_path / node_id, node_id, centre.port)
    async with running(node):
        await write(node, 5)
        await eventually(node.settled)
        return node.journal.epoch


def _branch(centre: Centre, entries: list[bytes]) -> Head:
    signer = centre.authority.nodes[SPY]
    return sign_head(signer, EPOCH, len(entries), root_of([leaf_hash(one) for one in entries]))


async def _offer(stub: Any, head: Head, entries: list[bytes], *, hold: bool = False) -> Any:
    """Begin to offer; the call stays open where it is held."""
    call = stub.OfferBranch()
    await call.write(wire.OfferBranchRequest(head=head.message(), first_index=0))
    for index, one in enumerate(entries):
        await call.write(wire.OfferBranchRequest(first_index=index, entries=[one]))
    if not hold:
        await call.done_writing()
    return call


async def _begun(centre: Centre) -> bool:
    rows = await centre.database.read(lambda tx: tx.execute("SELECT 1 FROM branch_entries"))
    return bool(rows)


async def test_one_node_that_holds_its_calls_open_keeps_no_other_node_from_recovering(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 12: places are counted by node, so that a silent one takes its own alone."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        epoch = await _stored(authority, tmp_path, centre, NODE)
        async with _calling(centre, SPY) as spy, _calling(centre, NODE) as sound:
            silent = [spy.OfferBranch() for _ in range(RECOVERY_CALLS_MAX)]
            for call in silent:
                await call.wait_for_connection()
            found = await sound.GetRoots(wire.GetRootsRequest(epoch=epoch, sizes=[1, 5]))
            assert len(found.roots) == 2
            for call in silent:
                call.cancel()


async def test_a_call_in_which_nothing_moves_ends(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node's own place is free again, although it never ended its call."""
    monkeypatch.setattr(recovery_service, "RECOVERY_IDLE_SECONDS_MAX", 0.05)
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre), _calling(centre, SPY) as spy:
        silent = [spy.OfferBranch() for _ in range(RECOVERY_CALLS_MAX)]
        for call in silent:
            async with asyncio.timeout(60):
                assert await call.code() is not grpc.StatusCode.OK


async def test_offers_that_are_never_finished_leave_room_for_whole_ones(
    authority: Authority, tmp_path: Path
) -> None:
    """What is no evidence does not use up the number of branches that are kept of a node."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        async with _calling(centre, SPY) as spy:
            for number in range(BRANCHES_PER_NODE_MAX + 2):
                entries = [bytes([number]), b"never sent"]
                call = await _offer(spy, _branch(centre, entries), entries[:1])
                with pytest.raises(grpc.aio.AioRpcError):
                    await call
            entries = [b"a", b"b"]
            call = await _offer(spy, _branch(centre, entries), entries)
            assert (await call).branch
        (kept,) = await BranchStore(centre.database).of_node(SPY)
        assert kept.entries == 2


async def test_branches_that_a_person_answered_leave_room_for_new_ones(
    authority: Authority, tmp_path: Path
) -> None:
    """What was decided stays kept and waits for nobody; only open questions are counted."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre), _calling(centre, SPY) as spy:
        for number in range(BRANCHES_PER_NODE_MAX):
            entries = [bytes([number])]
            await (await _offer(spy, _branch(centre, entries), entries))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await (await _offer(spy, _branch(centre, [b"more"]), [b"more"]))
        assert error_from(refused.value).code == "FED-2404"
        await centre.database.write(
            lambda tx: tx.run(
                "INSERT INTO recon_resolutions VALUES (1, ?, 'recon/lkpp/1', 0, 'branches/1',"
                " x'', x'', 1, 0)",
                (SPY,),
            )
        )
        await (await _offer(spy, _branch(centre, [b"more"]), [b"more"]))
        kept = await BranchStore(centre.database).of_node(SPY)
        assert len(kept) == BRANCHES_PER_NODE_MAX + 1  # nothing was dropped


async def test_the_bytes_of_a_nodes_branches_are_bounded(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node cannot fill the centre's disk with histories of its own making."""
    monkeypatch.setattr(branches_store, "_BYTES_MAX", 1_000)
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        async with _calling(centre, SPY) as spy:
            small, large = [b"x" * 400], [b"y" * 400, b"z" * 400]
            await (await _offer(spy, _branch(centre, small), small))
            call = await _offer(spy, _branch(centre, large), large)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            assert error_from(refused.value).code == "FED-2404"
        (kept,) = await BranchStore(centre.database).of_node(SPY)
        assert kept.entries == 1


async def test_two_offers_of_one_head_do_not_write_into_each_other(
    authority: Authority, tmp_path: Path
) -> None:
    """What is kept of a branch is what makes its signed root, whoever else was writing."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        async with _calling(centre, SPY) as spy:
            good = [b"good 1", b"good 2"]
            head = _branch(centre, good)
            first = await _offer(spy, head, good[:1], hold=True)
            await eventually(lambda: _begun(centre))
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await (await _offer(spy, head, [b"forged"], hold=True))
            # grpc.aio loses the status where the server ends while it still writes.
            lost = refused.value.code() is grpc.StatusCode.INTERNAL
            assert lost or error_from(refused.value).code == "FED-2405"
            await first.write(wire.OfferBranchRequest(first_index=1, entries=[good[1]]))
            await first.done_writing()
            await first
        store = BranchStore(centre.database)
        (kept,) = await store.of_node(SPY)
        assert [one.data for one in await store.entries(kept, 0, 10)] == good


async def test_a_leaked_copy_of_a_settled_fork_does_not_go_on_by_the_old_decision(
    authority: Authority, tmp_path: Path
) -> None:
    """Two persons let one machine go on, once; a backup of that time with its keys waits."""
    centre = Centre(authority, tmp_path / "centre")
    centre.decisions = person = Person()
    async with running(centre):
        fork = await _forked(authority, tmp_path, centre)
        copy(tmp_path / "copy", tmp_path / "leaked")
        person.choice, person.branch = CONTINUE_OFFERED, "branches/1"
        async with recovering(fork) as recovery:
            await eventually(recovery.finished)
        before = await ledger(centre)
        leaked = Node(authority, tmp_path / "leaked", NODE, centre.port)
        async with recovering(leaked) as recovery:
            await eventually(lambda: leaked.state.session is not None)

            async def waits() -> bool:
                return await _advice(recovery) == wire.RECOVERY_ADVICE_WAIT

            await eventually(waits)
            assert len(await leaked.journal.epochs()) == 1
        assert await ledger(centre) == before


async def test_a_decision_made_before_the_branch_was_here_does_not_speak_of_it() -> None:
    """Names of branches count up: a node could ask about its next one, and offer it later."""
    early = records.ReconciliationResolved(resolution="resolutions/1", choice=CONTINUE_OFFERED)
    now = CLOCK.now()

    class Answered:
        async def of(self, node_id: str, subject: str) -> Resolution | None:
            return Resolution(1, early, 7, now) if subject == "branches/12" else None

    resolved = Resolved(cast(ResolutionStore, Answered()), cast(BranchStore, None))
    since = (now + timedelta(seconds=1)).isoformat()
    assert await resolved.decided(NODE, "branches/12", since) is None
    found = await resolved.decided(NODE, "branches/12", now.isoformat())
    assert found is not None and found.name == "resolutions/1"


async def test_a_node_cannot_have_its_journal_walked_for_hundreds_of_heads(
    authority: Authority, tmp_path: Path
) -> None:
    """A head of a size of its choice costs a walk; an honest node shows two of an epoch."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        authority.node(SPY)
        signer = authority.nodes[SPY]
        heads = [sign_head(signer, EPOCH, size, ENTROPY.token(32)) for size in range(1, 4)]
        request = wire.GetResolutionRequest(own_heads=[one.message() for one in heads])
        async with _calling(centre, SPY) as spy:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await spy.GetResolution(request)
        assert error_from(refused.value).code == "FED-2401"
