"""The national journal with its gate: what may be appended, and what is visible outside.

Owns the two promises that keep a restored centre from forking history: nothing is appended while
the gate is shut (`rules`), and a head is shown to nobody before the head file holds it. Consumers
pull with a cursor: the link asks for batches, areas publish records. Leaves out plans and
approvals, which happen before a record comes here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from google.protobuf.message import Message
from structlog.typing import FilteringBoundLogger

from central.national.head_file import HeadFile
from central.national.rules import Evidence, Gate, Start, explain, gate, judge_start, needed
from central.national.store import NationalStore
from lpse.federation.checkpoints import Head
from lpse.federation.errors import Conflict, NotFound, Refused, Unavailable
from lpse.federation.notes import Verifier
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import journal_pb2 as wire
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.journal import Journal


class GateShut(Unavailable):
    """The centre may not append now; nothing was published."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(
            "FED-2220",
            explain(evidence),
            remedy="let nodes connect, or have an operator assert that nothing is missing",
        )
        self.may_retry = gate(evidence) is Gate.WAITING


Enrolled = Callable[[], Awaitable[int]]


class National:
    """The centre's own journal; see the module's first lines."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        head_file: Path,
        enrolled: Enrolled,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._journal = journal
        self._file = HeadFile(head_file, journal.verifier, clock.boot_id())
        self._store = NationalStore(database)
        self._enrolled = enrolled
        self._clock = clock
        self._log = log
        self._evidence = Evidence(Start.UNPROVEN)
        self._visible: Head | None = None
        self._filed: Head | None = None
        self._found: tuple[Head | None, bool] = (None, False)  # at the start; whether of this boot
        self._moved = asyncio.Event()
        self._showing = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []

    # --- life ---

    async def open(self) -> None:
        """Judge this start; the journal is open already."""
        own = self._journal.head
        filed = self._filed = self._file.read()
        enrolled = await self._enrolled()
        same_boot = self._file.of_this_boot()
        root = await self._root_at(filed) if filed is not None else None
        start = judge_start(
            own, filed, root, fresh=own.size == 1 and not enrolled, same_boot=same_boot
        )
        self._found = filed, same_boot
        contradicting = await self._store.contradicting()
        self._evidence = Evidence(start, enrolled, contradicting=contradicting)
        self._log.info("national.opened", size=own.size, start=start.value, gate=self.gate.value)
        if self.gate is Gate.OPEN:
            await self._show(own)
        else:
            self._visible = own  # what the database holds is known outside already

    async def run(self) -> None:
        """Show every new head as soon as the head file holds it, until cancelled."""
        while True:
            await self._journal.wait_beyond(self.head.size)
            try:
                await self._show_newest()
            except OSError as error:
                self._log.error("national.head_file_failed", error=type(error).__name__)
                await self._clock.sleep(1.0)

    # --- publishing ---

    def append_in(self, tx: Transaction, record: Message, *, entry_id: bytes | None = None) -> int:
        """Append within the caller's transaction; Unavailable (FED-2220) while the gate is shut."""
        self.check_open()
        return self._journal.append_in(tx, record, entry_id=entry_id)

    def check_open(self) -> None:
        """Raise Unavailable (FED-2220) while nothing can be published."""
        if self.gate is not Gate.OPEN:
            raise GateShut(self._evidence)

    async def publish(self, *records: Message) -> list[int]:
        """Append in one transaction; returns when the entries are durable and visible."""
        self.check_open()
        indexes = await self._journal.append(*records)
        with suppress(OSError):  # the entries are durable; `run` tries the file again
            await self._show_newest()
        await self.wait_visible(indexes[-1])
        return indexes

    async def wait_visible(self, index: int) -> None:
        """Return once nodes can see entry `index`, for those who appended in a transaction."""
        while self.head.size <= index:
            moved = self._moved
            if self.head.size <= index:
                await moved.wait()

    # --- reading ---

    @property
    def head(self) -> Head:
        """The newest head that may be shown outside."""
        assert self._visible is not None, "the national journal is not open"
        return self._visible

    @property
    def verifier(self) -> Verifier:
        """The centre's public key."""
        return self._journal.verifier

    def on_visible(self, callback: Callable[[], None]) -> None:
        """Call back, in the event loop, whenever a new head is visible."""
        self._listeners.append(callback)

    async def batch(self, first: int) -> wire.EntryBatch | None:
        """Visible entries from `first`, ending at a signed head; None if there are none."""
        room = self.head.size - first
        return await self._journal.batch(first, entries_max=min(room, 256)) if room > 0 else None

    async def root_at(self, size: int) -> bytes:
        """Root of the journal at an earlier size."""
        head = self._journal.head
        return head.root if head.size == size else await self._journal.root_at(size)

    async def signed_at(self, epoch: bytes, size: int) -> Head:
        """The signed head of an earlier size; NotFound where the journal never showed one there."""
        return await self._journal.signed_head(epoch, size)

    async def shown_by(self) -> dict[str, tuple[Head, str]]:
        """Heads of nodes that the journal does not contain, and when each was shown."""
        return {node: (head, seen) for node, head, seen in await self._store.contradictions()}

    # --- the gate ---

    @property
    def gate(self) -> Gate:
        """May the centre append now?"""
        return gate(self._evidence)

    @property
    def evidence(self) -> Evidence:
        """What the gate rests on, for operators."""
        return self._evidence

    async def witnessed(self, node_id: str, *, contained: bool, head: Head | None) -> None:
        """A node showed its national head; the caller has verified the centre's signature on it."""
        before, evidence = self.gate, self._evidence
        if contained:
            if node_id in evidence.contradicting:
                await self._store.settled(node_id)
            evidence = replace(
                evidence,
                witnesses=evidence.witnesses | {node_id},
                contradicting=evidence.contradicting - {node_id},
            )
        elif node_id not in evidence.contradicting:
            assert head is not None, "only a head can contradict"
            seen = self._clock.wall().isoformat()
            relation = "higher" if head.size > self.head.size else "forked"
            await self._store.contradicted(node_id, head, relation, seen)
            evidence = replace(evidence, contradicting=evidence.contradicting | {node_id})
        if gate(self._evidence) is not Gate.OPEN:
            evidence = replace(evidence, enrolled=await self._enrolled())
        # What others reported while this call waited must not be lost.
        self._evidence = replace(
            evidence,
            witnesses=(self._evidence.witnesses | evidence.witnesses),
            contradicting=await self._store.contradicting(),
            asserted=self._evidence.asserted,
        )
        await self._report(before)

    async def reconsider(self) -> None:
        """Entries came back: judge the start and every contradiction against the journal again."""
        before, own = self.gate, self._journal.head
        filed, same_boot = self._found  # meanwhile what came back may be filed, unproven
        if filed is not None and self._evidence.start is Start.RESTORED:
            root = await self._root_at(filed)
            start = judge_start(own, filed, root, fresh=False, same_boot=same_boot)
            self._evidence = replace(self._evidence, start=start)
            await self._report(before)
        for node_id, head, _ in await self._store.contradictions():
            if head.size <= own.size and await self._root_at(head) == head.root:
                await self.witnessed(node_id, contained=True, head=None)

    async def assert_complete(self, *, expect_size: int, reason: str, by: str) -> None:
        """An operator's word that nothing is missing; refused where a node showed otherwise.

        The word is the first entry that the opened gate lets through.
        """
        if not reason.strip():
            raise Refused("FED-2221", "an assertion needs a reason")
        if self._evidence.contradicting:
            raise Conflict(
                "FED-2222",
                explain(self._evidence),
                remedy="restore a newer copy of the centre's database",
            )
        if expect_size != self._journal.head.size:
            raise Conflict(
                "FED-2223",
                f"the national journal has {self._journal.head.size} entries, not {expect_size}",
                remedy="look at the journal's status again before asserting",
            )
        before = self.gate
        self._evidence = replace(self._evidence, asserted=True)
        self._log.warning("national.asserted", size=expect_size)
        await self._report(before)
        await self.publish(
            directives.NationalAsserted(size=expect_size, reason=reason, asserted_by=by)
        )

    @property
    def witnesses_needed(self) -> int:
        """How many nodes must show their heads while the gate waits."""
        return needed(self._evidence.enrolled)

    async def _report(self, before: Gate) -> None:
        if self.gate is before:
            return
        self._log.warning("national.gate", gate=self.gate.value, reason=explain(self._evidence))
        if self.gate is Gate.OPEN:
            async with self._showing:
                await self._show(self._journal.head)

    async def _show_newest(self) -> None:
        """One write of the head file serves everybody who published meanwhile."""
        async with self._showing:
            newest = self._journal.head
            if newest.size > self.head.size:
                await self._show(newest)

    async def _show(self, head: Head) -> None:
        filed = self._filed
        if self.gate is Gate.OPEN or filed is None or filed.size <= head.size:
            # Durable first, then visible. While the gate is shut a higher filed head stays: it is
            # the proof that something is missing still.
            await self._file.write(head, proven=self.gate is Gate.OPEN)
            self._filed = head
        self._visible = head
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        for callback in self._listeners:
            callback()

    async def _root_at(self, filed: Head) -> bytes | None:
        own = self._journal.head
        if filed.epoch != own.epoch or filed.size > own.size:
            return None
        with suppress(NotFound, Refused):
            return await self.root_at(filed.size)
        return None
