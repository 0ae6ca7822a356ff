"""Which area puts which own entry back, when a node's tables are rebuilt from its journal.

Owns one table, kind → handler. Rules: an entry and its rows are one transaction, which is the
caller's; the same entry twice has the effect of once (Invariant 3); one that an area cannot take
blocks no other (Invariant 10): it is noted, and where only something else is missing, it waits for
that and is taken up when it comes.

Not put back, and what people see then:
- unfinished files of vendors, and grants: their addresses answer "unknown", SPSE asks for new ones
  and the vendor begins again; a finished submission is never among them;
- verdicts that were not journalled yet: the clock judges again, to the same verdict;
- attempts, waits and pauses of the link, scrub passes, queue positions: they begin anew;
- `centre.contradicted`, `epoch.opened`: they are in the journal and stand for no row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lpse.federation.errors import FederationError
from lpse.federation.limits import RESTORED_SUBJECTS_PER_STEP
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.federation.v1.records_pb2 import ReconciliationEntry
from lpse.runtime.sqlite import Database, Transaction
from regional_node.clock import restore_store as clock
from regional_node.intake.restore_store import IntakeRestorer, Opens
from regional_node.officers import restore_store as officers
from regional_node.outages import restore_store as outages
from regional_node.reconciliation import resolutions_store as resolutions
from regional_node.reconciliation.restore_store import RunRestorer
from regional_node.reconciliation.store import ReconciliationStore
from regional_node.recovery.restoring import store, telling
from regional_node.restored import (
    DONE,
    UNREADABLE,
    Handler,
    MissingBlob,
    Note,
    Restored,
    RestoredEntry,
)
from regional_node.schedule.restore_store import ScheduleRestorer
from regional_node.schedule.store import RulesOf, ScheduleStore
from regional_node.transfer import restore_store as transfer
from regional_node.upgrades import restore_store as upgrades

Mover = Callable[[Transaction, RestoredEntry], None]


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What handlers need; `wake` makes workers look at their tables again."""

    party: str
    database: Database
    escrow: Opens | None
    schedule: ScheduleStore
    rules_of: RulesOf
    wake: Callable[[], None]


class Restorers:
    """See the module's first lines; implements `regional_node.recovery.ports.Rebuilding`."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        movers: Mapping[str, Mover],
        wake: Callable[[], None],
    ) -> None:
        self._handlers = handlers
        self._movers = movers
        self._wake = wake

    def restore_in(self, tx: Transaction, entry: RestoredEntry) -> Sequence[MissingBlob]:
        """Take a lost entry into the tables; the blobs that a row vouches for again."""
        handler = self._handlers.get(entry.kind)
        if handler is None or entry.record is None:
            return ()
        _use_signature_in(tx, entry)
        result = self._try_in(tx, handler, entry)
        if result.later:
            store.wait_in(tx, result.later, entry)
        self._follow_in(tx, result.known)
        if entry.kind == "upload.accepted":
            transfer.announce_again_in(tx, entry.epoch, entry.index)
        return result.blobs

    def moved_in(self, tx: Transaction, entry: RestoredEntry) -> None:
        """An own entry stands at a new place now."""
        mover = self._movers.get(entry.kind)
        if mover is not None and entry.record is not None:
            mover(tx, entry)

    def retry_in(self, tx: Transaction, after: bytes = b"") -> bytes:
        """Take up some of what waits: what it waited for may have come another way.

        A subject to go on behind, or nothing at the end: one unit must not hold up the intake.
        """
        subjects = store.subjects_in(tx, after, RESTORED_SUBJECTS_PER_STEP)
        self._follow_in(tx, subjects)
        return subjects[-1] if len(subjects) == RESTORED_SUBJECTS_PER_STEP else b""

    def known_in(self, tx: Transaction, subject: bytes) -> None:
        """Take up what waited for a commitment or a package."""
        self._follow_in(tx, (subject,))

    def told_in(self, tx: Transaction) -> list[ReconciliationEntry]:
        """What a run tells of restored entries; the same is not told again."""
        entries = telling.entries_in(tx)
        store.told_in(tx)
        return entries

    def restored(self) -> None:
        """What came back is durable: workers look at their tables again."""
        self._wake()

    def _try_in(self, tx: Transaction, handler: Handler, entry: RestoredEntry) -> Restored:
        try:
            with tx.nested():
                result = handler(tx, entry)
        except Exception as error:  # whatever it is, the entries behind this one come back
            if tx.broken:
                raise
            code = error.code if isinstance(error, FederationError) else type(error).__name__
            store.note_in(tx, entry, Note(UNREADABLE, f"it could not be put back: {code}"))
            return DONE
        for note in result.notes:
            store.note_in(tx, entry, note)
        return result

    def _follow_in(self, tx: Transaction, subjects: Sequence[bytes]) -> None:
        """Entries behind one that still waits may not need it, so all of them are tried."""
        known = deque(subjects)
        while known:
            for waiting in store.waiting_for_in(tx, known.popleft()):
                result = self._try_in(tx, self._handlers[waiting.entry.kind], waiting.entry)
                if not result.later:
                    store.done_in(tx, waiting)
                    known.extend(result.known)


def open_restorers(given: Ingredients) -> tuple[Restorers, IntakeRestorer]:
    """The table over this node's areas; intake's part also completes what waits for details."""
    schedule = ScheduleRestorer(given.schedule, given.rules_of)
    intake = IntakeRestorer(given.escrow, schedule.standing_in)
    runs = RunRestorer(given.party, ReconciliationStore(given.database))
    handlers: dict[str, Handler] = {
        "upload.accepted": intake.accepted_in,
        "upload.refused": intake.refused_in,
        "upload.judged": intake.judged_in,
        "package.opened": intake.opened_in,
        "handover.confirmed": intake.handed_over_in,
        "package.scheduled": schedule.scheduled_in,
        "hold.started": schedule.hold_started_in,
        "hold.ended": schedule.hold_ended_in,
        "compensation.proposed": schedule.proposed_in,
        "compensation.decided": schedule.decided_in,
        "outage.measured": outages.measured_in,
        "outage.confirmed": outages.confirmed_in,
        "directive.applied": outages.told_in,
        "upgrade.stepped": upgrades.stepped_in,
        "officer.added": officers.added_in,
        "officer.revoked": officers.revoked_in,
        "reconciliation.recorded": runs.recorded_in,
        "reconciliation.resolved": resolutions.resolved_in,
        "clock.stepped": clock.stepped_in,
    }
    movers: dict[str, Mover] = {
        "upload.accepted": intake.moved_in,
        "upload.refused": intake.moved_in,
        "package.scheduled": schedule.moved_in,
        "upgrade.stepped": upgrades.moved_in,
        "reconciliation.recorded": runs.moved_in,
        "reconciliation.resolved": resolutions.moved_in,
    }
    return Restorers(handlers, movers, given.wake), intake


def _use_signature_in(tx: Transaction, entry: RestoredEntry) -> None:
    act = getattr(entry.record, "act", None)
    if isinstance(act, SignedAct) and act.signature:
        officers.used_in(tx, act)
