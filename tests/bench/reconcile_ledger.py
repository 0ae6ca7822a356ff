"""The ledger at full speed: small entries verified and durable, and whole journals read again.

Owns journals of many writers, made beforehand. Ingest is what the link calls (`Ledger.accept`):
signature and root of every batch, rows, fsync, then the answer. Leaves out the wire.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from central.ledger.ledger import PREFIX, Ledger
from central.ledger.projector import Projector
from lpse.federation.checkpoints import Head, sign_head
from lpse.federation.entries import DecodedEntry, encode_entry
from lpse.federation.limits import BATCH_ENTRIES_MAX, EPOCH_BYTES
from lpse.federation.merkle import CompactRange, leaf_hash
from lpse.federation.notes import Signer, Verifier
from lpse.federation.v1 import journal_pb2 as wire
from lpse.runtime.clock import SystemClock
from lpse.runtime.sqlite import Database
from lpse.storage.received import ReceivedJournals
from lpse.storage.verify_pass import Pace, Verified, VerifyPass
from lpse.storage.verify_sources import OthersJournals
from tests.bench.figures import Report
from tests.bench.reconcile_nodes import signer_of
from tests.federation.rig import CENTRE_MIGRATIONS

WRITERS: Final = 20
PAYLOAD_BYTES: Final = 60
INGEST_GOAL: Final = 50_000.0
VERIFY_GOAL: Final = 200_000.0
_AT_ONCE: Final = 4  # batches of one node in one call, as a session hands them on
_LOG = structlog.get_logger()
_CLOCK = SystemClock()


class _Keys:
    """The ledger's port `NodeKeys`."""

    async def verifier(self, node_id: str) -> Verifier:
        return signer_of(node_id).verifier

    async def signed_by(self, head: Head) -> Verifier:
        verifier = signer_of(head.party).verifier
        head.verify(verifier)
        return verifier


async def measure(report: Report, folder: Path, rounds: int, entries: int) -> None:
    """Entries per second of both."""
    ingest, verify = [], []
    for number in range(-1, rounds):
        place = folder / f"round-{number}"
        place.mkdir(parents=True)
        journals = [
            _journal(f"lpse-{one}", number + 2, entries // WRITERS) for one in range(WRITERS)
        ]
        database = await Database.open(place / "central.db", CENTRE_MIGRATIONS)
        try:
            took = await _ingest(database, journals)
            again = await _verify(database)
        finally:
            await database.close()
        if number >= 0:
            ingest.append(entries / took)
            verify.append(entries / again)
    report.add("ledger ingest, verified and durable", "entries/s", ingest)
    report.add("journals read again in full", "entries/s", verify)
    report.compare("ingest / 50,000 per second", ingest, [INGEST_GOAL] * rounds, goal=1.0)
    report.compare("read again / 200,000 per second", verify, [VERIFY_GOAL] * rounds, goal=1.0)


async def _ingest(
    database: Database, journals: list[tuple[Signer, bytes, list[wire.EntryBatch]]]
) -> float:
    received = ReceivedJournals(database, PREFIX)
    projector = Projector(database, received, [], _CLOCK, _LOG)
    ledger = Ledger(database, projector, _Keys(), exercise=False)
    await ledger.open()

    async def one(signer: Signer, epoch: bytes, batches: list[wire.EntryBatch]) -> None:
        for at in range(0, len(batches), _AT_ONCE):
            await ledger.accept(signer.name, epoch, batches[at : at + _AT_ONCE])

    start = time.perf_counter()
    await asyncio.gather(*(one(*journal) for journal in journals))
    return time.perf_counter() - start


async def _verify(database: Database) -> float:
    """One pass of the audit's own worker over every journal, at no bounded rate."""
    damaged: list[Verified] = []

    async def tell(verified: Verified) -> None:
        damaged.append(verified)

    source = OthersJournals(ReceivedJournals(database, PREFIX), _Keys().signed_by)
    reading = VerifyPass(database, [source], tell, _CLOCK, Pace(1e12, timedelta(days=1)), _LOG)
    start = time.perf_counter()
    while await reading.step(_CLOCK.wall()):
        pass
    assert not damaged
    return time.perf_counter() - start


def _journal(node_id: str, epoch: int, entries: int) -> tuple[Signer, bytes, list[wire.EntryBatch]]:
    signer, name = signer_of(node_id), epoch.to_bytes(EPOCH_BYTES, "big")
    now, tree, batches = _CLOCK.wall(), CompactRange(), list[wire.EntryBatch]()
    for first in range(0, entries, BATCH_ENTRIES_MAX):
        made = [
            encode_entry(
                DecodedEntry("upload.judged", number.to_bytes(16, "big"), now, bytes(PAYLOAD_BYTES))
            )
            for number in range(first, min(first + BATCH_ENTRIES_MAX, entries))
        ]
        tree.extend(map(leaf_hash, made))
        head = sign_head(signer, name, tree.size, tree.root())
        batches.append(wire.EntryBatch(first_index=first, entries=made, head=head.message()))
    return signer, name, batches
