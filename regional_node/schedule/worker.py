"""Follows outages, calendars and time: proposes what packages are owed and holds what falls due.

Owns the pass over all packages. Rules: a pass that finds nothing new writes nothing (Invariant 3);
one package that cannot be computed is marked with its problem and blocks no other (Invariant 10);
nothing here moves a schedule. Computation happens outside the database, and what it gives is
written only if the package is still the one that was computed on. Leaves out the arithmetic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, Protocol

import structlog

from lpse.federation import documents
from lpse.federation.calendars import Calendar, CalendarRevision, merge_revisions
from lpse.federation.desired_state import DesiredState
from lpse.federation.errors import Conflict, FederationError, NotFound, Unavailable
from lpse.federation.limits import (
    COMPENSATION_PACKAGES_PER_BREATH,
    PACKAGE_DORMANT_DAYS,
    PROVISIONAL_SECONDS,
    SCHEDULE_STEP_SECONDS,
)
from lpse.federation.rule_sets import RuleSet, built_in, parse_rule_set
from lpse.runtime.clock import Clock
from regional_node.outages.rules import KnownOutage
from regional_node.schedule import rules
from regional_node.schedule.ports import NationalView
from regional_node.schedule.proposal_store import Case, ProposalStore
from regional_node.schedule.proposals import Draft, next_proposal
from regional_node.schedule.store import ScheduleStore

_LOG: Final = structlog.get_logger("lpse.node.schedule")
_DORMANT: Final = timedelta(days=PACKAGE_DORMANT_DAYS)
_PROVISIONAL: Final = timedelta(seconds=PROVISIONAL_SECONDS)


class Outages(Protocol):
    """What the worker asks of the outages' store."""

    changes: int

    async def withdrawn(self) -> set[str]:
        """Names of declarations that count for nothing any more."""


class Directives(Protocol):
    """Takes new declarations from the desired state before packages are computed."""

    async def step(self, now: datetime) -> int:
        """How many revisions were applied."""


class ScheduleWorker:
    """See the module's first lines; `step` is cheap while nothing changed."""

    def __init__(
        self,
        packages: ScheduleStore,
        proposals: ProposalStore,
        outages: Outages,
        directives: Directives,
        national: NationalView,
        clock: Clock,
    ) -> None:
        self._packages = packages
        self._proposals = proposals
        self._outages = outages
        self._directives = directives
        self._national = national
        self._clock = clock
        self._seen: tuple[object, ...] | None = None
        self._last: datetime | None = None
        self._next: datetime | None = None

    async def step(self, now: datetime) -> bool:
        """Apply, compute, hold; False when there was nothing to look at."""
        await self._directives.step(now)
        token = self._token()
        early = self._last is not None and now < self._last  # an exercise stepped time back
        due = self._next is not None and now >= self._next
        self._last = now
        if token == self._seen and not early and not due:
            return False
        self._next = self._seen = None  # a pass that breaks off is made again
        await self._pass(now)
        self._seen = token
        return True

    async def run(self) -> None:
        """Look for ever; a full disk is waited out."""
        while True:
            try:
                await self.step(self._clock.now())
            except Unavailable as error:
                _LOG.warning("schedule.not_recorded", error_code=error.code)
            await self._clock.sleep(SCHEDULE_STEP_SECONDS)

    async def _pass(self, now: datetime) -> None:
        desired = self._national.state
        calendar = calendar_of(desired)
        outages = await self._proposals.outages()
        withdrawn = await self._outages.withdrawn()
        hold_after = timedelta(seconds=desired.policy.stage_hold_after_seconds)
        self._wake_for(outages, hold_after, now)
        after = ""
        while found := await self._proposals.cases(after, COMPENSATION_PACKAGES_PER_BREATH):
            after = found[-1].package.code
            for case in found:
                if not _is_dormant(case, now):
                    near = _near(case, outages)
                    await self._look(case, near, calendar, withdrawn, (now, hold_after))
            await asyncio.sleep(0)

    async def _look(
        self,
        case: Case,
        outages: Sequence[KnownOutage],
        calendar: Calendar,
        withdrawn: set[str],
        moment: tuple[datetime, timedelta],
    ) -> None:
        now, hold_after = moment
        problem = ""
        try:
            draft = next_proposal(
                case.package, outages, calendar, case.last, now, opened=case.opened
            )
            if draft and not _is_early(case, draft, now):
                await self._proposals.propose(case, draft, now)
                case = await self._proposals.case(case.package.code)
            await self._hold(case, outages, withdrawn, now, hold_after)
        except Unavailable:
            raise
        except Conflict as error:
            if error.code == "FED-4111":  # it moved while it was computed: the next pass sees it
                self._packages.changes += 1
                return
            problem = f"{error.code}: {error.message}"
        except FederationError as error:
            problem = f"{error.code}: {error.message}"
        if problem != case.package.problem:
            await self._packages.set_problem(case.package.code, problem)
            if problem:
                _LOG.warning("package.not_computed", error_code=problem[:8])
        self._wake_at(rules.next_transition(case.package, now))

    async def _hold(
        self,
        case: Case,
        outages: Sequence[KnownOutage],
        withdrawn: set[str],
        now: datetime,
        hold_after: timedelta,
    ) -> None:
        sight = self._proposals.sight(case, tuple(outages), now, hold_after)
        started = rules.holds_to_start(sight)
        ended = rules.holds_to_end(sight, withdrawn)
        if started or ended:
            await self._proposals.move_holds(case, started, ended, now)
            _LOG.info("holds.moved", started=len(started), ended=len(ended))

    def _wake_for(
        self, outages: Sequence[KnownOutage], hold_after: timedelta, now: datetime
    ) -> None:
        """Open outages make proposals grow, and measured ones long enough to hold."""
        for outage in outages:
            if outage.interval.start > now:
                self._wake_at(outage.interval.start)
            elif outage.interval.end is None:
                self._wake_at(now + _PROVISIONAL)
                long_enough = outage.interval.start + hold_after + timedelta(microseconds=1)
                if outage.measured and long_enough > now:
                    self._wake_at(long_enough)

    def _wake_at(self, moment: datetime | None) -> None:
        if moment is not None:
            self._next = min(moment, self._next) if self._next else moment

    def _token(self) -> tuple[object, ...]:
        """What a pass depends on beside time; a fold that changes none of it keeps the objects."""
        desired = self._national.state
        return (
            desired.calendars,
            desired.policy,
            self._packages.changes,
            self._outages.changes,
        )


