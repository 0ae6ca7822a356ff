"""A restored centre gets back what nodes had handed over: entries, sealed bytes, parked ones."""

from __future__ import annotations

import asyncio
import random
import shutil
from dataclasses import replace
from pathlib import Path

from google.protobuf.message import Message

from central.ledger.store import LedgerStore
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from regional_node.link.store import Acknowledged
from regional_node.transfer.store import TransferStore
from regional_node.witness.blobs_again import BlobsAgain
from tests.federation.rig import LOG, Authority, eventually, running
from tests.federation.transfers import DrainingNode, TransferCentre

NODE = "lpse-pacitan"


class OfferingNode(DrainingNode):
    """The rig's draining node with the worker that offers bytes to a restored centre."""

    async def start(self) -> None:
        """As in the rig, and begin to drain."""
        await super().start()
        again = BlobsAgain(self.state, TransferStore(self.database), self.drain.wake, LOG)
        self.state.on_loss(again.offer)
        self.state.on_session(again.wake)
        self.again = asyncio.create_task(again.run())
        self.begin_draining()

    async def stop(self) -> None:
        """As in the rig."""
        self.again.cancel()
        await asyncio.gather(self.again, return_exceptions=True)
        await super().stop()


def _poisoned(record: Message) -> bool:
    return isinstance(record, records.HoldEnded) and record.reason == "poison"


def _content(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


def _follow(node: OfferingNode, centre: TransferCentre) -> None:
    node.port, node.transfer_port = centre.port, centre.transfer_port


def _has(centre: TransferCentre, digests: list[bytes]) -> bool:
    return all(centre.bytes_of(digest) is not None for digest in digests)


async def test_everything_that_was_handed_over_comes_back(tmp_path: Path) -> None:
    """Invariant 2: lost entries and bytes are sent again by themselves, the poisoned one parked.

    The backup holds one submission whole, one whose bytes came later, and nothing of the third.
    """
    centre = TransferCentre(Authority(tmp_path / "keys"), tmp_path / "centre")
    async with running(centre):
        node = OfferingNode(centre.authority, tmp_path / "node", NODE, centre)
        async with running(node):
            digests = await node.accept(_content(10_000, 1))
            await eventually(node.drained)
            node.paused = True
            digests += await node.accept(_content(20_000, 2))
            await eventually(lambda: centre.stored(NODE) == node.journal.head.size)
    centre.copy_database(tmp_path / "old")
    shutil.copytree(centre.folder / "blobs", tmp_path / "old" / "blobs")
    node.paused = False
    async with running(centre):
        _follow(node, centre)
        async with running(node):
            await node.journal.append(records.HoldEnded(reason="poison"))
            digests += await node.accept(_content(3_000_000, 3))
            await eventually(node.settled)
            await centre.national.publish(directives.PolicyPublished(guard_window_seconds=5))
            await eventually(lambda: node.national.head == centre.national.head)
            await eventually(node.drained)
            assert _has(centre, digests)
    restored = TransferCentre(centre.authority, tmp_path / "old")
    restored.recorder.poison = _poisoned
    async with running(restored):
        _follow(node, restored)
        assert not _has(restored, digests[1:2])
        async with running(node):
            await eventually(lambda: restored.stored(NODE) == node.journal.head.size)
            await eventually(lambda: _has(restored, digests))
            assert restored.bytes_of(digests[2]) == _content(3_000_000, 3)
            await eventually(lambda: node.state.row.applied_size == node.journal.head.size)
            parked = await LedgerStore(restored.database).parked(limit=10)
            assert [one.kind for one in parked] == ["hold.ended"]
            await eventually(node.drained)
            (totals,) = await restored.uploads.totals()
            assert (totals.accepted, totals.verified_blobs) == (3, 3)


async def test_a_node_killed_at_the_first_contact_still_offers_its_bytes(tmp_path: Path) -> None:
    """Invariant 1: when it is forgotten what the centre had acknowledged, the offer is durable."""
    centre = TransferCentre(Authority(tmp_path / "keys"), tmp_path / "centre")
    async with running(centre):
        pass
    centre.copy_database(tmp_path / "old")
    async with running(centre):
        node = OfferingNode(centre.authority, tmp_path / "node", NODE, centre)
        async with running(node):
            digests = await node.accept(_content(10_000, 1))
            await eventually(node.drained)
            assert node.state.stored_head is not None
            node.paused = True
            lost = replace(node.state.stored_head, size=1)
            # As the first answer of a restored centre is taken; the process ends right after it.
            await node.state.take_ack(Acknowledged(lost, 1, (), None))
            states = await node.database.read(
                lambda tx: tx.execute("SELECT digest, state FROM transfer_blobs")
            )
            assert states == [(digests[0], "RETRYING")]
