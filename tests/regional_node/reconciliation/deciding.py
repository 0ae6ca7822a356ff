"""A node's own decisions over real files: an admin, a helper, and one run that waits for a person.

Owns what the tests of this folder share. Leaves out the daemon around it (`tests/faults`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lpse.federation.acts import Deed, sign_act
from lpse.federation.entries import decode_entry
from lpse.federation.notes import Signer
from lpse.federation.reconciliation_rules import entry, evidence
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import resolutions_pb2 as api
from lpse.runtime.clock import ManualClock, SeededEntropy
from lpse.runtime.sqlite import Database
from lpse.runtime.tls import public_bytes
from lpse.storage.blobs import BlobStore
from lpse.storage.journal import Journal
from regional_node.intake import vouching
from regional_node.intake.claims import Claims
from regional_node.officers.rules import ADD, addition_digest
from regional_node.officers.store import Officers
from regional_node.reconciliation.attachments import Attachments
from regional_node.reconciliation.attachments_store import AttachmentStore
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.reconciliation.resolutions_store import ResolutionStore
from regional_node.reconciliation.resolving import ACT, ResolutionsService, resolution_digest

MIGRATIONS = Path(__file__).parents[3] / "regional_node" / "migrations"
NODE = "lpse-pacitan"
RUN = f"recon/{NODE}/1"
SCRUB = records.RECONCILIATION_TRIGGER_SCRUB
LOST = entry(
    "R-BLOB-NODE-MISSING",
    "blob 12ab",
    evidence(found="MISSING"),
    evidence(found=None),
    "no good copy found, a person must look",
    1,
    found="missing",
)
HEALED = entry("R-BLOB-MISSING", "blobs", b"", b"", "sent", 3)


@dataclass
class Node:
    """A node with an admin, a helper, and one run that waits for a person."""

    folder: Path
    database: Database
    journal: Journal
    clock: ManualClock
    runs: DecidedRuns
    keys: dict[str, Ed25519PrivateKey]
    service: ResolutionsService
    shelf: Shelf

    async def resolve(self, who: str = "tono", **fields: Any) -> api.Resolution:
        self.clock.advance(1)
        given = {"run": RUN, "choice": "ACKNOWLEDGE", "reason": "the vendor has a copy", **fields}
        request = api.ResolveEntryRequest(**given)
        request.act.CopyFrom(self.sign(who, resolution_digest(request)))
        return await self.send(request)

    async def send(self, request: api.ResolveEntryRequest) -> api.Resolution:
        answer = await self.service.ResolveEntry(request, None)  # type: ignore[arg-type] # the handler reads no context
        return answer.resolution

    def sign(self, who: str, digest: bytes, act: str = ACT) -> Any:
        role = "admin" if who == "tono" else "helpdesk"
        deed = Deed(NODE, act, digest)
        return sign_act(self.keys[who], deed, actor=who, role=role, at=self.clock.wall())

    async def entries(self) -> list[tuple[int, Any]]:
        rows = await self.journal.entries(0, self.journal.head.size)
        read = [(row.index, decode_entry(row.data)) for row in rows]
        return [(index, one) for index, one in read if one.kind == "reconciliation.resolved"]


@dataclass
class Shelf:
    """Where attachments lie, and of which ones somebody said that they are not whole."""

    folder: Path
    database: Database
    clock: ManualClock
    suspected: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.blobs = BlobStore(self.folder / "blobs")
        self.claims = Claims(self.blobs, self._needed)
        store = AttachmentStore(self.database)
        self.attachments = Attachments(
            store, self.blobs, self.claims, self._suspect, self.clock, SeededEntropy(2)
        )

    async def _needed(self, digest: bytes) -> bool:
        return await self.database.read(lambda tx: vouching.is_needed_in(tx, digest))

    async def _suspect(self, digest: bytes) -> None:
        self.suspected.append(digest)


@asynccontextmanager
async def running(tmp_path: Path) -> AsyncIterator[Node]:
    """Open everything, and close it at the end."""
    database = await Database.open(tmp_path / "node.db", MIGRATIONS)
    clock = ManualClock(datetime(2026, 3, 27, 3, tzinfo=UTC))
    journal = Journal(database, Signer.from_seed(NODE, bytes(32)), clock, SeededEntropy(1))
    await journal.open()
    officers = Officers(database, journal.append_in, clock, party=NODE)
    heads = (lambda: None, lambda: None)
    runs = DecidedRuns(database, journal, clock, heads, software_version="test")
    keys = {name: Ed25519PrivateKey.generate() for name in ("tono", "wati")}
    shelf = Shelf(tmp_path, database, clock)
    store = ResolutionStore(database, journal, clock)
    service = ResolutionsService(store, officers, shelf.attachments)
    made = Node(tmp_path, database, journal, clock, runs, keys, service, shelf)
    await officers.add("tono", "admin", public_bytes(keys["tono"]), None)
    helper = public_bytes(keys["wati"])
    signed = made.sign("tono", addition_digest("wati", "helpdesk", helper), ADD)
    await officers.add("wati", "helpdesk", helper, signed)
    await database.write(lambda tx: runs.decided_in(tx, SCRUB, [LOST, HEALED]))
    yield made
    await database.close()
