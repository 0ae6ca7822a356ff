"""National entries that come back: compared, verified, and stored where they once stood.

Owns the one way in which the centre's journal grows without a publisher. Rules: a part is taken
only while the gate is shut and only where it continues this journal to a head with the centre's
own signature (`rules`); entries and the tables rebuilt from them are one transaction; what
contradicts the journal is kept beside it and changes nothing (Invariant 5). Leaves out the wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from structlog.typing import FilteringBoundLogger

from central.national.national import National
from central.national.restoring import Restorers, Unapplied
from central.witness.rules import Contradicted, Part, grown
from central.witness.store import WitnessStore
from lpse.federation import reconciliation_rules as table
from lpse.federation.checkpoints import Head
from lpse.federation.errors import Conflict, Refused, Unavailable
from lpse.federation.limits import (
    NATIONAL_PART_SECONDS_MAX,
    NATIONAL_ROOTS_ASKED_MAX,
    SCAN_ROWS_PER_STEP,
)
from lpse.federation.merkle import CompactRange
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1 import witness_pb2 as wire
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.journal import Journal

S = wire.NationalStanding
RESTORE = records.RECONCILIATION_TRIGGER_RESTORE
_NAMED_MAX: Final = 20  # of each kind of thing that is left open, in one run
Record = Callable[[str, Sequence[records.ReconciliationEntry]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Whom the returning works with; `record` writes a run of the centre, `readmit` re-reads who
    has access, `came` hears that tables were rebuilt."""

    database: Database
    journal: Journal
    national: National
    restorers: Restorers
    store: WitnessStore
    record: Record
    readmit: Callable[[], Awaitable[None]]
    came: Callable[[], None]
    clock: Clock
    log: FilteringBoundLogger


