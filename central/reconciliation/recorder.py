"""The centre's own findings, as runs in the national journal: `recon/lkpp/<number>`.

Owns what the centre found out and no node can record (a suspected clone, a projection that differs,
a restored centre). Rules: a distinct finding is written once; a node adds a bounded number of runs
a day; while the gate is shut a run waits in its table, and nothing is lost by a crash. The log
shows these runs like those of nodes. Leaves out what is found (each finder) and the rules.
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
from lpse.federation.acts import CENTRE_PARTY
from lpse.federation.entries import timestamp
from lpse.federation.limits import (
    FINDINGS_PENDING_MAX,
    FINDINGS_PER_NODE_DAY_MAX,
    FINDINGS_REMEMBERED_MAX,
    RECONCILIATION_ENTRIES_MAX,
)
from lpse.federation.reconciliation_findings import name_findings
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
        if not self._has_room_in(tx, node_id):
            self._log.warning("reconciliation.findings_limited", node=node_id)
            return False
        fresh = [one for one in entries if _is_new_in(tx, node_id, one)]
        if not fresh:
            return False
        assert len(fresh) <= RECONCILIATION_ENTRIES_MAX
        record = self._record(node_id, trigger, fresh, sets or Sets())
        tx.run(
            "INSERT INTO recon_central_runs (node_id, day, record) VALUES (?, ?, ?)",
            (node_id, self._day(), record.SerializeToString(deterministic=True)),
        )
        self._journal_in(tx)
        return True

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

    def _has_room_in(self, tx: Transaction, node_id: str) -> bool:
        today, pending = tx.execute(
            "SELECT (SELECT count(*) FROM recon_central_runs WHERE node_id = ? AND day = ?),"
            " (SELECT count(*) FROM recon_central_runs WHERE number IS NULL)",
            (node_id, self._day()),
        )[0]
        return bool(today < FINDINGS_PER_NODE_DAY_MAX and pending < FINDINGS_PENDING_MAX)

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
    for one in record.entries:
        _is_new_in(tx, record.node_id, one)
