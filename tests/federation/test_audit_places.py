"""An object counts at one place of its journal, a journal in its turn, and a finding once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from central.audit.examining import Examining
from central.audit.objects import fields_in
from central.audit.store import AuditProjection, BacklogStore
from central.ledger.ports import Source
from central.witness.comparing import Comparing, Sources
from central.witness.store import WitnessStore
from lpse.federation.checkpoints import sign_head
from lpse.federation.digests import object_id
from lpse.federation.limits import EXAMINATIONS_MAX
from lpse.federation.state_objects import OUTAGE, UPLOAD, ObjectKey
from lpse.federation.v1 import audit_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from lpse.operator.v1 import witnesses_pb2 as api
from regional_node.audit import comparing
from regional_node.audit.client import AuditCalls, open_calls
from tests.federation.audits import MORNING, NODE, audited, commitment_of, projected
from tests.federation.rig import CLOCK, LOG, Centre, Node, eventually

KEY = ObjectKey(OUTAGE, "measured/1")


def _longer(hours: int) -> records.OutageMeasured:
    record = records.OutageMeasured(outage="measured/1", kind=records.MEASURED_KIND_SERVICE)
    record.start_time.FromDatetime(MORNING)
    record.end_time.FromDatetime(MORNING + timedelta(hours=hours))
    return record


async def test_an_object_that_was_projected_since_is_read_again_before_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ledger and projection are compared at one watermark, or a newer row becomes an older one."""
    async with audited(tmp_path, 3) as (centre, node, _):
        examining = centre.audit.service._examining
        read_on, moved = examining._read_on, 0

        async def reading(self: Examining, node_id: str, read: object) -> None:
            nonlocal moved
            await read_on(node_id, read)  # type: ignore[arg-type] # passed on as it came
            if not moved:
                moved = await _write(centre, node, _longer(7))

        monkeypatch.setattr(Examining, "_read_on", reading)
        (one,) = await examining.examine(NODE, [KEY])
        end = int((MORNING + timedelta(hours=7)).timestamp()) * 1_000_000
        assert moved
        assert one.truth is not None and one.truth["end"] == end
        held = await centre.database.read(lambda tx: fields_in(tx, NODE, KEY))
        assert held is not None and held["end"] == end


async def _write(centre: Centre, node: Node, record: records.OutageMeasured) -> int:
    (index,) = await node.journal.append(record)
    await eventually(lambda: projected(centre, node))
    return index


async def test_what_the_centre_says_of_another_place_is_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object whose journals do not agree yet is left to the next run, untouched and untold."""
    monkeypatch.setattr(comparing, "EXAMINATION_PAUSE_SECONDS", 0.0)
    async with audited(tmp_path, 3) as (centre, _, worker):
        await centre.database.write(
            lambda tx: tx.run("UPDATE audit_objects SET fields = '{}' WHERE area = 'outage'")
        )
        true, asked = AuditCalls.examine, 0

        async def elsewhere(
            self: AuditCalls, epoch: bytes, size: int, objects: list[wire.ExaminedObject]
        ) -> wire.ExamineObjectsResponse:
            nonlocal asked
            asked += 1
            answer = await true(self, epoch, size, objects)
            for one in answer.objects:
                one.journal_fields = b'{"of":"another place"}'
            return answer

        monkeypatch.setattr(AuditCalls, "examine", elsewhere)
        async with open_calls(worker._connect) as calls:
            compared = await worker._comparing.compare(calls)
        assert asked == EXAMINATIONS_MAX
        assert compared.looks == ()


async def test_an_object_that_was_not_asked_about_is_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For an identifier that only the centre knows it must name that very object."""
    monkeypatch.setattr(comparing, "EXAMINATION_PAUSE_SECONDS", 0.0)
    async with audited(tmp_path, 3) as (centre, _, worker):
        strange = ObjectKey(UPLOAD, "ab" * 32)
        await centre.database.write(
            lambda tx: tx.run("INSERT INTO audit_objects VALUES (?, ?, ?, '{}')", (NODE, *strange))
        )
        true = AuditCalls.examine
        other = ObjectKey(UPLOAD, "cd" * 32)

        async def renamed(
            self: AuditCalls, epoch: bytes, size: int, objects: list[wire.ExaminedObject]
        ) -> wire.ExamineObjectsResponse:
            assert objects[0].area or objects[0].id == object_id(*strange)
            answer = await true(self, epoch, size, objects)
            answer.objects[0].name = other.name
            answer.objects[0].centre_fields = b"{}"
            return answer

        monkeypatch.setattr(AuditCalls, "examine", renamed)
        async with open_calls(worker._connect) as calls:
            compared = await worker._comparing.compare(calls)
        assert compared.looks == ()


async def test_older_entries_are_read_journal_by_journal_as_they_were_met(tmp_path: Path) -> None:
    """Not as epochs happen to sort; one that begins meanwhile is read behind those that wait."""
    first, second, third = b"\xff" * 16, b"\x77" * 16, b"\x00" * 16
    async with audited(tmp_path, 1) as (centre, _, _):
        database, backlog = centre.database, BacklogStore(centre.database)
        rows = [(NODE, first, 1), (NODE, second, 2)]
        await database.write(
            lambda tx: tx.many("INSERT INTO audit_backlog VALUES (?, ?, 0, ?)", rows)
        )
        source = Source(NODE, third, 0, MORNING, bytes(16))
        record = records.UploadAccepted(commitment=commitment_of(50))
        await database.write(lambda tx: AuditProjection().apply_in(tx, source, record))
        held = await database.read(
            lambda tx: fields_in(tx, NODE, ObjectKey(UPLOAD, commitment_of(50).hex()))
        )
        assert held is None  # it waits with its journal
        met = []
        while (one := await backlog.next()) is not None:
            met.append(one.epoch)
            await database.write(
                lambda tx, epoch=one.epoch: tx.run(  # type: ignore[misc] # bound at once
                    "DELETE FROM audit_backlog WHERE epoch = ?", (epoch,)
                )
            )
        assert met == [first, second, third]


async def test_a_contradicting_head_is_told_once_however_often_it_is_shown(tmp_path: Path) -> None:
    """Evidence is kept, and the run is written the first time; a second head is another finding."""
    async with audited(tmp_path, 3) as (centre, node, _):
        told: list[records.ReconciliationEntry] = []

        async def record(_: str, entries: Sequence[records.ReconciliationEntry]) -> None:
            told.extend(entries)

        sources = Sources(centre.journal, centre.ledger, centre.enrolled)  # type: ignore[arg-type] # a table of keys
        comparer = Comparing(sources, WitnessStore(centre.database), record, CLOCK, LOG)
        signer = node.authority.nodes[NODE]
        forked = sign_head(signer, node.journal.epoch, 2, bytes(32))
        for _ in range(3):
            (one,) = await comparer.compare([(forked, "a letter")])
            assert one.standing == api.HEAD_STANDING_FORKED
        await comparer.compare([(forked, "another letter")])
        assert len(told) == 1
        other = sign_head(signer, node.journal.epoch, 3, bytes(32))
        await comparer.compare([(other, "a letter")])
        assert len(told) == 2
