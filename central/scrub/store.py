"""The centre's findings, and which nodes announced a blob.

Rule: only nodes that have the blob in a STORED entry are asked for it. Leaves out the findings' own
tables (`lpse.storage.scrub_store`) and asking (`asking`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.sqlite.instants import to_micros
from lpse.storage.scrub import OWN
from lpse.storage.scrub_store import HEALED, PERSON, Finding, ScrubStore

NAMED: Final = "blobs"


class CentralScrubStore(ScrubStore):
    """See the module's first lines."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, NAMED)

    async def announcers(self, digest: bytes) -> list[str]:
        """Nodes with an entry that names the blob, in the order of their ids."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT node_id FROM upload_blobs WHERE digest = ? ORDER BY node_id", (digest,)
            )
        )
        return [str(node_id) for (node_id,) in rows]

    async def healed(self, one: Finding, now: datetime) -> None:
        """The copy is whole again."""
        await self._database.write(lambda tx: self.settle_in(tx, one, HEALED, (now, now)))

    def close_in(self, tx: Transaction, digest: bytes, now: datetime) -> None:
        """Good bytes came by another way than the scrub's; inside the caller's transaction."""
        tx.run(
            "UPDATE scrub_findings SET state = ?, next_attempt = ?, end_time = ?"
            " WHERE digest = ? AND side = ? AND state <> ?",
            (HEALED, to_micros(now), to_micros(now), digest, OWN, HEALED),
        )

    async def needs_person(self, one: Finding, now: datetime, again: datetime) -> None:
        """No node can be asked: it is a release bundle, or a blob that nobody announced."""
        await self._database.write(lambda tx: self.settle_in(tx, one, PERSON, (now, again)))