class Returning:
    """See the module's first lines."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._with = neighbours
        self._taking = asyncio.Lock()
        self.clock = neighbours.clock

    # --- comparing ---

    async def standing(self, node_id: str, head: Head) -> S.ValueType:
        """How the journal stands against a head that the node holds; the gate learns of it."""
        national = self._with.national
        head.verify(national.verifier)
        own = self._with.journal.head
        if head.epoch != own.epoch:
            return S.NATIONAL_STANDING_OTHER_EPOCH
        contained = await self._contained(head)
        await national.witnessed(node_id, contained=contained, head=head)
        if contained:
            return S.NATIONAL_STANDING_CONTAINED
        if head.size > own.size:
            return S.NATIONAL_STANDING_WANTED
        return S.NATIONAL_STANDING_FORKED

    async def _contained(self, head: Head) -> bool:
        held = head.size <= self._with.journal.head.size
        return held and await self._with.national.root_at(head.size) == head.root

    async def roots(self, sizes: Sequence[int]) -> list[bytes]:
        """The journal's roots at these sizes, in their order; empty where it has no such size."""
        if len(sizes) > NATIONAL_ROOTS_ASKED_MAX:
            raise Refused("FED-2453", f"at most {NATIONAL_ROOTS_ASKED_MAX} roots are told at once")
        wanted = sorted({one for one in sizes if one <= self._with.journal.head.size})
        tree, found = CompactRange(), {0: CompactRange().root()}
        for size in wanted:
            await self._grow(tree, size)
            found[size] = tree.root()
        return [found.get(size, b"") for size in sizes]

    # --- taking ---

    async def take(self, node_id: str, parts: AsyncIterator[Part]) -> int:
        """Store what continues the journal, part by part; how many entries came back."""
        async with self._taking:
            tree = CompactRange()
            await self._grow(tree, self._with.journal.head.size)
            first, unapplied = tree.size, list[Unapplied]()
            try:
                async for part in _in_time(parts):
                    tree = await self._take(node_id, tree, part, unapplied)
            finally:
                if tree.size > first:
                    await asyncio.shield(self._taken(node_id, (first, tree.size), unapplied))
            return tree.size - first

    async def _take(
        self, node_id: str, tree: CompactRange, part: Part, unapplied: list[Unapplied]
    ) -> CompactRange:
        one = self._with
        part.head.verify(one.national.verifier)
        if part.head.epoch != one.journal.epoch:
            raise Refused("FED-2451", "the returned entries are of another national epoch")
        if not await self._contained(part.head):
            # A head beyond ours shuts the gate: nothing is published while entries come back. One
            # that we hold must not, or any node could stop the publishing for all of them.
            await one.national.witnessed(node_id, contained=False, head=part.head)
        try:
            after = await asyncio.to_thread(grown, tree, part)
        except Contradicted:
            one.log.error("national.two_histories", code="FED-2452", node=node_id)
            raise

        def work(tx: Transaction) -> list[Unapplied]:
            if one.journal.adopt_in(tx, part.entries) != after.size:
                raise Conflict("FED-2450", "the journal grew meanwhile")
            placed = enumerate(part.entries, part.first_index)
            told = [one.restorers.restore_in(tx, index, data) for index, data in placed]
            return [left for left in told if left is not None]

        unapplied += await one.database.write(work)
        return after

    async def _taken(
        self, node_id: str, span: tuple[int, int], unapplied: Sequence[Unapplied]
    ) -> None:
        """Entries are durable: those who look at tables look again, and it is written down."""
        one, (first, last) = self._with, span
        one.log.warning("national.returned", node=node_id, first=first, size=last)
        await one.readmit()
        one.came()
        await one.national.reconsider()
        head = one.journal.head
        entry = table.entry(
            "R-NATIONAL-RETURNED/1",
            f"national {first}..{last - 1}",
            table.evidence(size=last, node=node_id),
            table.evidence(size=first),
            "",
            last - first,
        )
        entry.hash_after = head.root
        await one.record(node_id, [entry, *map(_left, unapplied[:_NAMED_MAX])])

    # --- keeping what contradicts ---

    async def keep(self, node_id: str, parts: AsyncIterator[Part]) -> int:
        """Keep a branch beside the journal, part by part; up to which index it is kept."""
        one, kept, tree = self._with, 0, CompactRange()
        async for part in _in_time(parts):
            part.head.verify(one.national.verifier)
            if not kept:
                await self._begins(part)
                tree = CompactRange()
                await self._grow(tree, part.first_index)
            heads = (part.head, one.journal.head)
            tree = await asyncio.to_thread(grown, tree, part)
            common = part.first_index if not kept else 0
            branch = await one.store.branch(node_id, heads, common, one.clock.wall().isoformat())
            fresh = branch.kept == branch.common_size and not kept
            kept = await one.store.keep(branch, part.first_index, part.entries)
            if fresh:
                await self._forked(node_id, part, heads)
        return kept

    async def _begins(self, part: Part) -> None:
        own = self._with.journal.head
        if part.head.epoch != own.epoch:
            raise Refused("FED-2451", "the branch is of another national epoch")
        rows = await self._with.journal.entries(part.first_index, part.first_index + 1)
        if not rows or not part.entries or rows[0].data == part.entries[0]:
            raise Refused("FED-2453", "a branch begins where the journal has another entry")

    async def _forked(self, node_id: str, part: Part, heads: tuple[Head, Head]) -> None:
        one, (theirs, ours) = self._with, heads
        await one.national.witnessed(node_id, contained=False, head=theirs)
        entry = table.entry(
            "R-NATIONAL-FORKED/1",
            f"national {part.first_index}",
            table.head_evidence(theirs),
            table.head_evidence(ours),
            "",
            max(theirs.size, ours.size) - part.first_index,
        )
        await one.record(node_id, [entry])

    async def _grow(self, tree: CompactRange, size: int) -> None:
        """Add the journal's own leaves up to `size`."""
        while tree.size < size:
            last = min(size, tree.size + SCAN_ROWS_PER_STEP)
            for row in await self._with.journal.entries(tree.size, last):
                tree.append(row.leaf_hash)


async def _in_time(parts: AsyncIterator[Part]) -> AsyncIterator[Part]:
    """Each part soon after the one before: one node's silence must not keep the others waiting."""
    while True:
        try:
            async with asyncio.timeout(NATIONAL_PART_SECONDS_MAX):
                part = await anext(parts, None)
        except TimeoutError as error:
            raise Unavailable("FED-2299", "the next part did not come in time") from error
        if part is None:
            return
        yield part


def _left(unapplied: Unapplied) -> records.ReconciliationEntry:
    """An entry that is stored and changed no table yet."""
    return table.entry(
        "R-KIND-UNKNOWN/1",
        f"national {unapplied.index}",
        table.evidence(index=unapplied.index),
        table.evidence(kind=unapplied.kind, reason=unapplied.reason),
        f"stored; {table.PERSON}",
        1,
        kind=unapplied.kind or "?",
    )
