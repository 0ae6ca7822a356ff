"""Gives national entries back to a centre that lost them, and its branch to one that has others.

Owns what follows when a hello shows that the centre has less than this node holds. Rules: the node
starts it by itself; entries go back as they came, with a proof for every part; nothing of the own
copy changes; a centre with another history gets this node's entries as evidence. What became of it
is a run. Leaves out the copy (`regional_node.national`) and what the centre does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from structlog.typing import FilteringBoundLogger

from lpse.federation import reconciliation_rules as table
from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    NATIONAL_BRANCH_ENTRIES_MAX,
    NATIONAL_RETURN_RETRY_SECONDS,
    NATIONAL_RETURN_SECONDS_MAX,
    NATIONAL_ROOTS_ASKED_MAX,
    SCAN_ROWS_PER_STEP,
)
from lpse.federation.merkle_paths import PathTree
from lpse.federation.v1 import link_pb2 as link_wire
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1 import witness_pb2 as wire
from lpse.federation.v1.witness_pb2_grpc import WitnessStub
from lpse.runtime.channels import error_from
from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.sqlite import Database, Transaction
from regional_node.link.state import LinkState
from regional_node.national.national import National
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.witness.rules import Span, cut
from regional_node.witness.store import Finding, WitnessStore

if TYPE_CHECKING:  # a name of the stubs alone
    from lpse.federation.v1.witness_pb2_grpc import WitnessAsyncStub

S = wire.NationalStanding
RESTORE = records.RECONCILIATION_TRIGGER_RESTORE
Record = Callable[[list[records.ReconciliationEntry], Finding | None], Awaitable[None]]
_OLDER_CENTRE = "FED-2298"
_OTHERS_WERE_FASTER = "FED-2450"  # the centre has grown: ask again at once


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Whom it works with; `record` writes a run, `greet` says hello again."""

    national: National
    link: LinkState
    connect: Callable[[], grpc.aio.Channel]
    record: Record
    greet: Callable[[], bool]
    clock: Clock
    entropy: Entropy
    log: FilteringBoundLogger


