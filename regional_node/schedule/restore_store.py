"""Packages, revisions, holds, proposals and decisions made again from own entries: all their SQL.

Rules: a row says what its entry says, and times that the entry does not name are those of the entry
itself; restoring twice has the effect of once (Invariant 3). Where a revision came about twice,
because the node went on without knowing of the first, both are kept, and no stage ends earlier than
either of them said until a Pokja decides (Invariant 5). Leaves out which entry comes here.

Not restored: the number by which a row's changes are told apart, and what a package's last
computation complained of: the next pass says it again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from lpse.federation.entries import moment
from lpse.federation.errors import NotFound
from lpse.federation.intervals import Interval, union
from lpse.federation.stages import Stage
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros
from regional_node.restored import DONE, KEPT_BOTH, Note, Restored, RestoredEntry
from regional_node.schedule import rows
from regional_node.schedule.proposals import Proposal, ProposalState, says
from regional_node.schedule.rules import Package
from regional_node.schedule.store import Next, RulesOf, ScheduleStore

RECOVERED: Final = "recovery"
_IMPORT: Final = "import"
_DECISION: Final = "decision "
_TWICE: Final = Note(
    KEPT_BOTH,
    "a revision of a schedule came about twice; no stage ends earlier than either of them says",
)
_OTHER: Final = Note(KEPT_BOTH, "a proposal or decision came about twice with other content")


class ScheduleRestorer:
    """See the module's first lines; `store` writes the revision that settles a contradiction."""

    def __init__(self, store: ScheduleStore, rules_of: RulesOf) -> None:
        self._store = store
        self._rules_of = rules_of

    def standing_in(self, tx: Transaction, code: str) -> tuple[str, int] | None:
        """Zone and newest revision; None while the package is not here."""
        package = self._store.find_in(tx, code)
        return (package.zone, package.revision) if package is not None else None

    def scheduled_in(self, tx: Transaction, entry: RestoredEntry) -> Restored:
        """A revision of a schedule; the first one announces its package."""
        record = entry.record
        assert isinstance(record, records.PackageScheduled)
        code = record.package.encode()
        package = self._store.find_in(tx, record.package)
        if package is None:
            if record.revision != 1 or not self._announce_in(tx, entry, record):
                return Restored(later=code)
        elif record.revision > package.revision + 1:
            return Restored(later=code)
        elif record.revision <= package.revision:
            return self._compare_in(tx, package, record, entry)
        else:
            self._revise_in(tx, package, record, entry)
        return Restored(known=(code,))

    def hold_started_in(self, tx: Transaction, entry: RestoredEntry) -> Restored:
        """A transition waits."""
        record = entry.record
        assert isinstance(record, records.HoldStarted)
        if self._store.find_in(tx, record.package) is None:
            return Restored(later=record.package.encode())
        due, named = to_micros(moment(record.due_time)), json.dumps(list(record.outages))
        tx.run(
            "INSERT INTO schedule_holds (package, stage, due_time, outages, start_time)"
            " SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM schedule_holds"
            " WHERE package = ?1 AND stage = ?2 AND (end_time IS NULL OR (due_time = ?3"
            " AND outages = ?4)))",
            (record.package, record.stage, due, named, to_micros(entry.record_time)),
        )
        self._store.touch_in(tx, record.package)
        return DONE

    def hold_ended_in(self, tx: Transaction, entry: RestoredEntry) -> Restored:
        """It waits no more; a hold that began after this entry is another one."""
        record = entry.record
        assert isinstance(record, records.HoldEnded)
        if self._store.find_in(tx, record.package) is None:
            return Restored(later=record.package.encode())
        ended = to_micros(entry.record_time)
        tx.run(
            "UPDATE schedule_holds SET end_time = ?, end_reason = ?"
            " WHERE package = ? AND stage = ? AND end_time IS NULL AND start_time <= ?",
            (ended, record.reason, record.package, record.stage, ended),
        )
        self._store.touch_in(tx, record.package)
        return DONE

    def proposed_in(self, tx: Transaction, entry: RestoredEntry) -> Restored:
        """A proposal; it takes the place of those that still waited."""
        record = entry.record
        assert isinstance(record, records.CompensationProposed)
        code = record.package
        if self._store.find_in(tx, code) is None:
            return Restored(later=code.encode())
        present = _proposal_in(tx, code, record.proposal)
        if present is not None:
            same = says(present.record) == says(record)
            return DONE if same else Restored(notes=(_OTHER,))
        tx.run(
            "UPDATE schedule_proposals SET state = ? WHERE package = ? AND proposal < ?"
            " AND state IN (?, ?)",
            (
                ProposalState.SUPERSEDED.value,
                code,
                record.proposal,
                ProposalState.OPEN.value,
                ProposalState.ALREADY_OPENED.value,
            ),
        )
        tx.run(
            "INSERT INTO schedule_proposals (package, proposal, state, record, counted,"
            " create_time) VALUES (?, ?, ?, ?, ?, ?)",
            (
                code,
                record.proposal,
                _state_of(record).value,
                record.SerializeToString(deterministic=True),
                rows.spans_text(_spans(record.counted)),
                to_micros(entry.record_time),
            ),
        )
        self._store.touch_in(tx, code)
        return DONE

    def decided_in(self, tx: Transaction, entry: RestoredEntry) -> Restored:
        """A decision; the revision and the ends of holds that follow are entries of their own."""
        record = entry.record
        assert isinstance(record, records.CompensationDecided)
        package = self._store.find_in(tx, record.package)
        if package is None:
            return Restored(later=record.package.encode())
        data = record.SerializeToString(deterministic=True)
        decided = to_micros(entry.record_time)
        if not record.proposal:
            tx.run(
                "INSERT INTO schedule_releases (package, revision, decision, decide_time)"
                " VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (package.code, package.revision, data, decided),
            )
        else:
            present = _proposal_in(tx, package.code, record.proposal)
            if present is None or present.decision not in (None, record):
                return Restored(notes=(_OTHER,))
            tx.run(
                "UPDATE schedule_proposals SET state = ?, decision = ?, decide_time = ?"
                " WHERE package = ? AND proposal = ? AND decision IS NULL",
                (_DECIDED[record.decision].value, data, decided, package.code, record.proposal),
            )
        if record.decision == records.DECISION_CANCEL and not package.cancelled:
            self._store.cancel_in(tx, package.code)
        self._store.touch_in(tx, package.code)
        return DONE

    def moved_in(self, tx: Transaction, entry: RestoredEntry) -> None:
        """The entry of a revision stands elsewhere now."""
        record = entry.record
        if isinstance(record, records.PackageScheduled):
            tx.run(
                "UPDATE schedule_revisions SET journal_index = ? WHERE package = ?"
                " AND revision = ?",
                (entry.index, record.package, record.revision),
            )

    # --- revisions ---

    def _announce_in(
        self, tx: Transaction, entry: RestoredEntry, record: records.PackageScheduled
    ) -> bool:
        document = record.rule_document.decode("utf-8")
        if not document:
            try:
                document = rows.rules_text(self._rules_of(record.rule_set))
            except NotFound:
                return False  # published rule sets come with the national journal
        rows.rules_of(document)  # refuses what cannot be read
        text = rows.stages_text(_stages(record))
        tx.run(
            "INSERT INTO schedule_packages (package, title, zone, rule_set, rule_document,"
            " revision, base_revision, stages, settled, accounted, import_digest, version)"
            " VALUES (?, ?, ?, ?, ?, 1, 1, ?, '[]', '[]', ?, 1)",
            (
                record.package,
                record.title,
                record.zone,
                record.rule_set,
                document,
                text,
                record.source_digest,
            ),
        )
        _insert_revision_in(tx, record, text, entry)
        return True

    def _revise_in(
        self,
        tx: Transaction,
        package: Package,
        record: records.PackageScheduled,
        entry: RestoredEntry,
    ) -> None:
        base, settled, accounted = _bases_in(tx, package, record)
        text = rows.stages_text(_stages(record))
        _insert_revision_in(tx, record, text, entry)
        imported = record.origin == _IMPORT
        tx.run(
            "UPDATE schedule_packages SET title = ?, revision = ?, base_revision = ?, stages = ?,"
            " settled = ?, accounted = ?, import_digest = ?, version = version + 1"
            " WHERE package = ?",
            (
                record.title,
                record.revision,
                record.revision if base else package.base_revision,
                text,
                rows.spans_text(settled),
                rows.spans_text(accounted),
                record.source_digest if imported else package.import_digest,
                package.code,
            ),
        )

    def _compare_in(
        self,
        tx: Transaction,
        package: Package,
        record: records.PackageScheduled,
        entry: RestoredEntry,
    ) -> Restored:
        """A revision that is here already; if it says something else, the later ends count."""
        found = tx.execute(
            "SELECT stages FROM schedule_revisions WHERE package = ? AND revision = ?",
            (package.code, record.revision),
        )
        lost = _stages(record)
        if rows.stages_of(found[0][0]) == lost:
            return Restored(known=(package.code.encode(),))
        stages = _latest(package.stages, lost)
        ended = package.cancelled or self._store.is_opened_in(tx, package.code)
        if stages != package.stages and not ended:
            after = Next(
                stages,
                RECOVERED,
                record.source_digest,
                base=True,
                settled=package.accounted,
                accounted=package.accounted,
            )
            self._store.revise_in(tx, package, after, entry.record_time)
        return Restored(notes=(_TWICE,), known=(package.code.encode(),))


