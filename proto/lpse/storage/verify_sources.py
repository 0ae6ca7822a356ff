"""The stored journals that a pass reads again: the party's own epochs, and those it received.

Leaves out the pass (`verify_pass`) and what the entries mean.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from lpse.federation.checkpoints import Head
from lpse.runtime.sqlite import Transaction
from lpse.storage import journal_store
from lpse.storage.journal import Journal
from lpse.storage.received import ReceivedJournals
from lpse.storage.verify_pass import Kept

Check = Callable[[Head], Awaitable[object]]


class OwnJournals:
    """Every epoch of the own journal."""

    def __init__(self, journal: Journal, check: Check) -> None:
        """`check` raises unless a key of this party, present or former, signed a head."""
        self._journal = journal
        self._check = check
        self._numbers: dict[bytes, int] = {}

    async def heads(self) -> Sequence[Head]:
        """The newest head of every epoch, oldest first."""
        rows = await self._journal.epochs()
        self._numbers = {row.epoch: row.number for row in rows}
        return [await self._journal.newest_head(row.epoch) for row in rows]

    def page_in(self, tx: Transaction, head: Head, first: int, limit: int) -> list[Kept]:
        """Entries of that epoch."""
        number = self._numbers[head.epoch]
        rows = journal_store.entries_in(tx, number, first, first + limit)
        return [(row.index, row.data, row.leaf_hash) for row in rows]

    async def check(self, head: Head) -> None:
        """See `Journals.check`."""
        await self._check(head)


class OthersJournals:
    """Every journal that was received under one prefix."""

    def __init__(self, received: ReceivedJournals, check: Check) -> None:
        self._received = received
        self._check = check

    async def heads(self) -> Sequence[Head]:
        """The newest head of every journal, in the order in which they were first met."""
        positions = await self._received.positions()
        return [one.head for one in positions if one.head is not None]

    def page_in(self, tx: Transaction, head: Head, first: int, limit: int) -> list[Kept]:
        """Entries as they were received."""
        return self._received.rows_in(tx, head.party, head.epoch, first, limit)

    async def check(self, head: Head) -> None:
        """See `Journals.check`."""
        await self._check(head)
