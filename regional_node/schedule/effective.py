"""What counts now: the window for bids, the deadline that guards them, the ends upgrades avoid.

Owns the answers that intake and upgrades ask for. Rules (Invariant 6): a deadline that fell due in
a disturbance is held from that moment on, also before the worker has journalled the hold; nothing
but the newest revision counts. Leaves out how a revision comes about.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from lpse.federation.stages import Stage
from lpse.runtime.sqlite import Database, Transaction
from regional_node.intake.windows import Opening, Window
from regional_node.schedule import rules
from regional_node.schedule.proposal_store import Case, ProposalStore
from regional_node.schedule.rules import Hold, Package
from regional_node.schedule.store import ScheduleStore

_PAGE: Final = 256


@dataclass(frozen=True, slots=True)
class GuardedEnds:
    """Ends that an upgrade keeps away from; `held` is the earliest one that waits."""

    token: int
    as_of: datetime
    ends: tuple[datetime, ...]
    held: datetime | None

    def passed(self, now: datetime) -> bool:
        """Whether an end has fallen due since: it may be held from that moment on."""
        return bisect_right(self.ends, now) != bisect_right(self.ends, self.as_of)


class EffectiveSchedule:
    """See the module's first lines; implements intake's port of this name, and ScheduleGuard."""

    def __init__(
        self,
        database: Database,
        packages: ScheduleStore,
        proposals: ProposalStore,
        hold_after: Callable[[], timedelta],
    ) -> None:
        """`hold_after`: a measured service outage longer than this holds stages."""
        self._database = database
        self._packages = packages
        self._proposals = proposals
        self._hold_after = hold_after
        self._guarded: GuardedEnds | None = None

    def submission_window_in(
        self, tx: Transaction, package: str, stage: str | None, now: datetime
    ) -> Window:
        """When bids may come; NotFound FED-4101, Refused FED-4102."""
        known = self._packages.get_in(tx, package)
        target = rules.bid_stage(known.stages, stage)
        held: list[Hold] = []
        if target.end <= now and not known.cancelled:
            held = [one for one in self._waiting_in(tx, known, now) if one.stage == target.name]
        return Window(
            package=package,
            stage=target.name,
            zone=known.zone,
            start=target.start,
            deadline=target.end,
            revision=known.revision,
            held=bool(held),
            hold_reason=_reason(held),
            cancelled=known.cancelled,
        )

    def opening_in(self, tx: Transaction, package: str, now: datetime) -> Opening:
        """The deadline that guards the bids; NotFound FED-4101, Refused FED-4102."""
        known = self._packages.get_in(tx, package)
        uploads = [stage for stage in known.stages if rules.is_upload(stage.name)]
        if not uploads:
            rules.bid_stage(known.stages, None)
        last: Stage = max(uploads, key=lambda stage: stage.end)
        held: list[Hold] = []
        if last.end <= now and not known.cancelled:
            held = [
                one
                for one in self._waiting_in(tx, known, now)
                if rules.is_upload(one.stage) or rules.is_opening(one.stage)
            ]
        return Opening(
            package=package,
            zone=known.zone,
            deadline=last.end,
            revision=known.revision,
            held=bool(held),
            hold_reason=_reason(held),
            cancelled=known.cancelled,
        )

    def waiting_in(self, tx: Transaction, case: Case, now: datetime) -> list[Hold]:
        """Holds that are journalled, and those that begin at this very moment."""
        open_holds = [hold for hold in case.holds if hold.end is None]
        outages = tuple(self._proposals.outages_in(tx))
        sight = self._proposals.sight(case, outages, now, self._hold_after())
        return [*open_holds, *rules.holds_to_start(sight)]

    async def seen(self, code: str, now: datetime) -> tuple[Case, list[Hold]]:
        """A package with its holds as of `now`; NotFound (FED-4101)."""

        def work(tx: Transaction) -> tuple[Case, list[Hold]]:
            case = self._proposals.case_in(tx, self._packages.get_in(tx, code))
            return case, self.waiting_in(tx, case, now)

        return await self._database.read(work)

    async def next_guarded_end(self, now: datetime) -> datetime | None:
        """The earliest compensable end after `now`, effective or proposed; a held one is first."""
        guarded = self._guarded
        if guarded is None or guarded.token != self._packages.changes or guarded.passed(now):
            token = self._packages.changes
            guarded = await self._database.read(lambda tx: self._guarded_in(tx, token, now))
            self._guarded = guarded
        if guarded.held is not None:
            return min(guarded.held, now)
        place = bisect_right(guarded.ends, now)
        return guarded.ends[place] if place < len(guarded.ends) else None

    def _waiting_in(self, tx: Transaction, package: Package, now: datetime) -> list[Hold]:
        return self.waiting_in(tx, self._proposals.case_in(tx, package), now)

    def _guarded_in(self, tx: Transaction, token: int, now: datetime) -> GuardedEnds:
        outages = tuple(self._proposals.outages_in(tx))
        ends: set[datetime] = set()
        held: list[datetime] = []
        after = ""
        while found := self._packages.page_in(tx, after, _PAGE):
            after = found[-1].code
            for package in found:
                if not package.cancelled:
                    case = self._proposals.case_in(tx, package)
                    ends.update(_ends(case))
                    held += [hold.due for hold in case.holds if hold.end is None]
                    sight = self._proposals.sight(case, outages, now, self._hold_after())
                    held += [hold.due for hold in rules.holds_to_start(sight)]
        return GuardedEnds(token, now, tuple(sorted(ends)), min(held, default=None))


def _ends(case: Case) -> set[datetime]:
    """Compensable ends as they count now, and as they are proposed."""
    package = case.package
    ends = {stage.end for stage in package.stages if package.rules.is_compensable(stage.name)}
    undecided = case.last.undecided() if case.last else None
    if case.last and undecided:
        ends.update(one.new_end_time.ToDatetime(tzinfo=UTC) for one in case.last.record.adjustments)
    return ends


def _reason(held: list[Hold]) -> str:
    """Which outages a stage waits for."""
    names = sorted({name for hold in held for name in hold.outages})
    return f"held because of {', '.join(names)}" if names else ""
