"""All SQL of the scrub: the place of the present pass, and what was found damaged.

Owns `scrub_pass` and `scrub_findings`, which both parties have in the same form. Rules: a finding
is open until its end is written, in the transaction that journals it where a journal owns it; a
second look at an open finding adds nothing (Invariant 3). Leaves out reading blobs (`scrub`) and
healing them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros

OPEN: Final = "OPEN"
PERSON: Final = "PERSON"  # tried, and no good bytes were found anywhere
HEALED: Final = "HEALED"
_FINDING: Final = (
    "SELECT digest, side, size_bytes, found, state, find_time, attempts, next_attempt, cause"
    " FROM scrub_findings"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the pass is; `begin_time` is None before the first one, `end_time` while it goes on."""

    number: int
    begin_time: datetime | None
    end_time: datetime | None
    after: bytes
    blobs: int
    size_bytes: int
    damaged: int


@dataclass(frozen=True, slots=True)
class Finding:
    """A damaged copy: whose, how, and what became of it so far."""

    digest: bytes
    side: str
    size_bytes: int
    found: str
    state: str
    find_time: datetime
    attempts: int
    next_attempt: datetime
    cause: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Findings by state."""

    open: int
    person: int
    healed: int


class ScrubStore:
    """The scrub's tables of one party; `named` is the table of blobs that its rows vouch for."""

    def __init__(self, database: Database, named: str) -> None:
        self._database = database
        self._named = named

    async def place(self) -> Place:
        """The present pass, or the last one."""
        return await self._database.read(place_in)

    async def begin(self, now: datetime) -> Place:
        """A new pass from the first blob on."""

        def work(tx: Transaction) -> Place:
            number = place_in(tx).number + 1
            tx.run(
                "INSERT OR REPLACE INTO scrub_pass VALUES (1, ?, ?, NULL, x'', 0, 0, 0)",
                (number, to_micros(now)),
            )
            return place_in(tx)

        return await self._database.write(work)

    async def advance(self, after: bytes, blobs: int, size_bytes: int) -> None:
        """So far the pass has come."""
        await self._database.write(
            lambda tx: tx.run(
                "UPDATE scrub_pass SET after_digest = ?, blobs = blobs + ?,"
                " size_bytes = size_bytes + ?",
                (after, blobs, size_bytes),
            )
        )

    async def end(self, now: datetime) -> None:
        """The pass has seen every blob."""
        await self._database.write(
            lambda tx: tx.run("UPDATE scrub_pass SET end_time = ?", (to_micros(now),))
        )

    async def page(self, after: bytes, limit: int) -> list[tuple[bytes, int]]:
        """Digests and sizes of stored blobs behind `after`, in the order of digests."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"SELECT digest, size_bytes FROM {self._named} WHERE digest > ?"  # noqa: S608 - constant
                " ORDER BY digest LIMIT ?",
                (after, limit),
            )
        )
        return [(bytes(digest), size) for digest, size in rows]

    async def newest(self, limit: int) -> list[tuple[bytes, int]]:
        """The blobs that were stored last, newest first."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"SELECT digest, size_bytes FROM {self._named}"  # noqa: S608 - constant
                " ORDER BY store_time DESC LIMIT ?",
                (limit,),
            )
        )
        return [(bytes(digest), size) for digest, size in rows]

    async def is_named(self, digest: bytes) -> bool:
        """Whether a row still vouches for a blob."""
        statement = f"SELECT 1 FROM {self._named} WHERE digest = ?"  # noqa: S608 - constant
        return bool(await self._database.read(lambda tx: tx.execute(statement, (digest,))))

    async def found(
        self, blob: tuple[bytes, int], side: str, found: str, now: datetime, cause: str = ""
    ) -> bool:
        """A copy is damaged; False where that is known and open already."""

        def work(tx: Transaction) -> bool:
            known = tx.execute(
                "SELECT state FROM scrub_findings WHERE digest = ? AND side = ?", (blob[0], side)
            )
            if known and known[0][0] != HEALED:
                return False
            tx.run(
                "INSERT OR REPLACE INTO scrub_findings VALUES (?, ?, ?, ?, 'OPEN', ?, 0, 0, ?,"
                " NULL)",
                (blob[0], side, blob[1], found, to_micros(now), cause),
            )
            tx.run("UPDATE scrub_pass SET damaged = damaged + 1")
            return True

        return await self._database.write(work)

    async def due(self, now: datetime, limit: int) -> list[Finding]:
        """Findings to take up now, oldest first."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"{_FINDING} WHERE state <> 'HEALED' AND next_attempt <= ?"
                " ORDER BY find_time, digest LIMIT ?",
                (to_micros(now), limit),
            )
        )
        return [_finding(row) for row in rows]

    async def get(self, digest: bytes, side: str) -> Finding | None:
        """One finding, open or not."""
        rows = await self._database.read(
            lambda tx: tx.execute(f"{_FINDING} WHERE digest = ? AND side = ?", (digest, side))
        )
        return _finding(rows[0]) if rows else None

    async def postpone(self, one: Finding, until: datetime, cause: str) -> None:
        """An attempt did not help; the next one is due then."""
        await self._database.write(
            lambda tx: tx.run(
                "UPDATE scrub_findings SET attempts = attempts + 1, next_attempt = ?, cause = ?"
                " WHERE digest = ? AND side = ?",
                (to_micros(until), cause, one.digest, one.side),
            )
        )

    def settle_in(
        self, tx: Transaction, one: Finding, state: str, times: tuple[datetime, datetime]
    ) -> None:
        """HEALED, or PERSON with the time of the next look; inside the caller's transaction."""
        now, again = times
        tx.run(
            "UPDATE scrub_findings SET state = ?, next_attempt = ?, end_time = ?,"
            " attempts = attempts + 1 WHERE digest = ? AND side = ?",
            (
                state,
                to_micros(again),
                to_micros(now) if state == HEALED else None,
                one.digest,
                one.side,
            ),
        )

    async def totals(self) -> Totals:
        """How many findings there are, by state."""
        return await self._database.read(totals_in)


def place_in(tx: Transaction) -> Place:
    """As `ScrubStore.place`, inside the caller's transaction (doctors read without a daemon)."""
    rows = tx.execute(
        "SELECT number, begin_time, end_time, after_digest, blobs, size_bytes, damaged"
        " FROM scrub_pass"
    )
    if not rows:
        return Place(0, None, None, b"", 0, 0, 0)
    number, begin, end, after, blobs, size_bytes, damaged = rows[0]
    ended = from_micros(end) if end is not None else None
    return Place(number, from_micros(begin), ended, bytes(after), blobs, size_bytes, damaged)


def totals_in(tx: Transaction) -> Totals:
    """As `ScrubStore.totals`, inside the caller's transaction."""
    rows: dict[str, int] = dict(
        tx.execute("SELECT state, count(*) FROM scrub_findings GROUP BY state")
    )
    return Totals(rows.get(OPEN, 0), rows.get(PERSON, 0), rows.get(HEALED, 0))


def _finding(row: Row) -> Finding:
    digest, side, size, found, state, find, attempts, again, cause = row
    return Finding(
        bytes(digest), side, size, found, state, from_micros(find), attempts, from_micros(again),
        cause,
    )  # fmt: skip
