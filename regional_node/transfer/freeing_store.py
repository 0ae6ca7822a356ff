"""All SQL of local copies that are given up.

Owns the columns `freed_time`, `freed_references` and `gone` of the queue. Rules: a copy is marked
only in a transaction that has seen every package that needs it handed over for long enough, and
every accepted submission counted; the mark is durable before the file is deleted, so that a crash
leaves a file too many, never one too few. Receipts, entries and rows stay.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros
from regional_node.transfer.needs_store import followed_in
from regional_node.transfer.ports import Needs

_THROUGH = (
    "SELECT digest, size_bytes, state FROM transfer_blobs WHERE digest > ? AND gone = 0"
    " AND digest IN (SELECT transfer_needs.digest FROM transfer_needs"
    " JOIN json_each(?) ON json_each.value = transfer_needs.package)"
    " ORDER BY digest LIMIT ?"
)
_NEEDED_BY = "SELECT package FROM transfer_needs WHERE digest = ?"


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """A blob whose file may go: every package that needs it is through."""

    digest: bytes
    size_bytes: int
    verified: bool


@dataclass(frozen=True, slots=True)
class Freed:
    """How many local copies were given up, and their bytes."""

    count: int
    size_bytes: int


class FreeingStore:
    """See the module's first lines."""

    def __init__(self, database: Database, needs: Needs) -> None:
        self._database = database
        self._needs = needs

    async def through(
        self, handed_over_before: datetime, after: bytes, limit: int
    ) -> list[LocalCopy]:
        """Copies behind a digest that nobody needs here any more, by digest."""

        def work(tx: Transaction) -> list[LocalCopy]:
            packages = tx.execute("SELECT package FROM transfer_packages")
            done = [p for (p,) in packages if self._is_through(tx, p, handed_over_before)]
            rows = tx.execute(_THROUGH, (after, json.dumps(done), limit))
            return [LocalCopy(bytes(d), int(n), state == "VERIFIED") for d, n, state in rows]

        return await self._database.read(work)

    async def mark(self, digest: bytes, handed_over_before: datetime, now: datetime) -> bool:
        """Give the copy up, where everything still holds; False on any doubt."""
        return await self._database.write(
            lambda tx: self._mark_in(tx, digest, handed_over_before, now)
        )

    def _mark_in(self, tx: Transaction, digest: bytes, before: datetime, now: datetime) -> bool:
        if followed_in(tx) != self._needs.newest_in(tx):
            return False  # a submission that was not looked at may need it
        packages = [str(package) for (package,) in tx.execute(_NEEDED_BY, (digest,))]
        if not packages or not all(self._is_through(tx, one, before) for one in packages):
            return False
        if tx.execute("SELECT 1 FROM recon_attachments WHERE digest = ?", (digest,)):
            return False  # an officer attached the same bytes to a decision
        references = tx.execute(
            "SELECT reference_count FROM intake_blobs WHERE digest = ?", (digest,)
        )
        if not references:
            return False
        return bool(
            tx.run(
                "UPDATE transfer_blobs SET freed_time = coalesce(freed_time, ?),"
                " freed_references = ? WHERE digest = ?",
                (to_micros(now), references[0][0], digest),
            )
        )

    def _is_through(self, tx: Transaction, package: str, before: datetime) -> bool:
        since = self._needs.handed_over_in(tx, package)
        return since is not None and since <= before

    async def gone(self, digests: Sequence[bytes]) -> None:
        """Their files are deleted."""
        await self._database.write(
            lambda tx: tx.many(
                "UPDATE transfer_blobs SET gone = 1 WHERE digest = ? AND freed_time IS NOT NULL",
                [(digest,) for digest in digests],
            )
        )

    async def send_again(self, digest: bytes, *, here: bool) -> None:
        """The centre does not hold what it had VERIFIED; what is still here is sent once more."""
        await self._database.write(
            lambda tx: tx.run(
                "UPDATE transfer_blobs SET state = 'RETRYING', refusals = 0, sent_bytes = 0,"
                " next_attempt = 0, last_cause = 'the centre no longer holds these bytes',"
                " freed_time = NULL, freed_references = NULL"
                " WHERE digest = ? AND state = 'VERIFIED' AND gone = 0"
                " AND (freed_time IS NULL OR ?)",
                (digest, int(here)),
            )
        )

    async def freed_time(self, digest: bytes) -> tuple[datetime, bool] | None:
        """When a local copy was given up, and whether the centre had VERIFIED it; None if kept."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT freed_time, state FROM transfer_blobs"
                " WHERE digest = ? AND freed_time IS NOT NULL",
                (digest,),
            )
        )
        return (from_micros(rows[0][0]), rows[0][1] == "VERIFIED") if rows else None

    async def totals(self) -> Freed:
        """What was given up so far."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT count(*), coalesce(sum(size_bytes), 0) FROM transfer_blobs"
                " WHERE freed_time IS NOT NULL"
            )
        )
        return Freed(*rows[0])
