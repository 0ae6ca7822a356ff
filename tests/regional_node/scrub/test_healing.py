"""Healing over a real database, journal and blob store; the centre is the twin of its port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
import structlog

from lpse.federation.errors import NotFound, Unavailable
from lpse.federation.limits import SCRUB_RETRY_SECONDS_MAX
from lpse.federation.notes import Signer
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import ManualClock, SeededEntropy
from lpse.runtime.sqlite import Database
from lpse.storage.blobs import BlobMismatch, BlobStore
from lpse.storage.journal import Journal
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.reconciliation.store import ReconciliationStore
from regional_node.scrub.healing import Healing
from regional_node.scrub.rules import (
    FETCHED,
    OTHER,
    OWN,
    PERSON,
    SENT_AGAIN,
    WHOLE_AGAIN,
    Damage,
    decision,
    wait_seconds,
)
from regional_node.scrub.store import NodeScrubStore

SIGNER = Signer.from_seed("lpse-pacitan", bytes(range(32)))
MIGRATIONS = Path("regional_node/migrations")
NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
BID = b"sealed bytes of a bid"
DIGEST = sha256(BID).digest()
C = records.Classification


@dataclass
class Centre:
    """The other side's copies; implements the port `Fetcher`."""

    blobs: BlobStore
    copies: dict[bytes, bytes] = field(default_factory=dict)
    is_open: bool = True
    away: bool = False
    woken: int = 0

    async def fetch(self, digest: bytes, size: int) -> None:
        if self.away:
            raise Unavailable("FED-2299", "the centre does not answer")
        if digest not in self.copies:
            raise NotFound("FED-2305", "it is not here")
        if sha256(self.copies[digest]).digest() != digest:
            raise BlobMismatch
        await self.blobs.put_many("fetched", [self.copies[digest]])

    def wake(self) -> None:
        self.woken += 1


@dataclass
class Node:
    """What a test looks at."""

    database: Database
    blobs: BlobStore
    centre: Centre
    store: NodeScrubStore
    healing: Healing
    clock: ManualClock

    async def step(self) -> int:
        return await self.healing.step(self.clock.wall())

    async def decisions(self) -> list[tuple[int, str, str]]:
        rows = await ReconciliationStore(self.database).page(before=1 << 40, limit=100)
        assert all(row.trigger == records.RECONCILIATION_TRIGGER_SCRUB for row in rows)
        return [
            (one.classification, one.rule, one.outcome)
            for row in reversed(rows)
            for one in row.record.entries
        ]

    def lose(self, data: bytes | None = None) -> None:
        path = self.blobs.path_of(DIGEST)
        path.unlink() if data is None else path.write_bytes(data)

    async def queue(self, state: str) -> None:
        insert = (
            "INSERT INTO transfer_blobs (digest, size_bytes, store_time, epoch, idx, state)"
            " VALUES (?, ?, 0, x'00', 0, ?)"
            " ON CONFLICT (digest) DO UPDATE SET state = excluded.state"
        )
        await self.database.write(lambda tx: tx.run(insert, (DIGEST, len(BID), state)))


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    database = await Database.open(tmp_path / "node.db", MIGRATIONS)
    clock, log = ManualClock(NOW), structlog.get_logger()
    journal = Journal(database, SIGNER, clock, SeededEntropy(1))
    await journal.open()
    blobs = BlobStore(tmp_path / "blobs")
    centre = Centre(blobs)
    heads = (lambda: None, lambda: None)
    runs = DecidedRuns(database, journal, clock, heads, software_version="test")
    store = NodeScrubStore(database, runs)
    healing = Healing(store, blobs, centre, (lambda: centre.is_open, centre.wake), clock, log)
    await blobs.put_many("bid", [BID])
    row = "INSERT INTO intake_blobs VALUES (?, ?, 1, 0, 0)"
    await database.write(lambda tx: tx.run(row, (DIGEST, len(BID))))
    yield Node(database, blobs, centre, store, healing, clock)
    await database.close()


async def test_damaged_copy_is_fetched_again_and_kept_as_evidence(node: Node) -> None:
    """Invariant 9: the good bytes are back, and one decision says how."""
    node.centre.copies[DIGEST] = BID
    node.lose(b"Sealed bytes of a bid")
    await node.healing.suspect(DIGEST)
    assert await node.step() == 1
    assert await node.blobs.verify(DIGEST)
    assert await node.decisions() == [(C.CLASSIFICATION_CORRUPT, "R-BLOB-NODE-DAMAGED/1", FETCHED)]
    assert len(list((node.blobs.folder / "aside").iterdir())) == 1
    await node.healing.suspect(DIGEST)
    assert await node.step() == 0, "what is healed is not healed again"