def calendar_of(desired: DesiredState) -> Calendar:
    """The calendar of this node; a published one that cannot be read is left out, and told."""
    revisions = []
    for record in desired.calendars.values():
        try:
            revisions.append(
                CalendarRevision(
                    record.year,
                    record.revision,
                    frozenset(map(date.fromisoformat, record.holidays)),
                    frozenset(map(date.fromisoformat, record.collective_leave)),
                    record.province,
                )
            )
        except ValueError:
            _LOG.warning("calendar.unreadable", year=record.year, revision=record.revision)
    provinces = {revision.province for revision in revisions if revision.province}
    # The fold keeps the node's own province only.
    return merge_revisions(revisions, next(iter(provinces), ""))


def rule_set_of(desired: DesiredState, identifier: str) -> RuleSet:
    """A published rule set, or one that ships with the program; NotFound (FED-4042)."""
    published = desired.rule_sets.get(identifier)
    if published is None:
        return built_in(identifier)
    rules_read = parse_rule_set(documents.parse_json(published.document, "published rule set"))
    if rules_read.id != identifier:
        raise NotFound("FED-4042", f"the published rule set {identifier!a} names another id")
    return rules_read


def _is_dormant(case: Case, now: datetime) -> bool:
    """Long over: nothing can be owed any more."""
    return not case.held and max(one.end for one in case.package.stages) < now - _DORMANT


def _near(case: Case, outages: Sequence[KnownOutage]) -> list[KnownOutage]:
    """Outages that did not end before the package began."""
    begun = min(stage.start for stage in case.package.stages)
    return [one for one in outages if one.interval.end is None or one.interval.end > begun]


def _is_early(case: Case, draft: Draft, now: datetime) -> bool:
    """A provisional proposal that only grew with the clock waits for its hour."""
    last = case.last
    if last is None or last.undecided() is None or not draft.record.provisional:
        return False
    same = last.record.provisional and list(last.record.outages) == list(draft.record.outages)
    unmoved = last.record.schedule_revision == draft.record.schedule_revision
    return same and unmoved and now - last.create_time < _PROVISIONAL
