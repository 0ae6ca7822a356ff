"""Holds, proposals and decisions: their SQL, and their journal entries.

Rules: a row and its entry are one transaction; the decision, the revision that follows from it and
the end of the holds are one transaction; every write looks again whether the package is the one
that was computed on. Leaves out packages and revisions (`store`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from lpse.federation.intervals import Interval, union
from lpse.federation.stages import Stage
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.sqlite.instants import to_micros
from lpse.storage.journal import Journal
from regional_node.outages.rules import KnownOutage
from regional_node.schedule import decisions, rows
from regional_node.schedule.decisions import Wish
from regional_node.schedule.ports import Opened
from regional_node.schedule.proposals import Draft, Proposal, ProposalState, counted_spans
from regional_node.schedule.rules import (
    Hold,
    HoldEvent,
    HoldState,
    Package,
    Sight,
    move_hold,
)
from regional_node.schedule.store import Next, ScheduleStore, check_version_in

KnownOutagesIn = Callable[[Transaction], list[KnownOutage]]

_PAGE: Final = 256
_DECIDED_AS: Final = {
    records.DECISION_ACCEPT: ProposalState.ACCEPTED,
    records.DECISION_CHANGE: ProposalState.CHANGED,
    records.DECISION_CANCEL: ProposalState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Case:
    """Everything known of one package that decides about its holds and proposals."""

    package: Package
    last: Proposal | None
    holds: tuple[Hold, ...]
    opened: bool

    @property
    def held(self) -> bool:
        """Whether a stage waits now."""
        return any(hold.end is None for hold in self.holds)


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision led to."""

    case: Case
    revision: int


