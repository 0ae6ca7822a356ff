"""All SQL of the folded state; received entries lie in the tables of `lpse.storage.received`.

Rule: the snapshot and the entries that it sums up move in one transaction (Invariant 3). Leaves
out the fold itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from lpse.runtime.sqlite import Database, Transaction


@dataclass(frozen=True, slots=True)
class StateRow:
    """The folded state as stored; `pinned` is the state before the first skipped entry."""

    size: int
    snapshot: bytes
    pinned: bytes | None


class NationalStore:
    """The table `national_state`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> StateRow | None:
        """The stored state; None before the first national entry."""
        return await self._database.read(self.load_in)

    def load_in(self, tx: Transaction) -> StateRow | None:
        """See `load`."""
        rows = tx.execute("SELECT size, snapshot, pinned FROM national_state WHERE one = 1")
        return StateRow(*rows[0]) if rows else None

    def save_in(self, tx: Transaction, row: StateRow) -> None:
        """Replace the state."""
        tx.run(
            "INSERT OR REPLACE INTO national_state (one, size, snapshot, pinned)"
            " VALUES (1, ?, ?, ?)",
            (row.size, row.snapshot, row.pinned),
        )

    def move_in(self, tx: Transaction, size: int) -> None:
        """The entries up to `size` changed nothing of the state but its size."""
        tx.run("UPDATE national_state SET size = ? WHERE one = 1", (size,))
