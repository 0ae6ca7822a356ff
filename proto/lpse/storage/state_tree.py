"""A digest tree over the objects in one party's tables, page by page.

Owns the walk over areas and pages. Rules: one read takes a few hundred rows, so that writers,
intake and link have their turn in between; the walk sees rows that move meanwhile in either state,
and whoever compares looks at those again. Leaves out the SQL (each side's `objects`) and the tree
itself (`lpse.federation.digests`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection

from lpse.federation.digests import DigestTree, object_id
from lpse.federation.limits import DIGEST_PAGE_ROWS
from lpse.federation.state_objects import AREAS, Fields, ObjectKey, canonical
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction

Listed = tuple[list[tuple[str, Fields]], str]  # objects by name, and the cursor behind them
Page = Callable[[Transaction, str, str, int], Listed]  # area, cursor ("" at first), limit
Digested = tuple[bytes, bytes, ObjectKey]  # identifier, canonical fields, key


async def build_tree(database: Database, page: Page, clock: Clock) -> DigestTree:
    """Every object of every area, as it stood when its page was read."""
    tree = DigestTree()
    async for listed in _pages(database, page, clock):
        for identifier, fields, _ in listed:
            tree.add(identifier, fields)
    return tree


async def names_of(
    database: Database, page: Page, clock: Clock, identifiers: Collection[bytes]
) -> dict[bytes, ObjectKey]:
    """The keys behind identifiers, by another walk; unknown ones are left out."""
    wanted, found = set(identifiers), dict[bytes, ObjectKey]()
    async for listed in _pages(database, page, clock):
        found |= {identifier: key for identifier, _, key in listed if identifier in wanted}
        if len(found) == len(wanted):
            break
    return found


async def _pages(database: Database, page: Page, clock: Clock) -> AsyncIterator[list[Digested]]:
    for area in AREAS:
        after = ""
        while True:
            listed, after = await database.read(_reading(page, area, after))
            if not listed:
                break
            yield listed
            await clock.sleep(0)


def _reading(
    page: Page, area: str, after: str
) -> Callable[[Transaction], tuple[list[Digested], str]]:
    """Hashing in the database's thread: it does not stop the event loop."""

    def work(tx: Transaction) -> tuple[list[Digested], str]:
        listed, last = page(tx, area, after, DIGEST_PAGE_ROWS)
        digested = [
            (object_id(area, name), canonical(fields), ObjectKey(area, name))
            for name, fields in listed
        ]
        return digested, last

    return work
