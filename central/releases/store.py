"""All SQL of releases; a release's row and its national entry are one transaction.

Rule: what nodes were told and what the centre believes never differ. Leaves out bundles' bytes
(`central.blobs`) and checks of their content (`rules`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.message import Message

from central.releases.rules import is_repeated
from lpse.federation.errors import NotFound, Refused
from lpse.federation.limits import RELEASES_MAX
from lpse.federation.v1.directives_pb2 import ReleasePublished, ReleaseWithdrawn
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros

AppendIn = Callable[[Transaction, Message], int]  # the national journal, inside a transaction
_SELECT = (
    "SELECT release, record, national_index, publish_time, withdraw_time, withdraw_reason,"
    " withdrawn_by FROM releases"
)


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A published release; `withdraw_time` is None while it is offered."""

    number: int
    record: ReleasePublished
    national_index: int
    publish_time: datetime
    withdraw_time: datetime | None
    withdraw_reason: str
    withdrawn_by: str


class ReleaseStore:
    """The table `releases`; also the port `Bundles` of the Transfer service."""

    def __init__(self, database: Database, append_in: AppendIn) -> None:
        self._database = database
        self._append_in = append_in

    async def publish(
        self, record: ReleasePublished, now: datetime, *, validate_only: bool
    ) -> StoredRelease:
        """Publish, or give back what is published so already; Conflict (FED-6004) otherwise."""

        def work(tx: Transaction) -> StoredRelease:
            present = self.find_in(tx, record.version)
            known = present.record if present else None
            withdrawn = present is not None and present.withdraw_time is not None
            if is_repeated(known, withdrawn, record):
                assert present is not None
                return present
            if tx.execute("SELECT count(*) FROM releases")[0][0] >= RELEASES_MAX:
                raise Refused("FED-6008", f"there are {RELEASES_MAX} releases already")
            if validate_only:
                return StoredRelease(0, record, 0, now, None, "", "")
            index = self._append_in(tx, record)
            tx.run(
                "INSERT INTO releases (version, record, bundle_digest, national_index,"
                " publish_time) VALUES (?, ?, ?, ?, ?)",
                (
                    record.version,
                    record.SerializeToString(deterministic=True),
                    record.bundle_digest,
                    index,
                    to_micros(now),
                ),
            )
            return self.get_in(tx, record.version)

        return await self._database.write(work)

    async def withdraw(
        self, version: str, record: ReleaseWithdrawn, now: datetime, *, validate_only: bool
    ) -> StoredRelease:
        """No node starts to apply it any more; repeating it changes nothing."""

        def work(tx: Transaction) -> StoredRelease:
            present = self.get_in(tx, version)
            if present.withdraw_time is not None or validate_only:
                return present
            self._append_in(tx, record)
            tx.run(
                "UPDATE releases SET withdraw_time = ?, withdraw_reason = ?, withdrawn_by = ?"
                " WHERE version = ?",
                (to_micros(now), record.reason, record.withdrawn_by, version),
            )
            return self.get_in(tx, version)

        return await self._database.write(work)

    async def get(self, version: str) -> StoredRelease:
        """A release; NotFound (FED-6005)."""
        return await self._database.read(lambda tx: self.get_in(tx, version))

    async def page(self, before: int | None, limit: int) -> list[StoredRelease]:
        """Newest first, older than number `before`."""
        below = 1 << 62 if before is None else before
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"{_SELECT} WHERE release < ? ORDER BY release DESC LIMIT ?", (below, limit)
            )
        )
        return [_release(row) for row in rows]

    async def offered_size(self, digest: bytes) -> int | None:
        """Size of the bundle of a release that is offered."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"{_SELECT} WHERE bundle_digest = ? AND withdraw_time IS NULL LIMIT 1", (digest,)
            )
        )
        return _release(rows[0]).record.bundle_bytes if rows else None

    def has_bundle_in(self, tx: Transaction, digest: bytes) -> bool:
        """Whether some release, withdrawn or not, was published with this bundle."""
        return bool(tx.execute("SELECT 1 FROM releases WHERE bundle_digest = ? LIMIT 1", (digest,)))

    def find_in(self, tx: Transaction, version: str) -> StoredRelease | None:
        """A release by its canonical version, inside the caller's transaction."""
        rows = tx.execute(f"{_SELECT} WHERE version = ?", (version,))
        return _release(rows[0]) if rows else None

    def get_in(self, tx: Transaction, version: str) -> StoredRelease:
        """As `find_in`; NotFound (FED-6005)."""
        found = self.find_in(tx, version)
        if found is None:
            raise NotFound("FED-6005", f"there is no release {version}")
        return found


def _release(row: Row) -> StoredRelease:
    number, record, index, published, withdrawn, reason, by = row
    ended = from_micros(withdrawn) if withdrawn is not None else None
    return StoredRelease(
        number,
        ReleasePublished.FromString(record),
        index,
        from_micros(published),
        ended,
        reason,
        by,
    )
