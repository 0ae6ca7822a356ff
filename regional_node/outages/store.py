"""All SQL of outages at a node: declarations as they read here, measured spans, confirmations.

Rule: a row and its journal entry are one transaction, and a revision is applied once (Invariant 3):
the row remembers which one. Functions that end in `_in` run inside the caller's transaction. Leaves
out what counts for which package.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from lpse.federation.desired_state import DesiredOutage
from lpse.federation.errors import FederationError, NotFound
from lpse.federation.intervals import Interval
from lpse.federation.limits import OUTAGES_MAX
from lpse.federation.outage_windows import window_interval
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.sqlite.instants import to_micros
from lpse.storage.journal import Journal
from regional_node.national import told_store
from regional_node.outages import forms, rules
from regional_node.outages.forms import DECLARED, MEASURED, DeclaredOutage, MeasuredOutage
from regional_node.outages.rules import Kind, KnownOutage, ProbeState


class OutageStore:
    """See the module's first lines."""

    def __init__(self, database: Database, journal: Journal, zone: ZoneInfo) -> None:
        """`zone` is the node's own: declarations by day are read in it."""
        self._database = database
        self._journal = journal
        self._zone = zone
        self.changes = 0  # grows with every change, so that followers know when to look again

    # --- declared ---

    async def apply_declared(
        self,
        here: Mapping[str, DesiredOutage],
        elsewhere: Mapping[str, DesiredOutage],
        *,
        away_below: int,
        now: datetime,
    ) -> int:
        """Take what is new; how many revisions were. Those below `away_below` came late.

        One that speaks to others is told only where it spoke to this node before, or where the
        centre cannot know (services are the node's own).
        """
        known = await self._database.read(_revisions_in)
        fresh = [
            (one, True) for name, one in here.items() if one.record.revision > known.get(name, 0)
        ]
        fresh += [
            (one, False)
            for name, one in elsewhere.items()
            if (name in known or one.record.scope == directives.OUTAGE_SCOPE_SERVICE)
            and one.record.revision > known.get(name, 0)
        ]
        for one, applies in sorted(fresh, key=lambda item: item[0].national_index):
            late = one.national_index < away_below
            await self._database.write(
                lambda tx, o=one, a=applies, b=late: self._apply_in(tx, o, a, b, now)  # type: ignore[misc] # mypy cannot type a lambda with defaults
            )
            self.changes += 1
        return len(fresh)

    async def declared(self) -> list[DeclaredOutage]:
        """Every declaration that ever spoke to this node, by start."""
        return await self._database.read(self.declared_in)

    def declared_in(self, tx: Transaction) -> list[DeclaredOutage]:
        """See `declared`; beyond the limit the oldest are left out."""
        rows = tx.execute(
            f"{DECLARED} ORDER BY start_time DESC, outage DESC LIMIT ?", (OUTAGES_MAX,)
        )
        return [forms.declared_of(row) for row in reversed(rows)]

    # --- measured ---

    async def start(self, kind: Kind, state: ProbeState) -> ProbeState:
        """An outage has been seen: its row and its first entry."""
        assert state.first_failure is not None
        began = state.first_failure

        def work(tx: Transaction) -> int:
            number = int(
                tx.execute("SELECT coalesce(max(number), 0) + 1 FROM outage_measured")[0][0]
            )
            tx.run(
                "INSERT INTO outage_measured (number, kind, start_time, probes_failed, evidence,"
                " during_upgrade) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    number,
                    rules.WIRE_KIND[kind],
                    to_micros(began),
                    state.failures,
                    state.evidence,
                    int(state.during_upgrade),
                ),
            )
            self._journal.append_in(tx, forms.record_of(_measured_in(tx, number)))
            return number

        number = await self._database.write(work)
        self.changes += 1
        return ProbeState(
            state.failures, began, state.evidence, state.during_upgrade, open_number=number
        )

    async def end(self, number: int, state: ProbeState, now: datetime) -> None:
        """The first good answer again: the second entry. Ending it twice changes nothing."""

        def work(tx: Transaction) -> None:
            stored = _measured_in(tx, number)
            if stored.interval.end is not None:
                return
            end = max(now, stored.interval.start)
            tx.run(
                "UPDATE outage_measured SET end_time = ?, probes_failed = ?, during_upgrade = ?"
                " WHERE number = ?",
                (to_micros(end), state.failures, int(state.during_upgrade), number),
            )
            self._journal.append_in(tx, forms.record_of(_measured_in(tx, number)))

        await self._database.write(work)
        self.changes += 1

    async def open_states(self) -> dict[Kind, ProbeState]:
        """Outages that were open when the node stopped: the probes go on from there."""
        rows = await self._database.read(
            lambda tx: tx.execute(f"{MEASURED} WHERE end_time IS NULL")
        )
        return {
            one.kind: ProbeState(
                one.probes_failed,
                one.interval.start,
                one.evidence,
                one.during_upgrade,
                one.number,
            )
            for one in map(forms.measured_of, rows)
        }

    async def measured(self) -> list[MeasuredOutage]:
        """Every measured outage, by start."""
        return await self._database.read(self.measured_in)

    def measured_in(self, tx: Transaction) -> list[MeasuredOutage]:
        """See `measured`; beyond the limit the oldest are left out."""
        rows = tx.execute(
            f"{MEASURED} ORDER BY start_time DESC, number DESC LIMIT ?", (OUTAGES_MAX,)
        )
        return [forms.measured_of(row) for row in reversed(rows)]

    async def get_measured(self, name: str) -> MeasuredOutage:
        """By name; NotFound (FED-4202)."""
        return await self._database.read(lambda tx: _measured_in(tx, _number(name)))

    async def confirm(
        self, statement: records.OutageConfirmed, now: datetime, *, validate_only: bool = False
    ) -> MeasuredOutage:
        """An officer's verified statement; the same one again changes nothing."""

        def work(tx: Transaction) -> MeasuredOutage:
            number = _number(statement.outage)
            stored = _measured_in(tx, number)
            rules.check_confirmation(
                stored.kind, statement.cause, statement.attribution, statement.reason
            )
            present = stored.confirmation
            rules.check_unconfirmed(present is not None, _same(present, statement))
            if present is not None or validate_only:
                return stored
            tx.run(
                "UPDATE outage_measured SET confirmation = ?, confirm_time = ? WHERE number = ?",
                (statement.SerializeToString(deterministic=True), to_micros(now), number),
            )
            self._journal.append_in(tx, statement)
            return _measured_in(tx, number)

        confirmed = await self._database.write(work)
        self.changes += 1
        return confirmed

    # --- what the schedule asks ---

    def known_in(self, tx: Transaction) -> list[KnownOutage]:
        """Counting outages, and measured service outages that nobody confirmed yet."""
        declared = [
            KnownOutage(one.name, one.interval, True, False)
            for one in self.declared_in(tx)
            if one.counts
        ]
        measured = [
            KnownOutage(one.name, one.interval, one.counts, True)
            for one in self.measured_in(tx)
            if one.kind is Kind.SERVICE
        ]
        return declared + measured

    async def withdrawn(self) -> set[str]:
        """Names of declarations that count for nothing any more."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT outage FROM outage_declared WHERE withdrawn = 1 OR applies = 0"
            )
        )
        return {str(name) for (name,) in rows}

    # --- inside the database thread ---

    def _apply_in(
        self, tx: Transaction, one: DesiredOutage, applies: bool, late: bool, now: datetime
    ) -> None:
        record, name = one.record, one.record.outage
        if _revisions_in(tx).get(name, 0) >= record.revision:
            return
        applied = records.DirectiveApplied(
            national_index=one.national_index,
            directive="outage.revised",
            subject=name,
            outcome="applied" if applies else "not_for_this_node",
            late=late,
            detail=f"revision {record.revision}",
        )
        told = told_store.take_in(tx, applied)
        if told is not None:
            late, now = told.late, told.time
        try:
            interval = window_interval(record.window, self._zone)
        except FederationError as error:
            applied.outcome, applied.detail = "unreadable", f"{error.code}: {error.message}"
            self._park_in(tx, record, f"{error.code}: {error.message}")
        else:
            self._store_in(tx, one, interval, (applies, late), now)
        if told is None or told.outcome != applied.outcome:
            self._journal.append_in(tx, applied)

    def _store_in(
        self,
        tx: Transaction,
        one: DesiredOutage,
        interval: Interval,
        flags: tuple[bool, bool],
        now: datetime,
    ) -> None:
        record, (applies, late) = one.record, flags
        tx.run("DELETE FROM outage_unreadable WHERE outage = ?", (record.outage,))
        tx.run(
            "INSERT INTO outage_declared (outage, revision, national_index, record, start_time,"
            " end_time, applies, withdrawn, late, apply_time)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (outage) DO UPDATE SET revision = excluded.revision,"
            " national_index = excluded.national_index, record = excluded.record,"
            " start_time = excluded.start_time, end_time = excluded.end_time,"
            " applies = excluded.applies, withdrawn = excluded.withdrawn, late = excluded.late,"
            " apply_time = excluded.apply_time",
            (
                record.outage,
                record.revision,
                one.national_index,
                record.SerializeToString(deterministic=True),
                to_micros(interval.start),
                None if interval.end is None else to_micros(interval.end),
                int(applies),
                int(one.withdrawn),
                int(late),
                to_micros(now),
            ),
        )

    def _park_in(self, tx: Transaction, record: directives.OutageRevised, reason: str) -> None:
        tx.run(
            "INSERT INTO outage_unreadable (outage, revision, reason) VALUES (?, ?, ?)"
            " ON CONFLICT (outage) DO UPDATE SET revision = excluded.revision,"
            " reason = excluded.reason",
            (record.outage, record.revision, reason),
        )


def signed(statement: records.OutageConfirmed, act: SignedAct) -> records.OutageConfirmed:
    """The statement with the officer's signature in it."""
    complete = records.OutageConfirmed()
    complete.CopyFrom(statement)
    complete.act.CopyFrom(act)
    return complete


def _revisions_in(tx: Transaction) -> dict[str, int]:
    """The newest revision of each declaration that was looked at."""
    rows = tx.execute(
        "SELECT outage, max(revision) FROM (SELECT outage, revision FROM outage_declared"
        " UNION ALL SELECT outage, revision FROM outage_unreadable) GROUP BY outage"
    )
    return {str(name): int(revision) for name, revision in rows}


def _measured_in(tx: Transaction, number: int) -> MeasuredOutage:
    rows = tx.execute(f"{MEASURED} WHERE number = ?", (number,))
    if not rows:
        raise NotFound("FED-4202", "this node measured no outage of that name")
    return forms.measured_of(rows[0])


def _number(name: str) -> int:
    text = name.removeprefix("measured/")
    if text == name or not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise NotFound("FED-4202", "the name of a measured outage looks like measured/1")
    return int(text)


def _same(present: records.OutageConfirmed | None, given: records.OutageConfirmed) -> bool:
    return present is not None and (
        (present.cause, present.attribution, present.reason)
        == (given.cause, given.attribution, given.reason)
    )