async def test_without_a_link_it_waits_and_then_heals(node: Node) -> None:
    """Invariant 4: a lost centre only delays; nothing is decided before it was asked."""
    node.centre.copies[DIGEST] = BID
    node.lose()
    await node.healing.suspect(DIGEST)
    node.centre.is_open = False
    assert await node.step() == 0
    node.centre.is_open, node.centre.away = True, True
    node.clock.advance(wait_seconds(0) + 1)
    assert await node.step() == 0
    assert await node.decisions() == []
    node.centre.away = False
    node.clock.advance(wait_seconds(1) + 1)
    assert await node.step() == 1
    assert (await node.decisions())[0][1:] == ("R-BLOB-NODE-MISSING/1", FETCHED)


@pytest.mark.parametrize("copy", [None, b"other bytes of the bid"], ids=["none", "damaged"])
async def test_no_good_copy_is_one_open_entry_until_one_is_found(
    node: Node, copy: bytes | None
) -> None:
    """Invariant 10: the entry calls for a person once, and closes when good bytes are back."""
    if copy is not None:
        node.centre.copies[DIGEST] = copy
    node.lose(b"")
    await node.healing.suspect(DIGEST)
    for _ in range(3):
        assert await node.step() == 0
        node.clock.advance(SCRUB_RETRY_SECONDS_MAX + 1)
    assert [outcome for _, _, outcome in await node.decisions()] == [PERSON]
    assert (await node.store.totals()).person == 1
    assert node.healing.unhealed == 1
    await node.blobs.put_many("backup", [BID])
    assert await node.step() == 1
    assert [outcome for _, _, outcome in await node.decisions()] == [PERSON, WHOLE_AGAIN]
    assert node.healing.unhealed == 0


async def test_centres_damaged_copy_is_queued_again_and_closed_when_verified(node: Node) -> None:
    """What the centre lost is sent again once, and the decision follows its VERIFIED."""
    await node.queue("VERIFIED")
    asked = link.BlobsWanted()
    asked.blobs.add(digest=DIGEST, found="CORRUPT")
    asked.blobs.add(digest=bytes(32), found="CORRUPT")  # not ours: passed over
    for _ in range(2):
        await node.healing.wanted(asked)
    assert await node.step() == 0
    assert (await node.store.queue_state(DIGEST), node.centre.woken) == ("RETRYING", 1)
    node.clock.advance(wait_seconds(0) + 1)
    assert await node.step() == 0, "not before the centre has it"
    await node.queue("VERIFIED")
    node.clock.advance(wait_seconds(1) + 1)
    assert await node.step() == 1
    assert await node.decisions() == [
        (C.CLASSIFICATION_CORRUPT, "R-BLOB-CENTRE-DAMAGED/1", SENT_AGAIN)
    ]


async def test_centre_is_never_sent_what_is_damaged_here_too(node: Node) -> None:
    """Two damaged copies: nothing is queued, and both sides' findings are told."""
    await node.queue("VERIFIED")
    node.lose(b"sealed bytes of a bit")
    asked = link.BlobsWanted()
    asked.blobs.add(digest=DIGEST, found="MISSING")
    await node.healing.wanted(asked)
    await node.step()
    await node.step()
    assert await node.store.queue_state(DIGEST) == "VERIFIED"
    assert {rule for _, rule, outcome in await node.decisions() if outcome == PERSON} == {
        "R-BLOB-CENTRE-MISSING/1",
        "R-BLOB-NODE-DAMAGED/1",
    }


async def test_freed_copy_is_not_missing(node: Node) -> None:
    """A local copy that was given up after hand-over is nobody's loss."""
    await node.queue("VERIFIED")
    freed = "UPDATE transfer_blobs SET freed_time = 1, gone = 1, freed_references = 1"
    await node.database.write(lambda tx: tx.run(freed))
    node.lose()
    await node.healing.suspect(DIGEST)
    assert await node.store.page(b"", 10) == []
    assert (await node.store.totals()).open == 0


@pytest.mark.parametrize("side", [OWN, OTHER])
@pytest.mark.parametrize("found", ["MISSING", "CORRUPT", "UNREADABLE"])
def test_every_damage_has_a_rule_and_both_sides_evidence(side: str, found: str) -> None:
    """Invariant 9: a decision names rule, reason, evidence and outcome, whatever was found."""
    told = decision(Damage(DIGEST, side, 21, found, NOW, "why"), PERSON)
    assert told.rule.startswith("R-BLOB-" + ("NODE" if side == OWN else "CENTRE"))
    assert (told.classification == C.CLASSIFICATION_CORRUPT) is (found != "MISSING")
    assert "why" in told.reason
    assert not told.hash_after
    mine, theirs = told.node_evidence, told.centre_evidence
    assert (found.encode() in mine, found.encode() in theirs) == (side == OWN, side == OTHER)


def test_waits_grow_to_a_limit() -> None:
    """Invariant 12: attempts become rare and never stop."""
    waits = [wait_seconds(attempts) for attempts in range(100)]
    assert waits == sorted(waits)
    assert waits[-1] == SCRUB_RETRY_SECONDS_MAX
