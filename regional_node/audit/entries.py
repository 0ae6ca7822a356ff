"""Damaged entries of the journals that this node holds come back from the centre, and the reverse.

Owns when the node asks and what it does with the answer. Rules: only while a sound session is open;
what came is proved against a signed head held here before a byte of it is stored; entry, row and
the run that tells of it are one transaction; a journal that could not be healed is tried again
later and later, and stops nothing. Leaves out finding damage (`lpse.storage.verify_pass`), proving
(`lpse.storage.entry_healing`) and the objects that entries speak of (`healing`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    HEALING_ASK_SECONDS,
    HEALING_ASK_SECONDS_FIRST,
    HEALING_CALLS_MAX,
    HEALING_LOOK_SECONDS,
)
from lpse.federation.v1 import healing_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.entry_copies import Copies, OthersCopies, OwnCopies
from lpse.storage.entry_healing import Damaged, Good, look, prove, rehash_in, took
from lpse.storage.healing_backoff import Backoff
from lpse.storage.healing_rows import OWN_BYTES, put_back
from lpse.storage.verify_pass import VerifyPass, label
from regional_node.audit.client import Connect, HealingCalls, open_healing_calls
from regional_node.audit.store import Log

SCHEDULE = records.RECONCILIATION_TRIGGER_SCHEDULE
_CENTRE = "the centre"
_UNHELD_CODE = "FED-2427"
_UNHELD = "FED-2427"


@dataclass(frozen=True, slots=True)
class Held:
    """The journals that are held here: the own one, and the copy of the national one."""

    own: OwnCopies
    national: OthersCopies
    centre: str  # party of the national journal

    def of(self, *, national: bool) -> Copies:
        """One of the two."""
        return self.national if national else self.own

    async def show(self, wanted: wire.WantedEntries) -> wire.HeldEntries:
        """What the centre wants, as far as it is here."""
        if wanted.national:
            return await self.national.show(wanted, self.centre)
        return await self.own.show(wanted)


@dataclass(frozen=True, slots=True)
class Road:
    """A channel to the centre, and whether a sound session is open."""

    connect: Connect
    is_open: Callable[[], bool]


class EntryHealing:
    """See the module's first lines."""

    def __init__(
        self,
        database: Database,
        held: Held,
        verify: VerifyPass,
        told: Log,
        road: Road,
        time: tuple[Clock, Entropy, FilteringBoundLogger],
    ) -> None:
        self._database = database
        self._held = held
        self._verify = verify
        self._told = told
        self._road = road
        self._clock, self._entropy, self._log = time
        self._backoff = Backoff()
        self._ask_at: float | None = None  # monotonic
        self._unheld: dict[str, list[int]] = {}

    def notes(self) -> tuple[str, ...]:
        """What whoever watches the daemon should know."""
        return tuple(
            f"{_UNHELD} the centre does not hold entries {_listed(indexes)} of {journal}"
            for journal, indexes in sorted(self._unheld.items())
        )

    async def step(self) -> bool:
        """Heal what is due on either side; False where nothing was done."""
        done = False
        await self._held.own.suspect_what_was_met(self._verify)
        for head, national in await self._due():
            done |= await self._attempt(head, national=national)
        return await self._ask() or done

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await self.step()
            await self._clock.sleep(HEALING_LOOK_SECONDS)

    # --- damaged here ---

    async def _due(self) -> list[tuple[Head, bool]]:
        if not self._verify.any_damaged and not self._unheld:
            return []
        damaged = {one.journal for one in await self._verify.damaged()}
        self._backoff.keep_only(damaged)
        self._unheld = {one: told for one, told in self._unheld.items() if one in damaged}
        if not damaged or not self._road.is_open():
            return []
        now, found = self._clock.monotonic(), list[tuple[Head, bool]]()
        for national in (False, True):
            for head in await self._held.of(national=national).heads():
                if label(head) in damaged and self._backoff.due(label(head), now):
                    found.append((head, national))
        return found

    async def _attempt(self, head: Head, *, national: bool) -> bool:
        """Whether the journal is sound again."""
        journal = label(head)
        try:
            damaged = await self._heal(head, national=national)
        except FederationError as error:
            self._log.warning("healing.postponed", party=head.party, code=error.code)
            self._backoff.failed(journal, self._clock.monotonic())
            return False
        if damaged.sound:
            await self._verify.read_again(journal)
            return True
        self._unheld[journal] = damaged.unheld()
        self._backoff.failed(journal, self._clock.monotonic())
        return False

    async def _heal(self, head: Head, *, national: bool) -> Damaged:
        copies = self._held.of(national=national)
        damaged = await look(self._database, copies, head, self._clock)
        if not damaged.sound:
            async with open_healing_calls(self._road.connect) as calls:
                await self._fetch(calls, copies, damaged, national=national)
        while damaged.sound and damaged.rehashed:
            await self._rehash(copies, damaged, national=national)
        return damaged

    async def _fetch(
        self, calls: HealingCalls, copies: Copies, damaged: Damaged, *, national: bool
    ) -> None:
        head = damaged.head
        for _ in range(HEALING_CALLS_MAX):
            indexes = damaged.wanted()
            if damaged.sound or not indexes:
                return
            held = await calls.fetch(
                wire.WantedEntries(
                    national=national, epoch=head.epoch, size=head.size, indexes=indexes
                )
            )
            good = await prove(copies, damaged, held)
            await self._store(copies, damaged, good, national=national)
            await took(damaged, held)
            if not held.entries and held.size == head.size:
                return  # the centre's own copies of them are damaged as well

    async def _store(
        self, copies: Copies, damaged: Damaged, good: Sequence[Good], *, national: bool
    ) -> None:
        if not good:
            return
        indexes = [one.index for one in good]
        told = put_back(damaged.head, indexes, _CENTRE, national=national, side="node")

        def work(tx: Transaction) -> None:
            for one in good:
                copies.put_back_in(tx, damaged.head, one.index, one.data)
            self._told.decided_in(tx, SCHEDULE, [told])

        await self._database.write(work)
        damaged.rehashed.difference_update(indexes)
        self._log.info("healing.put_back", party=damaged.head.party, entries=len(good))

    async def _rehash(self, copies: Copies, damaged: Damaged, *, national: bool) -> None:
        indexes = damaged.next_rehashed()
        told = put_back(damaged.head, indexes, OWN_BYTES, national=national, side="node")

        def work(tx: Transaction) -> None:
            rehash_in(tx, copies, damaged, indexes)
            self._told.decided_in(tx, SCHEDULE, [told])

        await self._database.write(work)
        damaged.rehashed.difference_update(indexes)

    # --- damaged at the centre ---

    async def _ask(self) -> bool:
        """Ask now and then what the centre wants; whether it took something."""
        now = self._clock.monotonic()
        if self._ask_at is None:
            self._ask_at = now + self._entropy.uniform(0.0, 1.0) * HEALING_ASK_SECONDS_FIRST
        if now < self._ask_at or not self._road.is_open():
            return False
        self._ask_at = now + self._entropy.uniform(0.5, 1.0) * HEALING_ASK_SECONDS
        try:
            return await self.give() > 0
        except FederationError as error:
            self._log.info("healing.not_asked", code=error.code)  # an older centre, for one
            return False

    async def give(self) -> int:
        """Give the centre what it wants and this node holds; how many entries it took."""
        taken = 0
        async with open_healing_calls(self._road.connect) as calls:
            for wanted in await calls.wanted():
                taken += await self._give(calls, wanted)
        return taken

    async def _give(self, calls: HealingCalls, wanted: wire.WantedEntries) -> int:
        taken = 0
        for _ in range(HEALING_CALLS_MAX):
            if not wanted.indexes:
                break
            try:
                held = await self._held.show(wanted)
            except FederationError as error:  # not here, or damaged here too: another day
                self._log.info("healing.not_held", code=error.code)
                break
            answer = await calls.give(held)
            taken += answer.taken
            if not answer.taken:
                break
            wanted = answer.wanted
        return taken


def _listed(indexes: Sequence[int]) -> str:
    """A few of them, for a person."""
    few = ", ".join(map(str, indexes[:5])) or "that are wrong"
    return few if len(indexes) <= 5 else f"{few} and {len(indexes) - 5} more"
