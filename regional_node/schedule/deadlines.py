"""Effective deadlines of many packages at once, for the order of the queue to the centre.

Implements the port `Deadlines` of transfers. Rule: the deadline that guards a package's bids as it
counts now, after decisions; none for a cancelled or unknown package. While a stage is held its
deadline has passed, and the decision will bring the new one. Leaves out the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lpse.federation.errors import FederationError
from lpse.runtime.sqlite import Database, Transaction
from regional_node.schedule.effective import EffectiveSchedule
from regional_node.schedule.store import ScheduleStore


class EffectiveDeadlines:
    """See the module's first lines."""

    def __init__(
        self, database: Database, packages: ScheduleStore, effective: EffectiveSchedule
    ) -> None:
        self._database = database
        self._packages = packages
        self._effective = effective

    def token(self) -> object:
        """Another value whenever a schedule has changed."""
        return self._packages.changes

    async def of(self, packages: Sequence[str], now: datetime) -> dict[str, datetime | None]:
        """The deadline of each package; None where none counts."""
        return await self._database.read(
            lambda tx: {package: self._of_in(tx, package, now) for package in packages}
        )

    def _of_in(self, tx: Transaction, package: str, now: datetime) -> datetime | None:
        try:
            opening = self._effective.opening_in(tx, package, now)
        except FederationError:
            return None  # one broken schedule must not keep the others' bytes waiting
        return None if opening.cancelled else opening.deadline
