"""The centre's own findings, as runs in the national journal: `recon/lkpp/<number>`.

Owns what the centre found out and no node can record (a suspected clone, a projection that differs,
a restored centre). Rules: a distinct finding is written once; a node adds a bounded number of runs
a day, and what comes beyond is counted and told as a number (`passed_store`); while the gate is
shut a run waits in its table, and nothing is lost by a crash. The log shows these runs like those
of nodes. Leaves out what is found (each finder) and the rules.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final, TypeAlias

from structlog.typing import FilteringBoundLogger

from central.national.national import National
from central.national.restoring import Handler, Returned
from central.national.rules import Gate
from central.reconciliation import passed_store, recoveries_store
from lpse.federation.acts import CENTRE_PARTY
from lpse.federation.entries import timestamp
from lpse.federation.limits import (
    FINDINGS_CLOSING_SECONDS,
    FINDINGS_PENDING_MAX,
    FINDINGS_PER_NODE_DAY_MAX,
    FINDINGS_REMEMBERED_MAX,
    RECONCILIATION_ENTRIES_MAX,
)
from lpse.federation.reconciliation_findings import name_findings
from lpse.federation.reconciliation_rules import entry
from lpse.federation.reconciliation_sets import Sets, name_sets
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Transaction

_PREFIX: Final = f"recon/{CENTRE_PARTY}/"
_FLUSHED_PER_UNIT: Final = 100

Trigger: TypeAlias = records.ReconciliationTrigger.ValueType
Entries: TypeAlias = Sequence[records.ReconciliationEntry]


class CentralRuns:
    """See the module's first lines; implements the port `Findings` of the link."""

    def __init__(
        self,
        database: Database,
        national: National,
        clock: Clock,
        log: FilteringBoundLogger,
        *,
        software_version: str,
    ) -> None:
        self._database = database
        self._national = national
        self._clock = clock
        self._log = log
        self._software_version = software_version
        self._wake = asyncio.Event()
        national.on_visible(self._wake.set)

    async def record(self, node_id: str, trigger: Trigger, entries: Entries) -> None:
        """Write down what is new among these decisions, now or as soon as the gate is open."""
        await self._database.write(lambda tx: self.record_in(tx, node_id, trigger, entries))

    def record_in(
        self,
        tx: Transaction,
        node_id: str,
        trigger: Trigger,
        entries: Entries,
        sets: Sets | None = None,
    ) -> bool:
        """As `record`, with the caller's transaction; False where nothing of it is new.

        `node_id` is empty where no node is concerned; `sets` is what the run compared, if counted.
        """
        recoveries_store.note_in(tx, node_id, entries, self._clock.now())
        day = self._day()
        number = self._room_in(tx, node_id, day)
        if number is None:
            self._pass_in(tx, node_id, day, entries)
            return False
        fresh = [one for one in entries if _is_new_in(tx, node_id, one)]
        if not fresh:
            return False
        told = passed_store.told_in(tx, node_id, day)
        if number == FINDINGS_PER_NODE_DAY_MAX:
            told.append(entry("R-FINDINGS-LIMITED", "findings", b"", b"", "", number))
        self._write_in(tx, (node_id, trigger), [*fresh, *told], sets or Sets())
        return True

    async def close_days(self) -> int:
        """Write how many findings were only counted on days that are over; how many runs."""
        return await self._database.write(self._close_days_in)

    async def run_closing(self) -> None:
        """Look again and again whether a day is over, for ever."""
        while True:
            await self.close_days()
            await self._clock.sleep(FINDINGS_CLOSING_SECONDS)

    async def step(self) -> int:
        """Journal what waited for the gate; how many runs."""
        if self._national.gate is not Gate.OPEN:
            return 0
        return await self._database.write(self._journal_in)

    async def run(self) -> None:
        """Journal waiting runs whenever the national journal moves again, for ever."""
        while True:
            self._wake.clear()
            if await self.step() == _FLUSHED_PER_UNIT:
                continue
            await self._wake.wait()

    def handlers(self) -> dict[str, Handler]:
        """How a restored centre takes its own runs up again, by kind."""
        return {"reconciliation.recorded": _returned_in}

    # --- inside the database thread ---

    def _journal_in(self, tx: Transaction) -> int:
        """Give waiting runs their numbers and append them, oldest first."""
        if self._national.gate is not Gate.OPEN:
            return 0
        rows = tx.execute(
            "SELECT id, record FROM recon_central_runs WHERE number IS NULL ORDER BY id LIMIT ?",
            (_FLUSHED_PER_UNIT,),
        )
        for row, data in rows:
            number = _next_number_in(tx)
            record = records.ReconciliationRecorded.FromString(data)
            record.run = f"{_PREFIX}{number}"
            self._national.append_in(tx, record)
            tx.run(
                "UPDATE recon_central_runs SET number = ?, record = ? WHERE id = ?",
                (number, record.SerializeToString(deterministic=True), row),
            )
        return len(rows)

    def _write_in(
        self, tx: Transaction, about: tuple[str, Trigger], entries: Entries, sets: Sets
    ) -> None:
        """A run of today about a node; journalled at once while the gate is open."""
        assert len(entries) <= RECONCILIATION_ENTRIES_MAX
        record = self._record(*about, entries, sets)
        tx.run(
            "INSERT INTO recon_central_runs (node_id, day, record) VALUES (?, ?, ?)",
            (about[0], self._day(), record.SerializeToString(deterministic=True)),
        )
        self._journal_in(tx)

    def _pass_in(self, tx: Transaction, node_id: str, day: str, entries: Entries) -> None:
        """Count what would have been written."""
        for one in entries:
            if not _is_known_in(tx, node_id, one):
                passed_store.count_in(tx, node_id, day, one, _digest(one))
        self._log.warning("reconciliation.findings_limited", node=node_id)

    def _close_days_in(self, tx: Transaction) -> int:
        day, runs = self._day(), 0
        for node_id in passed_store.waiting_in(tx, day):
            if self._room_in(tx, node_id, day) is None:
                continue
            entries = passed_store.told_in(tx, node_id, day)
            trigger = records.RECONCILIATION_TRIGGER_SCHEDULE
            self._write_in(tx, (node_id, trigger), entries, Sets())
            runs += 1
        return runs

    def _room_in(self, tx: Transaction, node_id: str, day: str) -> int | None:
        """Which run of the day about the node comes next; None beyond the limits."""
        today, pending = tx.execute(
            "SELECT (SELECT count(*) FROM recon_central_runs WHERE node_id = ? AND day = ?),"
            " (SELECT count(*) FROM recon_central_runs WHERE number IS NULL)",
            (node_id, day),
        )[0]
        full = today >= FINDINGS_PER_NODE_DAY_MAX or pending >= FINDINGS_PENDING_MAX
        return None if full else int(today) + 1

    def _day(self) -> str:
        return self._clock.now().date().isoformat()

    def _record(
        self, node_id: str, trigger: Trigger, entries: Entries, sets: Sets
    ) -> records.ReconciliationRecorded:
        head = self._national.head
        record = records.ReconciliationRecorded(
            trigger=trigger,
            node_id=node_id,
            national_head_before=head.message(),
            begin_time=timestamp(self._clock.wall()),
            legal_time=timestamp(self._clock.now()),
            software_version=self._software_version,
            entries=entries,
        )
        name_findings(record)
        name_sets(record, sets)
        return record