@dataclass
class GivingBack:
    """See the module's first lines; `wake` after every hello."""

    neighbours: Neighbours
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _kept: set[bytes] = field(default_factory=set)  # roots of branches that the centre has
    _greeted: bytes = b""  # root for which the centre was greeted again last

    def wake(self) -> None:
        """The centre was heard: look whether it misses something."""
        self._woken.set()

    def wanted(self) -> bool:
        """Whether the centre has shown less than, or something else than, this node holds."""
        link, head = self.neighbours.link, self.neighbours.national.head
        if link.session is None or head is None or head.root in self._kept:
            return False
        # A longer history of the centre looks sound from here; the centre's word says otherwise.
        rewound = link.session.relation == link_wire.HEAD_RELATION_CENTRE_REWOUND
        return rewound or link.row.contradiction is not None

    async def step(self) -> bool:
        """Do what is to be done; whether anything changed at the centre."""
        head = self.neighbours.national.head
        if not self.wanted() or head is None:
            return False
        async with self.neighbours.connect() as channel:
            stub = WitnessStub(channel)
            try:
                return await self._answer(stub, head)
            except grpc.aio.AioRpcError as error:
                raise error_from(error) from error

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                if await self.step():
                    await self._greet()
            except FederationError as error:
                self.neighbours.log.warning("national.not_returned", code=error.code)
                if error.code != _OLDER_CENTRE and self.wanted():
                    if error.code != _OTHERS_WERE_FASTER:
                        await self._rest()
                    self._woken.set()

    async def _greet(self) -> None:
        """A hello shows that both agree now; one that did not is not repeated at once."""
        head = self.neighbours.national.head
        assert head is not None, "something was given back"
        if self._greeted == head.root:
            await self._rest()
        self._greeted = head.root
        self.neighbours.greet()

    async def _rest(self) -> None:
        spread = self.neighbours.entropy.uniform(1.0, 10.0)
        await self.neighbours.clock.sleep(NATIONAL_RETURN_RETRY_SECONDS * spread)

    # --- what the centre says ---

    async def _answer(self, stub: WitnessAsyncStub, head: Head) -> bool:
        offer = await self._offer(stub, head, [])
        centre = Head.of(offer.own_head)
        centre.verify(self.neighbours.national.centre)
        match offer.standing:
            case S.NATIONAL_STANDING_CONTAINED:
                # Another node was faster. This session was judged before that: the centre sends
                # nothing national over it, however sound its head looks from here by now.
                return True
            case S.NATIONAL_STANDING_WANTED if await self._continues(centre):
                return await self._give(stub, head, centre)
            case S.NATIONAL_STANDING_WANTED | S.NATIONAL_STANDING_FORKED:
                return await self._show(stub, head, centre)
            case _:
                return False

    async def _continues(self, centre: Head) -> bool:
        return (await self._tree(centre.size)).root() == centre.root

    async def _give(self, stub: WitnessAsyncStub, head: Head, centre: Head) -> bool:
        """Everything from the centre's size on."""
        parts = self._parts(wire.ReturnNationalRequest, centre.size, head)
        answer = await stub.ReturnNational(parts, timeout=NATIONAL_RETURN_SECONDS_MAX)
        self.neighbours.log.warning("national.returned", entries=answer.returned)
        if answer.returned:
            entry = table.entry(
                "R-NATIONAL-RETURNED/1",
                f"national {centre.size}..{head.size - 1}",
                table.head_evidence(head),
                table.head_evidence(centre),
                "",
                answer.returned,
            )
            entry.hash_after = head.root
            await self.neighbours.record([entry], None)
        return True

    async def _show(self, stub: WitnessAsyncStub, head: Head, centre: Head) -> bool:
        """Two histories: the centre gets ours as evidence, from the last common entry on."""
        common = await self._common(stub, head, centre)
        if head.size - common > NATIONAL_BRANCH_ENTRIES_MAX:
            self.neighbours.log.error("national.branch_too_long", code="FED-2454")
        else:
            parts = self._parts(wire.KeepNationalBranchRequest, common, head)
            await stub.KeepNationalBranch(parts, timeout=NATIONAL_RETURN_SECONDS_MAX)
        self._kept.add(head.root)
        self.neighbours.log.error("national.two_histories", code="FED-2452", common=common)
        entry = table.entry(
            "R-NATIONAL-FORKED/1",
            f"national {common}",
            table.head_evidence(head),
            table.head_evidence(centre),
            "",
            max(head.size, centre.size) - common,
        )
        finding = Finding(centre, b"", head, self.neighbours.clock.wall().isoformat())
        await self.neighbours.record([entry], finding)
        return False

    async def _common(self, stub: WitnessAsyncStub, head: Head, centre: Head) -> int:
        """How many entries both histories begin with."""
        span = Span(0, min(head.size, centre.size))
        tree = await self._tree(span.other)
        while not span.closed:
            sizes = span.asked(NATIONAL_ROOTS_ASKED_MAX)
            offer = await self._offer(stub, head, sizes)
            shown = zip(sizes, offer.roots, strict=True)
            agrees = [tree.root_at(size) == root for size, root in shown]
            span = span.narrowed(list(zip(sizes, agrees, strict=True)))
        return span.same

    async def _offer(
        self, stub: WitnessAsyncStub, head: Head, sizes: list[int]
    ) -> wire.OfferNationalResponse:
        request = wire.OfferNationalRequest(head=head.message(), sizes=sizes)
        return await stub.OfferNational(request, timeout=NATIONAL_RETURN_SECONDS_MAX)

    # --- the own copy ---

    async def _parts(
        self, message: Callable[..., Any], first: int, head: Head
    ) -> AsyncIterator[Any]:
        """Requests with every entry from `first`, each with its proof."""
        tree = await self._tree(head.size)
        while first < head.size:
            entries = await self.neighbours.national.raw_entries(
                first, min(SCAN_ROWS_PER_STEP, head.size - first)
            )
            for piece in cut(entries):
                first += len(piece)
                yield message(
                    first_index=first - len(piece),
                    entries=piece,
                    head=head.message(),
                    proof=tree.consistency(first),
                )

    async def _tree(self, size: int) -> PathTree:
        leaves = await self.neighbours.national.leaf_hashes(size)
        return await asyncio.to_thread(PathTree, leaves)


def record_with(database: Database, runs: DecidedRuns) -> Record:
    """Write decisions as one run of this node; those about a finding only when it is new."""
    store = WitnessStore(database)

    async def record(entries: list[records.ReconciliationEntry], finding: Finding | None) -> None:
        def work(tx: Transaction) -> None:
            if finding is None or store.keep_in(tx, finding):
                runs.decided_in(tx, RESTORE, entries)

        await database.write(work)

    return record