_DECIDED: Final = {
    records.DECISION_ACCEPT: ProposalState.ACCEPTED,
    records.DECISION_CHANGE: ProposalState.CHANGED,
    records.DECISION_CANCEL: ProposalState.CANCELLED,
}


def _bases_in(
    tx: Transaction, package: Package, record: records.PackageScheduled
) -> tuple[bool, Sequence[Interval], Sequence[Interval]]:
    """Whether outages are counted on the new revision, and what decisions have dealt with."""
    if not record.origin.startswith(_DECISION):
        moved = _stages(record) != package.stages
        return moved, package.accounted if moved else package.settled, package.accounted
    number = int(record.origin.removeprefix(_DECISION))
    decision, counted = _decision_in(tx, package.code, number)
    own = decision is not None and decision.decision == records.DECISION_CHANGE
    told = _spans(decision.accounted) if decision is not None else ()
    accounted = told or union((*package.accounted, *counted))
    return own, accounted if own else package.settled, accounted


def _decision_in(
    tx: Transaction, code: str, number: int
) -> tuple[records.CompensationDecided | None, Sequence[Interval]]:
    if number:
        proposal = _proposal_in(tx, code, number)
        return (proposal.decision, proposal.counted) if proposal else (None, ())
    found = tx.execute(
        "SELECT decision FROM schedule_releases WHERE package = ?"
        " ORDER BY decide_time DESC LIMIT 1",
        (code,),
    )
    return (records.CompensationDecided.FromString(found[0][0]) if found else None), ()


