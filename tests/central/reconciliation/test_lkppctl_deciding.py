"""Two persons decide about an entry, and anybody replays a run, with the real program."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import grpc
import pytest

from central.blobs.receiving import Receiving
from central.blobs.store import BlobRows
from central.branches.decisions import check_histories_in
from central.branches.store import BranchStore
from central.ledger.ledger import PREFIX, Ledger
from central.ledger.ports import Source
from central.ledger.projector import Projector
from central.link.enrolled import EnrolledKeys
from central.national.national import National
from central.reconciliation.service import LogParts, open_log
from central.reconciliation.store import ReconciliationStore
from central.reconciliation.wiring import open_deciding
from lpse.federation.checkpoints import Head
from lpse.federation.entries import timestamp
from lpse.federation.reconciliation_findings import name_findings
from lpse.federation.reconciliation_rules import entry, evidence
from lpse.federation.v1 import records_pb2 as records
from lpse.operator.v1 import reconciliations_pb2_grpc
from lpse.runtime import logs
from lpse.runtime.clock import SystemClock
from lpse.storage.blobs import BlobStore
from lpse.storage.received import ReceivedJournals
from tests.central.operators.centre import Centre, lkppctl, running

NODE = "lpse-pacitan"
pytestmark = pytest.mark.timeout(300)  # real processes, on a machine that may be slow
NOW = datetime(2026, 3, 27, 3, tzinfo=UTC)
FORK = f"recon/{NODE}/1"
TAMPERED = f"recon/{NODE}/2"
OLDER = f"recon/{NODE}/3"


def _runs() -> list[records.ReconciliationRecorded]:
    sides = evidence(size=9), evidence(size=8)
    runs = []
    for name in (FORK, TAMPERED, OLDER):
        run = records.ReconciliationRecorded(
            run=name,
            begin_time=timestamp(NOW),
            legal_time=timestamp(NOW),
            entries=[entry("R-REGIONAL-FORKED", "regional journal", *sides, "quarantined", 1)],
        )
        name_findings(run)
        runs.append(run)
    runs[1].entries[0].reason = "nothing to see here"
    runs[2].ClearField("inputs")
    return runs


async def _one_node() -> int:
    return 1


async def _add_deciding(centre: Centre, server: grpc.aio.Server) -> None:
    """The log and the decisions over the centre's own parts, wired as in production."""
    database, clock = centre.database, SystemClock()
    log = logs.configure(stream=StringIO(), json=True)
    head = centre.folder / "head"
    national = National(database, centre.journal, head, _one_node, clock, log)
    await national.open()
    size = centre.journal.head.size
    await national.assert_complete(expect_size=size, reason="a new centre", by="siti")
    deciding = open_deciding(database, national, centre.plans, clock, log, check_histories_in)
    receiving = Receiving(BlobStore(centre.folder / "blobs"), BlobRows(database), clock)
    await receiving.open()
    deciding.serve(centre.plans, receiving, centre.admission)(server)
    projector = Projector(database, ReceivedJournals(database, PREFIX), [], clock, log)
    keys = EnrolledKeys(centre.admission, centre.enrolments)
    ledger = Ledger(database, projector, keys, exercise=False)
    await ledger.open()
    store = ReconciliationStore(database)
    parts = LogParts(database, centre.journal, centre.signer, clock)
    runs, _ = open_log(parts, store, ledger, centre.admission)
    reconciliations_pb2_grpc.add_ReconciliationsServicer_to_server(runs, server)
    for number, run in enumerate(_runs()):
        source = Source(NODE, b"e" * 16, number, NOW, bytes(16))
        await database.write(partial(store.apply_in, source=source, record=run))


@asynccontextmanager
async def _two_persons(folder: Path) -> AsyncIterator[tuple[Centre, Path, Path]]:
    """A centre with three runs, and the homes of an operator and an approver."""
    async with running(folder, _add_deciding) as centre:
        homes = {}
        for name in ("siti", "budi"):
            homes[name] = folder / f"home-{name}"
            create = ("context", "create", name, "--enrolment", centre.enrolment, "--code", "-")
            made = await lkppctl(homes[name], *create, stdin=centre.invitations[name])
            assert made.status == 0, made.err
        yield centre, homes["siti"], homes["budi"]


