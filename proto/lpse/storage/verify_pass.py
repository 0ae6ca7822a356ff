"""Reading every stored journal again, slowly and for ever: own ones and those of others.

Owns one pass after another over each journal. Rules: nothing kept is trusted: leaf hashes are
computed again from the bytes and must lead to a signed head; the rate has a bound; the place is
kept, so a restart goes on where the last run stopped; a damaged journal is told once, stays known
until a later pass finds it sound, which is told as well, and keeps no other from being read. Leaves
out what follows from damage (each side's `audit`) and blobs (`scrub`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError
from lpse.federation.limits import AUDIT_IDLE_SECONDS, VERIFY_KEPT_ENTRIES, VERIFY_PAGE_ENTRIES
from lpse.federation.merkle import CompactRange, leaf_hashes
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.verify_store import Pass, VerifyStore

Kept = tuple[int, bytes, bytes]  # index, bytes and leaf hash of an entry as it is stored


class Journals(Protocol):
    """One kind of stored journals."""

    async def heads(self) -> Sequence[Head]:
        """The newest signed head of every journal and epoch."""

    def page_in(self, tx: Transaction, head: Head, first: int, limit: int) -> list[Kept]:
        """Entries of that journal from `first`."""

    async def check(self, head: Head) -> None:
        """Raise FederationError unless the writer's key signed the head."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A pass that is told; `found` is empty when the journal was damaged and is sound again."""

    head: Head
    entries: int
    found: str
    begin_time: datetime


Tell = Callable[[Verified], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast and how often."""

    entries_per_second: float
    every: timedelta


class VerifyPass:
    """See the module's first lines."""

    def __init__(
        self,
        database: Database,
        kinds: Sequence[Journals],
        tell: Tell,
        clock: Clock,
        pace: Pace,
        log: FilteringBoundLogger,
    ) -> None:
        """`tell` is called once for every journal that is found damaged, or sound again."""
        self._database = database
        self._store = VerifyStore(database)
        self._kinds = kinds
        self._tell = tell
        self._clock = clock
        self._pace = pace
        self._log = log
        self._damaged: dict[str, str] = {}

    def notes(self) -> tuple[str, ...]:
        """What whoever watches the daemon should know."""
        return tuple(
            f"FED-7081 the journal {journal} is damaged: {found}"
            for journal, found in sorted(self._damaged.items())
        )

    async def passes(self) -> list[Pass]:
        """Every journal's present or last pass."""
        return list((await self._store.all()).values())

    async def damaged(self) -> list[Pass]:
        """Journals whose last pass found them damaged, and that are not being read again."""
        known = (await self._store.all()).values()
        return [one for one in known if one.found and one.end_time is not None and one.told]

    @property
    def any_damaged(self) -> bool:
        """Whether `damaged` may have something to say; as of the last step."""
        return bool(self._damaged)

    async def suspect(self, journal: str) -> None:
        """Somebody met an entry that is not what it was: read the journal now, if it is known.

        One that is being read, or known to be damaged, is left alone.
        """
        one = (await self._store.all()).get(journal)
        if one is not None and one.end_time is not None and not one.found and one.told:
            await self.read_again(journal)

    async def read_again(self, journal: str) -> None:
        """Read a journal again now: something was put right in it."""
        one = (await self._store.all())[journal]
        again = replace(one, tree=CompactRange(), begin_time=self._clock.wall(), end_time=None)
        await self._store.keep(again)

    async def step(self, now: datetime) -> bool:
        """Read some entries of journals that are due; False where none is."""
        passes = await self._store.all()
        self._damaged = {one.journal: one.found for one in passes.values() if one.found}
        left = VERIFY_KEPT_ENTRIES
        for kind in self._kinds:
            for head in await kind.heads():
                one = self._due(passes.get(label(head)), head, now)
                if one is not None:
                    left -= await self._read_on(kind, head, one)
                if left <= 0:
                    return True
        return left < VERIFY_KEPT_ENTRIES

    async def run(self) -> None:
        """Pass after pass."""
        while True:
            if not await self.step(self._clock.wall()):
                await self._clock.sleep(AUDIT_IDLE_SECONDS)

    def _due(self, one: Pass | None, head: Head, now: datetime) -> Pass | None:
        if not head.size:
            return None
        if one is None:
            return Pass(label(head), CompactRange(), now)
        if one.end_time is None:
            return one
        if now >= one.begin_time + self._pace.every:
            return replace(one, tree=CompactRange(), begin_time=now, end_time=None)
        if not one.told:
            return one  # the last run ended before it could be told
        return None

    async def _read_on(self, kind: Journals, head: Head, one: Pass) -> int:
        """How many entries were read; one at least, so that journals without end do not starve."""
        if one.end_time is not None:
            await self._end(head, one, one.found)
            return 1
        tree, found, until = one.tree.copy(), "", one.tree.size + VERIFY_KEPT_ENTRIES
        while tree.size < min(head.size, until) and not found:
            limit = min(VERIFY_PAGE_ENTRIES, head.size - tree.size)
            found = await self._database.read(_reading(kind, head, tree, limit))
            await self._clock.sleep(limit / self._pace.entries_per_second)
        read = max(1, tree.size - one.tree.size)
        one = replace(one, tree=tree)
        if not found and tree.size < head.size:
            await self._store.keep(one)
        else:
            await self._end(head, one, found or await _conclude(kind, head, tree))
        return read

    async def _end(self, head: Head, one: Pass, found: str) -> None:
        now, size = self._clock.wall(), one.tree.size
        told = found == one.found and one.told  # what every pass finds again is told once
        ended = replace(one, end_time=now, entries=size, found=found, told=told)
        await self._store.keep(ended)
        if found:
            self._damaged[one.journal] = found
            self._log.error("journal.damaged", code="FED-7081", party=head.party, found=found)
        else:
            self._damaged.pop(one.journal, None)
        if not told:
            await self._tell(Verified(head, size, found, one.begin_time))
            await self._store.keep(replace(ended, told=True))


def label(head: Head) -> str:
    """A journal and epoch, for a table's key and for people."""
    return f"{head.party}/{head.epoch.hex()}"


def _reading(
    kind: Journals, head: Head, tree: CompactRange, limit: int
) -> Callable[[Transaction], str]:
    """In the database's thread: hash a page into `tree`; what is wrong with it, or nothing."""

    def work(tx: Transaction) -> str:
        first = tree.size
        rows = kind.page_in(tx, head, first, limit)
        if [index for index, _, _ in rows] != list(range(first, first + limit)):
            return f"entries are missing behind index {first}"
        hashes = leaf_hashes([data for _, data, _ in rows])
        kept = [leaf for _, _, leaf in rows]
        if hashes != kept:
            wrong = next(at for at, one in enumerate(kept) if one != hashes[at])
            return f"the bytes of entry {first + wrong} do not have their hash"
        tree.extend(hashes)
        return ""

    return work


async def _conclude(kind: Journals, head: Head, tree: CompactRange) -> str:
    if tree.root() != head.root:
        return f"the {tree.size} entries do not give the signed root"
    try:
        await kind.check(head)
    except FederationError as error:
        return f"{error.code} {error.message}"
    return ""
