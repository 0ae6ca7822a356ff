"""What the scrub reads and changes in the queue of sealed bytes, and its own tables.

Rules: bytes are queued again only after the centre had VERIFIED them and asked for them; an outcome
and its journal entry are one transaction. The findings themselves are `lpse.storage.scrub_store`.
Leaves out sending.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.scrub_store import Finding, ScrubStore

NAMED: Final = "kept_blobs"  # what the disk must hold: not what was freed after its hand-over


class Log(Protocol):
    """The reconciliation log, inside a transaction."""

    def decided_in(
        self,
        tx: Transaction,
        trigger: records.ReconciliationTrigger.ValueType,
        entries: Sequence[records.ReconciliationEntry],
    ) -> int:
        """Journal one run; its index."""


class NodeScrubStore(ScrubStore):
    """The node's findings, each ended together with its decision."""

    def __init__(self, database: Database, log: Log) -> None:
        super().__init__(database, NAMED)
        self._log = log

    async def decide(
        self,
        one: Finding,
        state: str,
        entry: records.ReconciliationEntry,
        times: tuple[datetime, datetime],
    ) -> None:
        """Write the outcome down, in the journal and in the finding."""

        def work(tx: Transaction) -> None:
            self.settle_in(tx, one, state, times)
            self._log.decided_in(tx, records.RECONCILIATION_TRIGGER_SCRUB, [entry])

        await self._database.write(work)

    async def size_of(self, digest: bytes) -> int | None:
        """Size of a blob that an accepted submission has; None for any other digest."""
        rows = await self._database.read(
            lambda tx: tx.execute("SELECT size_bytes FROM intake_blobs WHERE digest = ?", (digest,))
        )
        return int(rows[0][0]) if rows else None

    async def kept_size(self, digest: bytes) -> int | None:
        """Size of a blob that the disk must hold, upload or attachment; None for any other."""
        rows = await self._database.read(
            lambda tx: tx.execute("SELECT size_bytes FROM kept_blobs WHERE digest = ?", (digest,))
        )
        return int(rows[0][0]) if rows else None

    async def queue_state(self, digest: bytes) -> str:
        """State of the blob in the queue to the centre; empty where it never was in it."""
        rows = await self._database.read(
            lambda tx: tx.execute("SELECT state FROM transfer_blobs WHERE digest = ?", (digest,))
        )
        return str(rows[0][0]) if rows else ""

    async def queue_healed(self, digest: bytes) -> bool:
        """The copy is whole again: a transfer that was set aside for it goes on; whether one did.

        It was set aside for the damage of the own copy (FED-2311), which is mended.
        """
        moved = await self._database.write(
            lambda tx: tx.run(
                "UPDATE transfer_blobs SET state = 'RETRYING', refusals = 0, next_attempt = 0"
                " WHERE digest = ? AND state = 'PARKED' AND last_cause LIKE 'FED-2311%'",
                (digest,),
            )
        )
        return moved > 0

    async def queue_again(self, digest: bytes) -> None:
        """The centre lost what it had VERIFIED: the queue sends it once more."""
        await self._database.write(
            lambda tx: tx.run(
                "UPDATE transfer_blobs SET state = 'RETRYING', refusals = 0, sent_bytes = 0,"
                " next_attempt = 0 WHERE digest = ? AND state = 'VERIFIED'",
                (digest,),
            )
        )