async def _offer(centre: Centre) -> None:
    branches = BranchStore(centre.database)
    head = Head(NODE, b"b" * 16, 3, b"b" * 32, bytes(64))
    branch = await branches.begin(head, 3, SystemClock().now().isoformat())
    await branches.complete(branch, machine_only=True, extends=None)


async def _asked(home: Path, *arguments: str) -> Any:
    told = await lkppctl(home, "recon", *arguments, "-o", "json")
    assert told.status == 0, told.err
    return told.json


async def test_an_operator_decides_with_a_letter_and_an_approver_signs(tmp_path: Path) -> None:
    """Plan, approve, apply; then the decision and its letter are there for everybody."""
    letter = tmp_path / "surat 12.pdf"
    letter.write_bytes(b"%PDF-1.7 " + bytes(range(256)) * 3_000)
    async with _two_persons(tmp_path) as (centre, siti, budi):
        why = ("--reason", "the machine room saw which one was copied")
        about = ("resolve", FORK, "--entry", "0", *why)
        early = await lkppctl(siti, "recon", *about, "--choice", "continue-stored", lang="id_ID")
        assert early.status == 4 and "FED-7032" in early.err and "belum sampai" in early.err
        await _offer(centre)
        wrong = await lkppctl(siti, "recon", *about, "--choice", "newest-wins")
        assert wrong.status == 2 and "FED-7014" in wrong.err and "CONTINUE_OFFERED" in wrong.err
        wrong = await lkppctl(siti, "recon", *about, "--choice", "newest-wins", lang="id_ID")
        assert wrong.status == 2 and "CONTINUE_STORED, CONTINUE_OFFERED" in wrong.err
        planned = await _asked(
            siti, *about, "--choice", "continue-stored", "--attachment", str(letter)
        )
        plan = planned["name"]
        assert planned["document"]["meaning"]["en"].startswith("the history that the centre")
        alone = await lkppctl(
            siti, "recon", "apply", "--plan", plan, "--yes", "--expect-nodes", "1"
        )
        assert alone.status == 5 and "FED-3204" in alone.err
        await _asked(budi, "approve", "--plan", plan, "--yes")
        done = await _asked(siti, "apply", "--plan", plan, "--yes", "--expect-nodes", "1")
        assert done["result"] == "resolutions/1"
        assert (await centre.told())[-1] == "reconciliation.resolved"
        (row,) = await _asked(budi, "resolutions", "--node", NODE, "--run", FORK)
        record = row["record"]
        assert (record["choice"], record["attachment_name"]) == ("CONTINUE_STORED", letter.name)
        out = tmp_path / "back.pdf"
        read = await lkppctl(budi, "recon", "attachment", "resolutions/1", "--out", str(out))
        assert read.status == 0 and out.read_bytes() == letter.read_bytes()
        again = await lkppctl(budi, "recon", "attachment", "resolutions/1", "--out", str(out))
        assert again.status == 2, "a file that is there is never written over"
        table = await lkppctl(siti, "recon", "resolutions", lang="id_ID")
        assert "Keputusan" in table.out and "resolutions/1" in table.out
        second = await lkppctl(siti, "recon", *about, "--choice", "keep-both")
        assert second.status == 4 and "--corrects resolutions/1" in second.err


async def test_runs_are_replayed_where_the_person_sits(tmp_path: Path) -> None:
    """Same is 0, a changed decision is 4, what cannot be decided again is 7."""
    async with _two_persons(tmp_path) as (_, siti, _):
        same = await _asked(siti, "replay", FORK)
        assert [(row["verdict"], row["same"]) for row in same] == [("SAME", 1)]
        other = await lkppctl(siti, "recon", "replay", FORK, TAMPERED)
        assert other.status == 4
        assert "entry 0: reason is recorded as nothing to see here" in other.out
        older = await lkppctl(siti, "recon", "replay", OLDER, lang="id_ID")
        assert older.status == 7 and "tidak diputuskan ulang" in older.out
        unknown = await lkppctl(siti, "recon", "replay", "recon/lpse-pacitan/9")
        assert unknown.status == 3 and "FED-7001" in unknown.err