def _proposal_in(tx: Transaction, code: str, number: int) -> Proposal | None:
    found = tx.execute(
        f"SELECT {rows.PROPOSAL_COLUMNS} FROM schedule_proposals"  # noqa: S608 - constant
        " WHERE package = ? AND proposal = ?",
        (code, number),
    )
    return rows.proposal_of(found[0]) if found else None


def _insert_revision_in(
    tx: Transaction, record: records.PackageScheduled, text: str, entry: RestoredEntry
) -> None:
    tx.run(
        "INSERT INTO schedule_revisions (package, revision, origin, record_time, stages,"
        " journal_index) VALUES (?, ?, ?, ?, ?, ?)",
        (
            record.package,
            record.revision,
            record.origin,
            to_micros(entry.record_time),
            text,
            entry.index,
        ),
    )


def _state_of(record: records.CompensationProposed) -> ProposalState:
    if record.already_opened:
        return ProposalState.ALREADY_OPENED
    return ProposalState.OPEN if record.adjustments else ProposalState.WITHDRAWN


def _latest(present: Sequence[Stage], lost: Sequence[Stage]) -> tuple[Stage, ...]:
    """Present stages, none ending earlier than the lost revision said."""
    ends = {stage.name: stage for stage in lost}
    return tuple(
        Stage(
            stage.name,
            max(stage.start, ends[stage.name].start) if ends[stage.name].end > stage.end
            else stage.start,
            max(stage.end, ends[stage.name].end),
        )
        if stage.name in ends
        else stage
        for stage in present
    )  # fmt: skip


def _stages(record: records.PackageScheduled) -> tuple[Stage, ...]:
    return tuple(
        Stage(one.stage, moment(one.start_time), moment(one.end_time)) for one in record.stages
    )


def _spans(listed: Sequence[records.CountedSpan]) -> tuple[Interval, ...]:
    return tuple(Interval(moment(one.start_time), moment(one.end_time)) for one in listed)
