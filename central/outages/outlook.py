"""When nodes must be left alone, as far as their reported schedules tell: for rollout previews.

Owns one question to the projected schedules. Rule: a preview only; the node itself decides with the
schedule that is in force there (Invariant 7). Leaves out the tables (`packages_store`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from central.outages.packages_store import PackagesProjection
from lpse.runtime.sqlite import Database


class PackagesOutlook:
    """The first effective end per node."""

    def __init__(self, database: Database, packages: PackagesProjection) -> None:
        self._database = database
        self._packages = packages

    async def next_ends(
        self, node_ids: Collection[str], now: datetime
    ) -> Mapping[str, datetime | None]:
        """None where no reported stage ends after `now`; unreported nodes are left out."""
        wanted = set(node_ids)
        found = await self._database.read(lambda tx: self._packages.next_ends_in(tx, now))
        return {node: end for node, end in found.items() if node in wanted}
