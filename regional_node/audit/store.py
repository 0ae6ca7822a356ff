"""All SQL of audits at the node: when they ran, what they found, with the run that tells it.

Rule: an audit's row and the journalled run are one transaction (Invariant 9). Leaves out passes
over journals (`lpse.storage.verify_store`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lpse.federation.limits import AUDITS_KEPT_MAX
from lpse.federation.reconciliation_sets import Sets
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros

_COLUMNS = "begin_time, end_time, objects, differences, healed, run"


class Log(Protocol):
    """The reconciliation log, inside a transaction."""

    def decided_in(
        self,
        tx: Transaction,
        trigger: records.ReconciliationTrigger.ValueType,
        entries: Sequence[records.ReconciliationEntry],
        sets: Sets | None = None,
    ) -> int:
        """Journal one run; its index."""


@dataclass(frozen=True, slots=True)
class AuditRun:
    """One audit that ended."""

    begin_time: datetime
    end_time: datetime
    objects: int
    differences: int
    healed: int
    run: str


class AuditStore:
    """The table `audit_runs`."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def newest(self) -> AuditRun | None:
        """The last audit that ended."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"SELECT {_COLUMNS} FROM audit_runs ORDER BY number DESC LIMIT 1"  # noqa: S608 - ours
            )
        )
        if not rows:
            return None
        begin, end, objects, differences, healed, run = rows[0]
        return AuditRun(from_micros(begin), from_micros(end), objects, differences, healed, run)

    async def record(
        self,
        trigger: records.ReconciliationTrigger.ValueType,
        entries: Sequence[records.ReconciliationEntry],
        sets: Sets,
        one: AuditRun,
    ) -> AuditRun:
        """Journal the run and keep its row; the row with the run's name."""

        def work(tx: Transaction) -> AuditRun:
            self._log.decided_in(tx, trigger, entries, sets)
            name = tx.execute("SELECT max(number) FROM recon_runs")[0][0]
            told = AuditRun(
                one.begin_time, one.end_time, one.objects, one.differences, one.healed, str(name)
            )
            tx.run(
                "INSERT INTO audit_runs (begin_time, end_time, objects, differences, healed, run)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    to_micros(one.begin_time),
                    to_micros(one.end_time),
                    one.objects,
                    one.differences,
                    one.healed,
                    told.run,
                ),
            )
            tx.run(
                "DELETE FROM audit_runs WHERE number <= (SELECT max(number) FROM audit_runs) - ?",
                (AUDITS_KEPT_MAX,),
            )
            return told

        return await self._database.write(work)

    async def tell(
        self,
        trigger: records.ReconciliationTrigger.ValueType,
        entries: Sequence[records.ReconciliationEntry],
    ) -> None:
        """Journal a run of findings alone."""
        await self._database.write(lambda tx: self._log.decided_in(tx, trigger, entries))