class ProposalStore:
    """See the module's first lines."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        packages: ScheduleStore,
        known_outages_in: KnownOutagesIn,
        opened: Opened,
    ) -> None:
        self._database = database
        self._journal = journal
        self._packages = packages
        self._known_outages_in = known_outages_in
        self._opened = opened

    async def case(self, code: str) -> Case:
        """One package; NotFound (FED-4101)."""
        return await self._database.read(
            lambda tx: self.case_in(tx, self._packages.get_in(tx, code))
        )

    def case_in(self, tx: Transaction, package: Package) -> Case:
        """The package with what hangs on it."""
        return Case(
            package,
            _last_in(tx, package.code),
            holds_in(tx, package.code),
            self._opened(tx, package.code),
        )

    async def cases(self, after: str, limit: int, *, held_only: bool = False) -> list[Case]:
        """Packages whose codes follow `after`."""

        def work(tx: Transaction) -> list[Case]:
            found = self._packages.page_in(tx, after, limit, held_only=held_only)
            return [self.case_in(tx, package) for package in found]

        return await self._database.read(work)

    async def outages(self) -> list[KnownOutage]:
        """Every outage that can count or hold."""
        return await self._database.read(self._known_outages_in)

    async def affected_by(self, outage: str) -> list[str]:
        """Packages whose newest proposal counts the outage."""
        after, names = "", list[str]()
        while found := await self.cases(after, _PAGE):
            after = found[-1].package.code
            names += [
                one.package.code for one in found if one.last and outage in one.last.record.outages
            ]
        return names

    async def history(self, code: str) -> list[Proposal]:
        """All proposals of a package, oldest first."""
        found = await self._database.read(
            lambda tx: tx.execute(
                f"SELECT {rows.PROPOSAL_COLUMNS} FROM schedule_proposals"  # noqa: S608 - constant
                " WHERE package = ? ORDER BY proposal",
                (code,),
            )
        )
        return [rows.proposal_of(row) for row in found]

    def outages_in(self, tx: Transaction) -> list[KnownOutage]:
        """See `outages`."""
        return self._known_outages_in(tx)

    def sight(
        self, case: Case, outages: tuple[KnownOutage, ...], now: datetime, hold_after: timedelta
    ) -> Sight:
        """What decides about the case's holds at `now`."""
        undecided = case.last.undecided() if case.last else None
        return Sight(case.package, outages, undecided, case.holds, case.opened, now, hold_after)

    async def propose(self, case: Case, draft: Draft, now: datetime) -> Proposal:
        """Journal a proposal that was computed on `case`; Conflict (FED-4111) if that moved."""

        def work(tx: Transaction) -> Proposal:
            check_version_in(tx, case.package)
            if self._opened(tx, case.package.code) != case.opened:
                check_version_in(tx, replace(case.package, version=-1))
            tx.run(
                "UPDATE schedule_proposals SET state = ? WHERE package = ? AND state IN (?, ?)",
                (
                    ProposalState.SUPERSEDED.value,
                    case.package.code,
                    ProposalState.OPEN.value,
                    ProposalState.ALREADY_OPENED.value,
                ),
            )
            self._journal.append_in(tx, draft.record)
            tx.run(
                "INSERT INTO schedule_proposals (package, proposal, state, record, counted,"
                " create_time) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    case.package.code,
                    draft.record.proposal,
                    draft.state.value,
                    draft.record.SerializeToString(deterministic=True),
                    rows.spans_text(draft.counted),
                    to_micros(now),
                ),
            )
            self._packages.touch_in(tx, case.package.code)
            return Proposal(draft.record, draft.state, draft.counted, now)

        proposal = await self._database.write(work)
        self._packages.changes += 1
        return proposal

    async def move_holds(
        self, case: Case, started: Sequence[Hold], ended: Sequence[tuple[Hold, HoldEvent]],
        now: datetime,
    ) -> None:  # fmt: skip
        """Journal holds that begin and end; Conflict (FED-4111) if the package moved."""

        def work(tx: Transaction) -> None:
            check_version_in(tx, case.package)
            for hold, event in ended:
                self._end_hold_in(tx, case.package.code, hold, event, now)
            for hold in started:
                self._start_hold_in(tx, case.package.code, hold)
            self._packages.touch_in(tx, case.package.code)

        await self._database.write(work)
        self._packages.changes += 1

    async def decide(
        self, wish: Wish, act: SignedAct, now: datetime, *, validate_only: bool = False
    ) -> Decided:
        """The only thing that moves a schedule; repeating the same decision changes nothing."""

        def work(tx: Transaction) -> Decided:
            case = self.case_in(tx, self._packages.get_in(tx, wish.package))
            if decisions.is_repeated(wish, case.last):
                return Decided(case, case.package.revision)
            decisions.check_open(wish, case.package, case.last, held=case.held)
            after = decisions.decided_stages(wish, case.package, case.last)
            if validate_only:
                return Decided(case, case.package.revision)
            record = decisions.decided_record(wish, case.package, after, act)
            following = self._following_in(tx, case, record, after, now)
            if record.decision != records.DECISION_CANCEL:
                record.accounted.extend(counted_spans(following.accounted))
            self._journal.append_in(tx, record)
            revision = self._follow_in(tx, case, record, following, now)
            self._remember_in(tx, case.package, record, now)
            return Decided(self.case_in(tx, self._packages.get_in(tx, wish.package)), revision)

        decided = await self._database.write(work)
        self._packages.changes += 1
        return decided

    # --- inside the database thread ---

    def _follow_in(
        self,
        tx: Transaction,
        case: Case,
        record: records.CompensationDecided,
        following: Next,
        now: datetime,
    ) -> int:
        """The revision, or the cancellation, and the end of every hold."""
        package, cancelled = case.package, record.decision == records.DECISION_CANCEL
        event = HoldEvent.CANCELLED if cancelled else HoldEvent.DECIDED
        for hold in case.holds:
            if hold.end is None:
                self._end_hold_in(tx, package.code, hold, event, now)
        if cancelled:
            self._packages.cancel_in(tx, package.code)
            return package.revision
        return self._packages.revise_in(tx, package, following, now)

    def _following_in(
        self,
        tx: Transaction,
        case: Case,
        record: records.CompensationDecided,
        after: Sequence[Stage],
        now: datetime,
    ) -> Next:
        """The revision that a decision leads to."""
        waited = {name for hold in case.holds if hold.end is None for name in hold.outages}
        spans = [
            one.interval.closed_at(now)
            for one in self._known_outages_in(tx)
            if one.name in waited and one.interval.start < now
        ]
        return _next(case, record, after, spans)

    def _remember_in(
        self, tx: Transaction, package: Package, record: records.CompensationDecided, now: datetime
    ) -> None:
        data = record.SerializeToString(deterministic=True)
        if not record.proposal:
            tx.run(
                "INSERT INTO schedule_releases (package, revision, decision, decide_time)"
                " VALUES (?, ?, ?, ?)",
                (package.code, package.revision, data, to_micros(now)),
            )
            return
        tx.run(
            "UPDATE schedule_proposals SET state = ?, decision = ?, decide_time = ?"
            " WHERE package = ? AND proposal = ?",
            (
                _DECIDED_AS[record.decision].value,
                data,
                to_micros(now),
                package.code,
                record.proposal,
            ),
        )

    def _start_hold_in(self, tx: Transaction, code: str, hold: Hold) -> None:
        move_hold(HoldState.FREE, HoldEvent.FELL_DUE)
        tx.run(
            "INSERT INTO schedule_holds (package, stage, due_time, outages, start_time)"
            " VALUES (?, ?, ?, ?, ?)",
            (
                code,
                hold.stage,
                to_micros(hold.due),
                json.dumps(hold.outages),
                to_micros(hold.start),
            ),
        )
        record = records.HoldStarted(package=code, stage=hold.stage, outages=hold.outages)
        record.due_time.FromDatetime(hold.due)
        self._journal.append_in(tx, record)

    def _end_hold_in(
        self, tx: Transaction, code: str, hold: Hold, event: HoldEvent, now: datetime
    ) -> None:
        move_hold(hold.state, event)
        reason = event.value.lower()
        tx.run(
            "UPDATE schedule_holds SET end_time = ?, end_reason = ?"
            " WHERE package = ? AND stage = ? AND end_time IS NULL",
            (to_micros(now), reason, code, hold.stage),
        )
        ended = records.HoldEnded(package=code, stage=hold.stage, reason=reason)
        self._journal.append_in(tx, ended)


