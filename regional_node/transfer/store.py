"""All SQL of the queue of sealed bytes, and the cursor that fills it from the own journal.

Rules: an announcement joins the queue in the transaction that moves the cursor, and once however
often its content is named (Invariant 3); an attempt is recorded before it begins, so that a lost
process counts too. Leaves out sending.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from lpse.federation.limits import TRANSFER_DEADLINE_GRAIN_SECONDS
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros
from regional_node.transfer.order import Waiting

_GRAIN = int(TRANSFER_DEADLINE_GRAIN_SECONDS * 1_000_000)
_SELECT = (
    "SELECT item, digest, size_bytes, store_time, epoch, idx, state, attempts, refusals,"
    " sent_bytes, next_attempt, last_cause FROM transfer_blobs"
)
# Everywhere in the words of the partial indexes, so that what has gone is never looked through.
_OPEN = "state <> 'VERIFIED' AND freed_time IS NULL"
_CANDIDATES = (
    "SELECT item, size_bytes, sent_bytes, deadline, shuffle FROM transfer_blobs"
    " WHERE state <> 'VERIFIED' AND freed_time IS NULL AND state <> 'PARKED' AND next_attempt <= ?"
    " AND size_bytes BETWEEN ? AND ? AND (epoch <> ? OR idx < ?)"
)
# Enough of each kind for every rank: near deadlines in the order of their grains, small, old.
_KINDS = (
    f" AND deadline > ? ORDER BY deadline / {_GRAIN}, shuffle LIMIT ?",
    " AND ? IS NOT NULL ORDER BY size_bytes, item LIMIT ?",
    " AND ? IS NOT NULL ORDER BY item LIMIT ?",
)


@dataclass(frozen=True, slots=True)
class Announced:
    """A blob that an own entry names."""

    digest: bytes
    size_bytes: int
    index: int
    shuffle: int


@dataclass(frozen=True, slots=True)
class Item:
    """A blob of the queue."""

    item: int
    digest: bytes
    size_bytes: int
    store_time: datetime
    epoch: bytes
    index: int
    state: str
    attempts: int
    refusals: int
    sent_bytes: int
    next_attempt: datetime
    last_cause: str


@dataclass(frozen=True, slots=True)
class Due:
    """Which items may be sent now: by size, and only those whose entry the centre has STORED."""

    now: datetime
    legal: datetime
    size_min: int
    size_max: int
    epoch: bytes
    stored_size: int


@dataclass(frozen=True, slots=True)
class Failed:
    """How an attempt ended without success."""

    item: int
    park: bool
    refusals: int
    sent_bytes: int
    next_attempt: datetime
    cause: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over everything that the centre does not have yet, parked items included."""

    count: int
    size_bytes: int
    parked: int


