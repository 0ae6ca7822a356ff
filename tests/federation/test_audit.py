"""The standing audit: differences planted by SQL on either side are found, healed and told."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from lpse.federation.reconciliation_rules import needs_person
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Transaction
from regional_node.audit.worker import AuditWorker
from regional_node.restored import RestoredEntry
from tests.federation.audits import (
    NODE,
    AuditedCentre,
    accept_in,
    audit_worker,
    audited,
    commitment_of,
    digest_of,
    projected,
)
from tests.federation.rig import Node, eventually

DEMAND = records.RECONCILIATION_TRIGGER_DEMAND
UPLOADS = 2_000
OBJECTS = 2 * UPLOADS + 5


async def _sql(database: Database, sql: str, *values: bytes | str | int) -> int:
    return await database.write(lambda tx: tx.run(sql, values))


async def _rows(node: Node, worker: AuditWorker) -> list[records.ReconciliationEntry]:
    """Audit, and the decisions of the run but for the proofs."""
    told = await worker.audit(DEMAND)
    run = await node.runs.store.get(int(told.run))
    assert run is not None
    assert run.record.trigger == DEMAND
    return [one for one in run.record.entries if not one.rule.startswith("R-PROOF-GIVEN")]


async def test_no_difference_is_one_line_with_the_proof(tmp_path: Path) -> None:
    """Equal objects cost one question, and the run says how many there are with their digest."""
    async with audited(tmp_path, UPLOADS) as (_, node, worker):
        (row,) = await _rows(node, worker)
        assert row.rule == "R-STATE-EQUAL/1"
        assert row.count == OBJECTS
        assert worker.traffic.calls == 3  # two proofs, one digest
        await worker.audit(DEMAND)
        newest = await worker.audit(DEMAND)
        assert (newest.objects, newest.differences) == (OBJECTS, 0)


PLANTED: list[tuple[str, bytes | str, str]] = [
    ("DELETE FROM audit_objects WHERE name = ?", commitment_of(7).hex(), "upload"),
    ("DELETE FROM upload_blobs WHERE digest = ?", digest_of(11), "blob"),
    ("UPDATE upload_blobs SET size_bytes = 5 WHERE digest = ?", digest_of(12), "blob"),
    ("UPDATE packages SET revision = 9 WHERE package = ?", "101", "package"),
    ("UPDATE package_stages SET end_time = end_time + 1 WHERE package = ?", "201", "package"),
    ("DELETE FROM audit_objects WHERE name = ?", "measured/2", "outage"),
]


async def test_rows_that_the_centre_lost_or_changed_are_projected_again(tmp_path: Path) -> None:
    """Every differing object of every area is found, healed from the ledger, and told."""
    async with audited(tmp_path, 300) as (centre, node, worker):
        for sql, value, _ in PLANTED:
            assert await _sql(centre.database, sql, value)
        rows = await _rows(node, worker)
        told = sorted(row.object.split()[0] for row in rows)
        assert told == sorted(area for _, _, area in PLANTED)
        assert {row.rule for row in rows} == {"R-STATE-CENTRE-REBUILT/1"}
        assert all(row.hash_after and not needs_person(row) for row in rows)
        (equal,) = await _rows(node, worker)
        assert equal.rule == "R-STATE-EQUAL/1"


async def test_a_row_that_only_the_centre_has_is_taken_out(tmp_path: Path) -> None:
    """What no entry of the ledger speaks of is no object, whoever wrote the row."""
    async with audited(tmp_path, 50) as (centre, node, worker):
        await _sql(
            centre.database,
            "INSERT INTO upload_blobs (node_id, digest, size_bytes) VALUES (?, ?, 1)",
            NODE,
            bytes(32),
        )
        (row,) = await _rows(node, worker)
        assert row.object == f"blob {bytes(32).hex()}"
        assert row.rule == "R-STATE-CENTRE-REBUILT/1"
        (equal,) = await _rows(node, worker)
        assert equal.rule == "R-STATE-EQUAL/1"


async def test_sums_of_a_healed_projection_are_right_again(tmp_path: Path) -> None:
    """The totals that people see follow the healed rows, and verified bytes stay verified."""
    async with audited(tmp_path, 50) as (centre, node, worker):
        sums = "SELECT * FROM upload_totals"
        await _sql(centre.database, "UPDATE upload_blobs SET verify_time = 1")
        await _sql(centre.database, "UPDATE upload_totals SET verified_blobs = 50")
        await _sql(centre.database, "DELETE FROM upload_blobs WHERE digest = ?", digest_of(3))
        await _rows(node, worker)
        ((_, accepted, announced, size, verified, _),) = await centre.database.read(
            lambda tx: tx.execute(sums)
        )
        assert (accepted, announced, verified) == (50, 50, 49)
        assert size == sum(1_000 + one for one in range(50))


async def test_one_difference_among_thousands_costs_little(tmp_path: Path) -> None:
    """Questions and answers about one changed object stay below four kilobytes."""
    async with audited(tmp_path, UPLOADS) as (centre, _, worker):
        await worker.audit(DEMAND)
        proofs = worker.traffic.payload_bytes
        changed = "UPDATE upload_blobs SET size_bytes = 5 WHERE digest = ?"
        await _sql(centre.database, changed, digest_of(12))
        await worker.audit(DEMAND)
        assert worker.traffic.payload_bytes - proofs < 4_096
        assert worker.traffic.calls <= 10


async def test_a_changed_row_of_the_node_is_kept_and_a_person_is_asked(tmp_path: Path) -> None:
    """Deadlines hang on the node's tables: one that contradicts its journal stays."""
    async with audited(tmp_path, 20) as (_, node, worker):
        await _sql(node.database, "UPDATE schedule_packages SET revision = 7 WHERE package = '101'")
        (row,) = await _rows(node, worker)
        assert row.rule == "R-STATE-DIFFERENT/1"
        assert row.object == "package 101"
        assert needs_person(row)
        ((kept,),) = await node.database.read(
            lambda tx: tx.execute("SELECT revision FROM schedule_packages WHERE package = '101'")
        )
        assert kept == 7


