"""Heads from outside against the journals here: the national one and the copies of nodes'.

Owns how each stands and the record of what contradicts. Rules: a head without its writer's
signature proves nothing; a contradiction is kept as evidence and becomes a run, once; nothing of a
journal changes. Leaves out the wire and the search for heads in files.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from central.ledger.ledger import Ledger
from central.link.enrolled import EnrolledKeys
from central.witness.returning import Record
from central.witness.store import Finding, WitnessStore
from lpse.federation import reconciliation_rules as table
from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError, NotFound
from lpse.federation.notes import Verifier
from lpse.operator.v1 import witnesses_pb2 as api
from lpse.runtime.clock import Clock
from lpse.storage.journal import Journal

S = api.HeadStanding


@dataclass(frozen=True, slots=True)
class Compared:
    """How one head stands; `own_root` is the journal's root at the head's size."""

    head: Head
    place: str
    standing: S.ValueType
    own_head: Head | None = None
    own_root: bytes = b""
    key: bytes = b""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the journals are."""

    journal: Journal
    ledger: Ledger
    keys: EnrolledKeys


class Comparing:
    """See the module's first lines."""

    def __init__(
        self,
        sources: Sources,
        store: WitnessStore,
        record: Record,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._sources = sources
        self._store = store
        self._record = record
        self._clock = clock
        self._log = log

    async def compare(self, heads: Sequence[tuple[Head, str]]) -> list[Compared]:
        """How each stands, in order; contradictions are kept and journalled."""
        found = [await self._one(head, place) for head, place in heads]
        for one in found:
            if one.standing == S.HEAD_STANDING_FORKED:
                await self._keep(one)
        return found

    async def _one(self, head: Head, place: str) -> Compared:
        key = await self._key(head)
        if key is None:
            known = head.party == self._sources.journal.party or bool(
                self._sources.ledger.positions(head.party)
            )
            standing = S.HEAD_STANDING_NOT_SIGNED if known else S.HEAD_STANDING_UNKNOWN
            return Compared(head, place, standing)
        if head.party == self._sources.journal.party:
            own, root_at = await self._national(head)
        else:
            own, root_at = self._regional(head)
        if own is None:
            return Compared(head, place, S.HEAD_STANDING_UNKNOWN, key=key.public)
        if head.size > own.size:
            return Compared(head, place, S.HEAD_STANDING_BEYOND, own, key=key.public)
        root = await root_at(head.size)
        agrees = root == head.root
        standing = S.HEAD_STANDING_CONTAINED if agrees else S.HEAD_STANDING_FORKED
        return Compared(head, place, standing, own, root or b"", key.public)

    async def _key(self, head: Head) -> Verifier | None:
        try:
            if head.party == self._sources.journal.party:
                head.verify(self._sources.journal.verifier)
                return self._sources.journal.verifier
            return await self._sources.keys.signed_by(head)
        except FederationError:
            return None

    async def _national(self, head: Head) -> tuple[Head | None, RootAt]:
        journal = self._sources.journal
        try:
            own = await journal.newest_head(head.epoch)
        except NotFound:
            return None, _nowhere
        return own, lambda size: journal.root_at(size, epoch=head.epoch)

    def _regional(self, head: Head) -> tuple[Head | None, RootAt]:
        ledger = self._sources.ledger
        stored = [one.head for one in ledger.positions(head.party) if one.epoch == head.epoch]
        own = stored[0] if stored else None
        return own, lambda size: ledger.root_at(head.party, head.epoch, size)

    async def _keep(self, one: Compared) -> None:
        assert one.own_head is not None, "only a known journal can be contradicted"
        now = self._clock.wall().isoformat()
        if not await self._store.found(Finding(one.head, one.own_head, one.place, now)):
            return
        self._log.error("witness.two_histories", code="FED-2461", party=one.head.party)
        national = one.head.party == self._sources.journal.party
        entry = table.entry(
            "R-WITNESS-CONTRADICTED/1",
            f"{'national' if national else 'regional'} {one.head.size}",
            table.head_evidence(one.head),
            table.evidence(
                epoch=one.own_head.epoch.hex(), size=one.head.size, root=one.own_root.hex()
            ),
            "",
            1,
        )
        await self._record("" if national else one.head.party, [entry])


RootAt = Callable[[int], Awaitable[bytes | None]]


async def _nowhere(_: int) -> bytes | None:
    return None