def _is_new_in(tx: Transaction, node_id: str, one: records.ReconciliationEntry) -> bool:
    """Remember the finding, forgetting the oldest at the limit; False where it was known."""
    tx.run(
        "DELETE FROM recon_central_findings WHERE id <="
        " (SELECT max(id) - ? FROM recon_central_findings)",
        (FINDINGS_REMEMBERED_MAX,),
    )
    inserted = tx.run(
        "INSERT INTO recon_central_findings (node_id, digest) VALUES (?, ?)"
        " ON CONFLICT (node_id, digest) DO NOTHING",
        (node_id, _digest(one)),
    )
    return inserted > 0


def _is_known_in(tx: Transaction, node_id: str, one: records.ReconciliationEntry) -> bool:
    known = "SELECT 1 FROM recon_central_findings WHERE node_id = ? AND digest = ?"
    return bool(tx.execute(known, (node_id, _digest(one))))


def _digest(one: records.ReconciliationEntry) -> bytes:
    parts = (one.rule.encode(), one.object.encode(), one.node_evidence, one.centre_evidence)
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()


def _next_number_in(tx: Transaction) -> int:
    rows = tx.execute("SELECT coalesce(max(number), 0) + 1 FROM recon_central_runs")
    return int(rows[0][0])


def _returned_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, records.ReconciliationRecorded)
    number = int(record.run.removeprefix(_PREFIX))
    tx.run(
        "INSERT INTO recon_central_runs (number, node_id, day, record) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (number) DO NOTHING",
        (
            number,
            record.node_id,
            entry.record_time.date().isoformat(),
            record.SerializeToString(deterministic=True),
        ),
    )
    recoveries_store.note_in(tx, record.node_id, record.entries, entry.record_time)
    for one in record.entries:
        _is_new_in(tx, record.node_id, one)