class OutageArea:
    """The area whose row is gone; it knows how to make it again."""

    def __init__(self) -> None:
        self.seen: list[RestoredEntry] = []
        self.woken = 0

    def restore_in(self, tx: Transaction, entry: RestoredEntry) -> None:
        self.seen.append(entry)
        tx.run(
            "INSERT INTO outage_measured SELECT 2, kind, start_time, start_time + 7200000000,"
            " 1, '', 0, NULL, NULL FROM outage_measured WHERE number = 1"
        )

    def restored(self) -> None:
        self.woken += 1


async def test_a_row_that_the_node_lost_is_put_back_from_its_journal(tmp_path: Path) -> None:
    """The area's own handler gets the entries that speak of the object, and the run says so."""
    async with audited(tmp_path, 20) as (centre, node, _):
        area = OutageArea()
        worker = audit_worker(node, centre, area)
        await _sql(node.database, "DELETE FROM outage_measured WHERE number = 2")
        (row,) = await _rows(node, worker)
        assert row.rule == "R-STATE-NODE-REBUILT/1"
        assert (len(area.seen), area.woken) == (1, 1)
        (equal,) = await _rows(node, worker)
        assert equal.rule == "R-STATE-EQUAL/1"


async def test_many_differences_are_healed_in_one_run_and_counted(tmp_path: Path) -> None:
    """A lost table comes back; the run keeps to its limit of rows and its sets close."""
    async with audited(tmp_path, 200) as (centre, node, worker):
        await _sql(centre.database, "DELETE FROM upload_blobs")
        rows = await _rows(node, worker)
        assert sum(row.count for row in rows) == 200
        assert (await worker.audit(DEMAND)).differences == 0
        newest = await node.runs.store.get(2)
        assert newest is not None


async def test_objects_that_move_while_they_are_compared_are_no_difference(
    tmp_path: Path,
) -> None:
    """Uploads accepted during an audit never become rows of its run."""
    async with audited(tmp_path, 300) as (centre, node, worker):
        await _sql(centre.database, "DELETE FROM upload_blobs WHERE digest = ?", digest_of(3))
        stop = asyncio.Event()

        async def intake() -> int:
            number = 1_000
            while not stop.is_set():
                await node.database.write(partial(_accept, node, number))
                number += 1
                await asyncio.sleep(0.01)
            return number - 1_000

        busy = asyncio.create_task(intake())
        rows = await _rows(node, worker)
        stop.set()
        assert await busy > 0
        assert [row.object for row in rows] == [f"blob {digest_of(3).hex()}"]


async def test_an_older_centre_reads_its_old_entries_before_it_compares(tmp_path: Path) -> None:
    """After an upgrade the projection of the audit is filled from the ledger, then compared."""
    async with audited(tmp_path, 60) as (centre, node, worker):
        await _sql(centre.database, "DELETE FROM audit_objects")
        await _sql(
            centre.database,
            "INSERT INTO audit_backlog SELECT party, epoch, 0, id FROM ledger_journals",
        )
        await _accept_one(node, centre)
        await centre.audit.backlog.run()
        (row,) = await _rows(node, worker)
        assert row.rule == "R-STATE-EQUAL/1"


def _accept(node: Node, number: int, tx: Transaction) -> None:
    accept_in(node, tx, number)


async def _accept_one(node: Node, centre: AuditedCentre) -> None:
    await node.database.write(partial(_accept, node, 9_999))
    await eventually(lambda: projected(centre, node))