def _next(
    case: Case,
    record: records.CompensationDecided,
    after: Sequence[Stage],
    waited: Sequence[Interval],
) -> Next:
    """An accepted proposal keeps its base; a committee's own schedule is a new one.

    For a new base everything that was counted, or that a hold waited for, is dealt with.
    """
    package = case.package
    counted = case.last.counted if case.last and record.proposal else ()
    own = record.decision == records.DECISION_CHANGE
    accounted = union((*package.accounted, *counted, *(waited if own else ())))
    return Next(
        after,
        f"decision {record.proposal}",
        record.act.subject_digest,
        base=own,
        settled=accounted if own else package.settled,
        accounted=accounted,
    )


def holds_in(tx: Transaction, code: str) -> tuple[Hold, ...]:
    """All holds of a package, oldest first."""
    found = tx.execute(
        f"SELECT {rows.HOLD_COLUMNS} FROM schedule_holds"  # noqa: S608 - constant
        " WHERE package = ? ORDER BY hold",
        (code,),
    )
    return tuple(rows.hold_of(row) for row in found)


def _last_in(tx: Transaction, code: str) -> Proposal | None:
    found = tx.execute(
        f"SELECT {rows.PROPOSAL_COLUMNS} FROM schedule_proposals"  # noqa: S608 - constant
        " WHERE package = ? ORDER BY proposal DESC LIMIT 1",
        (code,),
    )
    return rows.proposal_of(found[0]) if found else None