class TransferStore:
    """The tables `transfer_cursors` and `transfer_blobs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def followed(self, epoch: bytes) -> int:
        """How far an epoch of the own journal was looked at."""
        rows = await self._database.read(
            lambda tx: tx.execute("SELECT followed FROM transfer_cursors WHERE epoch = ?", (epoch,))
        )
        return int(rows[0][0]) if rows else 0

    async def announce(
        self, epoch: bytes, span: tuple[int, int], announced: Sequence[Announced], now: datetime
    ) -> None:
        """Queue what own entries of a span name, and move the cursor from its begin to its end.

        A cursor that was set back meanwhile stays there: what came back is looked at again.
        Named again in a later epoch (a restored node's), a blob waits for that entry instead.
        """

        def work(tx: Transaction) -> None:
            tx.many(
                "INSERT INTO transfer_blobs"
                " (digest, size_bytes, store_time, epoch, idx, shuffle, state)"
                " VALUES (?, ?, ?, ?, ?, ?, 'WAITING') ON CONFLICT (digest) DO UPDATE"
                " SET epoch = excluded.epoch, idx = excluded.idx"
                " WHERE transfer_blobs.epoch <> excluded.epoch AND state <> 'VERIFIED'",
                [
                    (one.digest, one.size_bytes, to_micros(now), epoch, one.index, one.shuffle)
                    for one in announced
                ],
            )
            # The same content was accepted once more: its file is here again.
            tx.many(
                "UPDATE transfer_blobs SET freed_time = NULL, gone = 0"
                " WHERE digest = ? AND freed_time IS NOT NULL",
                [(one.digest,) for one in announced],
            )
            tx.run(
                "INSERT INTO transfer_cursors VALUES (?, ?) ON CONFLICT (epoch) DO UPDATE"
                " SET followed = excluded.followed WHERE followed = ?",
                (epoch, *reversed(span)),
            )

        await self._database.write(work)

    async def candidates(self, due: Due, limit: int) -> list[Waiting]:
        """What may go now, enough of it to choose from; an ended epoch's entries are stored."""
        lane = (to_micros(due.now), due.size_min, due.size_max, due.epoch, due.stored_size)
        legal = to_micros(due.legal)

        def work(tx: Transaction) -> list[Waiting]:
            found: dict[int, Waiting] = {}
            for kind in _KINDS:
                for row in tx.execute(_CANDIDATES + kind, (*lane, legal, limit)):
                    found[row[0]] = _waiting(row)
            return list(found.values())

        return await self._database.read(work)

    async def items(self, numbers: Sequence[int]) -> dict[int, Item]:
        """Items by their numbers."""
        marks = ", ".join("?" * len(numbers))
        rows = await self._database.read(
            lambda tx: tx.execute(f"{_SELECT} WHERE item IN ({marks})", tuple(numbers))
        )
        return {row[0]: _item(row) for row in rows}

    async def claim(self, attempts: Sequence[tuple[int, datetime]]) -> None:
        """An attempt of each item begins; if this process is lost, the next is due at that time."""
        await self._database.write(
            lambda tx: tx.many(
                "UPDATE transfer_blobs SET attempts = attempts + 1, next_attempt = ?"
                " WHERE item = ?",
                [(to_micros(moment), item) for item, moment in attempts],
            )
        )

    async def verified(self, items: Sequence[int]) -> None:
        """The centre has re-read these blobs from its disk."""
        await self._database.write(
            lambda tx: tx.many(
                "UPDATE transfer_blobs SET state = 'VERIFIED', sent_bytes = size_bytes,"
                " refusals = 0, last_cause = '' WHERE item = ?",
                [(item,) for item in items],
            )
        )

    async def broken_off(self, item: int, sent_bytes: int, now: datetime) -> None:
        """Room was made for something else: due at once, and no attempt is counted."""
        await self._database.write(
            lambda tx: tx.run(
                "UPDATE transfer_blobs SET sent_bytes = ?, next_attempt = ?,"
                " attempts = max(attempts - 1, 0) WHERE item = ? AND state <> 'VERIFIED'",
                (sent_bytes, to_micros(now), item),
            )
        )

    async def left(self, reached: Sequence[tuple[int, int]], cause: str, now: datetime) -> None:
        """The road was lost under these items, and so far each had come: they stay due."""
        await self._database.write(
            lambda tx: tx.many(
                "UPDATE transfer_blobs SET state = 'RETRYING', sent_bytes = ?, next_attempt = ?,"
                " last_cause = ? WHERE item = ? AND state <> 'VERIFIED'",
                [(sent, to_micros(now), cause, item) for item, sent in reached],
            )
        )

    async def failed(self, failed: Failed) -> None:
        """Record why, and when to try again; parked items wait for a person."""
        await self._database.write(
            lambda tx: tx.run(
                "UPDATE transfer_blobs SET state = ?, refusals = ?, sent_bytes = ?,"
                " next_attempt = ?, last_cause = ? WHERE item = ? AND state <> 'VERIFIED'",
                (
                    "PARKED" if failed.park else "RETRYING",
                    failed.refusals,
                    failed.sent_bytes,
                    to_micros(failed.next_attempt),
                    failed.cause,
                    failed.item,
                ),
            )
        )

    async def page(self, after: int, limit: int) -> tuple[list[Item], Totals]:
        """Open items behind `after`, and the sums over all of them."""

        def work(tx: Transaction) -> tuple[list[Item], Totals]:
            rows = tx.execute(
                f"{_SELECT} WHERE {_OPEN} AND item > ? ORDER BY item LIMIT ?", (after, limit)
            )
            return [_item(row) for row in rows], _totals_in(tx)

        return await self._database.read(work)

    async def totals(self) -> Totals:
        """The sums alone."""
        return await self._database.read(_totals_in)

    async def find(self, digest: bytes) -> Item | None:
        """A blob by its digest, VERIFIED ones too."""
        rows = await self._database.read(
            lambda tx: tx.execute(f"{_SELECT} WHERE digest = ?", (digest,))
        )
        return _item(rows[0]) if rows else None

    async def offer_again(self) -> int:
        """The centre was restored: offer every kept copy once more; how many.

        What the centre still has it answers VERIFIED without a byte.
        """
        return await self._database.write(
            lambda tx: tx.run(
                "UPDATE transfer_blobs SET state = 'RETRYING', refusals = 0, sent_bytes = 0,"
                " next_attempt = 0, last_cause = 'the centre was restored'"
                " WHERE state = 'VERIFIED' AND freed_time IS NULL"
            )
        )

    async def are_verified(self, digests: Collection[bytes]) -> bool:
        """Whether the centre has every one of these blobs; one question, as pages ask it often."""
        marks = ", ".join("?" * len(digests))
        counted = f"SELECT count(*) FROM transfer_blobs WHERE digest IN ({marks})"  # noqa: S608 - marks
        verified = f"{counted} AND state = 'VERIFIED'"
        rows = await self._database.read(lambda tx: tx.execute(verified, tuple(digests)))
        return bool(rows[0][0] == len(digests))

    async def parked(self, code: str, after: int, limit: int) -> list[Item]:
        """Items that wait for a person, of one code or all, behind `after`."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"{_SELECT} WHERE {_OPEN} AND state = 'PARKED' AND item > ?"
                " AND substr(last_cause, 1, length(?)) = ? ORDER BY item LIMIT ?",
                (after, code, code, limit),
            )
        )
        return [_item(row) for row in rows]

    async def retry_parked(self, code: str, now: datetime) -> int:
        """Every parked item of one code, or all, waits no longer; how many."""
        return await self._database.write(
            lambda tx: tx.run(
                "UPDATE transfer_blobs SET next_attempt = ?, refusals = 0, state = 'RETRYING'"
                " WHERE state <> 'VERIFIED' AND freed_time IS NULL AND state = 'PARKED'"
                " AND substr(last_cause, 1, length(?)) = ?",
                (to_micros(now), code, code),
            )
        )

    async def retry(self, digest: bytes, now: datetime) -> None:
        """The next attempt is due now; a parked item waits no longer."""
        await self._database.write(
            lambda tx: tx.run(
                "UPDATE transfer_blobs SET next_attempt = min(next_attempt, ?), refusals = 0,"
                " state = CASE state WHEN 'PARKED' THEN 'RETRYING' ELSE state END"
                " WHERE digest = ? AND state <> 'VERIFIED'",
                (to_micros(now), digest),
            )
        )


def _totals_in(tx: Transaction) -> Totals:
    rows = tx.execute(
        "SELECT count(*), coalesce(sum(size_bytes), 0), coalesce(sum(state = 'PARKED'), 0)"
        " FROM transfer_blobs WHERE state <> 'VERIFIED' AND freed_time IS NULL"
    )
    return Totals(*rows[0])


def _waiting(row: Row) -> Waiting:
    item, size, sent, deadline, shuffle = row
    due = None if deadline is None else from_micros(deadline)
    return Waiting(item, size, max(size - sent, 0), due, shuffle)


def _item(row: Row) -> Item:
    moments = {
        3: from_micros(row[3]),
        10: from_micros(row[10]),
    }
    return Item(*(moments.get(place, value) for place, value in enumerate(row)))
