"""Damaged journals at the centre, held open until somebody gives their entries back.

Owns which entries are wanted of whom, and what becomes of those that are given. Rules: of a node
only its own journal and the national one are wanted; what is given is proved against a signed head
that the centre holds before a byte of it is stored; so much damage is in memory at a time and no
more; what was parked because it could not be read is projected then. Leaves out finding damage
(`lpse.storage.verify_pass`), proving (`lpse.storage.entry_healing`) and the wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from central.audit.challenging import SCHEDULE, Findings
from central.ledger.ledger import Ledger
from lpse.federation.acts import CENTRE_PARTY
from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    HEALING_HELD_SECONDS_MAX,
    HEALING_LEAVES_MAX,
    HEALING_LOOK_SECONDS,
    WANTED_JOURNALS_MAX,
)
from lpse.federation.v1 import healing_pb2 as wire
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.entry_copies import Copies, OthersCopies, OwnCopies
from lpse.storage.entry_healing import Damaged, Good, look, prove, rehash_in, took
from lpse.storage.healing_backoff import Backoff
from lpse.storage.healing_rows import OWN_BYTES, put_back
from lpse.storage.verify_pass import VerifyPass, label


@dataclass(frozen=True, slots=True)
class Held:
    """The journals that the centre holds: the national one, and those of nodes."""

    national: OwnCopies
    regional: OthersCopies

    def of(self, *, national: bool) -> Copies:
        """One of the two kinds."""
        return self.national if national else self.regional


@dataclass(slots=True)
class _Open:
    """A damaged journal that waits for its entries; `until` is monotonic seconds."""

    damaged: Damaged
    until: float
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def national(self) -> bool:
        return self.damaged.head.party == CENTRE_PARTY


class EntryHealing:
    """See the module's first lines."""

    def __init__(
        self,
        database: Database,
        held: Held,
        ledger: Ledger,
        verify: VerifyPass,
        findings: Findings,
        time: tuple[Clock, FilteringBoundLogger],
    ) -> None:
        self._database = database
        self._held = held
        self._ledger = ledger
        self._verify = verify
        self._findings = findings
        self._clock, self._log = time
        self._open: dict[str, _Open] = {}
        self._backoff = Backoff()
        self._walking = asyncio.Lock()  # whoever asks: leaf hashes for one answer at a time

    def notes(self) -> tuple[str, ...]:
        """What whoever watches the daemon should know."""
        return tuple(
            f"FED-2428 the journal {journal} waits for {'any node' if one.national else 'its node'}"
            " to give damaged entries back"
            for journal, one in sorted(self._open.items())
        )

    async def step(self) -> None:
        """Take damaged journals up as far as there is room, and leave those that waited long."""
        await self._held.national.suspect_what_was_met(self._verify)
        if not self._verify.any_damaged and not self._open:
            return
        damaged = {one.journal for one in await self._verify.damaged()}
        self._backoff.keep_only(damaged)
        now = self._clock.monotonic()
        for journal, one in list(self._open.items()):
            if journal not in damaged or now > one.until:
                del self._open[journal]
                self._backoff.failed(journal, now)
        for national in (True, False):
            for head in await self._held.of(national=national).heads() if damaged else ():
                waits = label(head) in damaged and label(head) not in self._open
                if waits and self._has_room(head) and self._backoff.due(label(head), now):
                    await self._take_up(head, national=national)

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await self.step()
            await self._clock.sleep(HEALING_LOOK_SECONDS)

    def wanted(self, node_id: str) -> list[wire.WantedEntries]:
        """What this node may hold of what is damaged here."""
        return [
            _wanted(one)
            for one in self._open.values()
            if (one.national or one.damaged.head.party == node_id) and one.damaged.wanted()
        ][:WANTED_JOURNALS_MAX]

    async def show(self, node_id: str, wanted: wire.WantedEntries) -> wire.HeldEntries:
        """Entries that a node lost: of its own journal, or of the national one."""
        async with self._walking:
            if wanted.national:
                return await self._held.national.show(wanted)
            return await self._held.regional.show(wanted, node_id)

    async def take(self, node_id: str, held: wire.HeldEntries) -> wire.GiveEntriesResponse:
        """Prove and store; Refused (FED-2426) where anything of it is not what was wanted."""
        party = CENTRE_PARTY if held.national else node_id
        one = self._open.get(f"{party}/{held.epoch.hex()}")
        if one is None:
            return wire.GiveEntriesResponse()
        async with one.turn:
            return await self._take(node_id, one, _still_wanted(one, held))

    async def _take(
        self, node_id: str, one: _Open, held: wire.HeldEntries
    ) -> wire.GiveEntriesResponse:
        copies, damaged = self._held.of(national=one.national), one.damaged
        good = await prove(copies, damaged, held)
        await self._store(copies, damaged, good, node_id)
        async with self._walking:
            await took(damaged, held)
        damaged.beyond = 0  # what this node does not hold another one may
        if held.entries:  # whoever gives nothing keeps no journal in the memory
            one.until = self._clock.monotonic() + HEALING_HELD_SECONDS_MAX
        await self._conclude(copies, one)
        return wire.GiveEntriesResponse(taken=len(held.entries), wanted=_wanted(one))

    def _has_room(self, head: Head) -> bool:
        leaves = sum(len(one.damaged.leaves) for one in self._open.values())
        return not self._open or leaves + head.size <= HEALING_LEAVES_MAX

    async def _take_up(self, head: Head, *, national: bool) -> None:
        copies, now = self._held.of(national=national), self._clock.monotonic()
        try:
            damaged = await look(self._database, copies, head, self._clock)
        except FederationError as error:  # the head itself is not whole: a person must look
            self._log.warning("healing.postponed", party=head.party, code=error.code)
            self._backoff.failed(label(head), now)
            return
        one = self._open[label(head)] = _Open(damaged, now + HEALING_HELD_SECONDS_MAX)
        await self._conclude(copies, one)

    async def _store(
        self, copies: Copies, damaged: Damaged, good: Sequence[Good], node_id: str
    ) -> None:
        if not good:
            return

        def work(tx: Transaction) -> None:
            for one in good:
                copies.put_back_in(tx, damaged.head, one.index, one.data)

        await self._database.write(work)
        indexes = [one.index for one in good]
        damaged.rehashed.difference_update(indexes)
        await self._tell(damaged, indexes, f"node {node_id}")

    async def _conclude(self, copies: Copies, one: _Open) -> None:
        """A journal that is sound is left to the next pass, which says so."""
        damaged = one.damaged
        while indexes := damaged.next_rehashed():
            await self._database.write(_rehashing(copies, damaged, indexes))
            damaged.rehashed.difference_update(indexes)
            await self._tell(damaged, indexes, OWN_BYTES)
        if damaged.sound and self._open.pop(label(damaged.head), None) is one:
            await self._verify.read_again(label(damaged.head))
            if not one.national:
                await self._ledger.projector.replay(node_id=damaged.head.party)

    async def _tell(self, damaged: Damaged, indexes: Sequence[int], source: str) -> None:
        head, national = damaged.head, damaged.head.party == CENTRE_PARTY
        told = put_back(head, indexes, source, national=national, side="centre")
        await self._findings.record("" if national else head.party, SCHEDULE, [told])
        self._log.info("healing.put_back", party=head.party, entries=len(indexes))


def _rehashing(
    copies: Copies, damaged: Damaged, indexes: Sequence[int]
) -> Callable[[Transaction], None]:
    return lambda tx: rehash_in(tx, copies, damaged, indexes)


def _still_wanted(one: _Open, held: wire.HeldEntries) -> wire.HeldEntries:
    """Without what another node gave meanwhile."""
    wanted = set(one.damaged.wanted())
    return wire.HeldEntries(
        national=held.national,
        epoch=held.epoch,
        size=held.size,
        entries=[entry for entry in held.entries if entry.index in wanted],
    )


def _wanted(one: _Open) -> wire.WantedEntries:
    head = one.damaged.head
    return wire.WantedEntries(
        national=one.national,
        epoch=head.epoch,
        size=head.size,
        indexes=[] if one.damaged.sound else one.damaged.wanted(),
    )
