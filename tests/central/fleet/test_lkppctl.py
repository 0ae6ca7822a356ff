"""What an operator sees and repairs from the command line: gate, parked entries, quarantine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import grpc

from central.enrolment.operator_service import NodesService
from central.fleet.desired import DesiredVersions
from central.fleet.service import FleetService, Statuses
from central.fleet.store import FleetStore
from central.ledger.ledger import PREFIX, Ledger
from central.ledger.ports import Source
from central.ledger.projector import Projector
from central.ledger.store import LedgerStore, Parked
from central.link.enrolled import EnrolledDirectory, EnrolledKeys
from central.link.sessions import Sessions
from central.link.store import LinkStore, QuarantineRow
from central.national.national import National
from central.reconciliation.service import LogParts, open_log
from central.reconciliation.store import ReconciliationStore
from lpse.federation.entries import timestamp
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1.directives_pb2 import Beacon
from lpse.operator.v1 import fleet_pb2_grpc, nodes_pb2_grpc, reconciliations_pb2_grpc
from lpse.runtime import logs
from lpse.runtime.clock import SystemClock
from lpse.runtime.tls.enrolling import enrol
from lpse.storage.received import ReceivedJournals
from tests.central.operators.centre import Centre, lkppctl, running

NODE = "lpse-pacitan"
WHEN = "2026-03-27T03:00:00+00:00"
NOW = datetime.fromisoformat(WHEN)


async def one_node() -> int:
    """How many nodes are enrolled, for the gate."""
    return 1


async def add_fleet(centre: Centre, server: grpc.aio.Server) -> None:
    """The fleet's service over the centre's own parts, wired as in production."""
    database, clock = centre.database, SystemClock()
    log = logs.configure(stream=StringIO(), json=True)
    keys = EnrolledKeys(centre.admission, centre.enrolments)
    await centre.journal.append(Beacon(nonce=bytes(32)))  # a journal in use, without a head file
    national = National(database, centre.journal, centre.folder / "head", one_node, clock, log)
    await national.open()
    projector = Projector(database, ReceivedJournals(database, PREFIX), [], clock, log)
    ledger = Ledger(database, projector, keys, exercise=False)
    await ledger.open()
    statuses = Statuses(
        EnrolledDirectory(centre.enrolments),
        Sessions(LinkStore(database), clock, 60, log),
        ledger,
        FleetStore(database),
        DesiredVersions(centre.journal),
        national,
    )
    fleet = FleetService(statuses, national, centre.admission, clock)
    nodes = NodesService(centre.enrolments, centre.admission, clock, log)
    nodes_pb2_grpc.add_NodesServicer_to_server(nodes, server)
    fleet_pb2_grpc.add_FleetServicer_to_server(fleet, server)
    parts = LogParts(database, centre.journal, centre.signer, clock)
    runs, _ = open_log(parts, ReconciliationStore(database), ledger, centre.admission)
    reconciliations_pb2_grpc.add_ReconciliationsServicer_to_server(runs, server)


@asynccontextmanager
async def fleet(folder: Path) -> AsyncIterator[tuple[Centre, Path]]:
    """A centre with one enrolled node, and the home of an operator who came in."""
    async with running(folder, add_fleet) as centre:
        home = folder / "home"
        create = ("context", "create", "siti", "--enrolment", centre.enrolment, "--code", "-")
        made = await lkppctl(home, *create, stdin=centre.invitations["siti"])
        assert made.status == 0, made.err
        where = ("--province", "ID-JI", "--zone", "Asia/Jakarta")
        code = await lkppctl(home, "enrol", "create", NODE, *where, "-o", "json")
        assert code.status == 0, code.err
        await enrol(centre.enrolment, code.json["code"], folder / NODE, kind="node")
        yield centre, home


async def asked(home: Path, *arguments: str) -> Any:
    """What the command printed as JSON."""
    told = await lkppctl(home, *arguments, "-o", "json")
    assert told.status == 0, told.err
    return told.json


async def test_a_person_opens_the_gate_of_a_restored_centre(tmp_path: Path) -> None:
    """The gate is shown; only the size that the person saw, and an explicit yes, open it."""
    async with fleet(tmp_path) as (centre, home):
        shown = await asked(home, "recon", "national")
        assert shown["gate"] == "WAITING" and shown["head"]["size"] > 0
        word = ("recon", "assert", "--reason", "all nodes were asked")
        size = str(centre.journal.head.size)
        unasked = await lkppctl(home, *word, "--expect-size", size)
        assert unasked.status == 8 and "FED-8013" in unasked.err
        moved = await lkppctl(home, *word, "--expect-size", "0", "--yes")
        assert moved.status == 4 and "FED-2223" in moved.err
        assert (await asked(home, "recon", "national"))["gate"] == "WAITING"
        opened = await asked(home, *word, "--expect-size", size, "--yes")
        assert opened["gate"] == "OPEN"
        human = await lkppctl(home, "recon", "national", lang="id_ID")
        assert "Jurnal nasional" in human.out and "Pusat boleh menambah" in human.out


async def test_parked_entries_are_listed_and_tried_again(tmp_path: Path) -> None:
    """Invariant 10: what was set aside is listed with its reason; what stays so is exit code 7."""
    async with fleet(tmp_path) as (centre, home):
        assert await asked(home, "recon", "parked") == []
        aside = Parked(NODE, b"e" * 16, 4, "hold.started", "not applicable", False, WHEN)
        store = LedgerStore(centre.database)
        await centre.database.write(lambda tx: store.park_in(tx, aside))
        (row,) = await asked(home, "recon", "parked", "--node", NODE)
        assert (row["index"], row["kind"], row["reason"]) == (4, "hold.started", "not applicable")
        assert await asked(home, "recon", "parked", "--node", "lpse-ngawi") == []
        again = await lkppctl(home, "recon", "replay-parked", "--node", NODE, "-o", "json")
        assert again.status == 7
        assert again.json == {"applied_entries": 0, "parked_entries": 1}
        await centre.database.write(lambda tx: store.unpark_in(tx, NODE, aside.epoch, 4))
        assert (await lkppctl(home, "recon", "replay-parked")).status == 0


async def test_a_suspected_clone_is_released_by_a_person(tmp_path: Path) -> None:
    """Views of a node tell why its entries do not flow; a person who is sure ends it."""
    async with fleet(tmp_path) as (centre, home):
        links = LinkStore(centre.database)
        relation = wire.HEAD_RELATION_CLONE_SUSPECT
        row = QuarantineRow(NODE, relation, "FED-2213", "two machines", WHEN)
        await links.quarantine_begins(row, None)
        fork = "FED-2213 The node's journal and the centre's copy fork"
        for language, said in (("en_GB", fork), ("id_ID", "FED-2213 Jurnal simpul dan salinan")):
            listed = await lkppctl(home, "node", "list", lang=language)
            assert said in listed.err and "two machines" not in listed.err
            assert max(map(len, listed.out.splitlines())) <= 80, "it fits a terminal"
            assert said in (await lkppctl(home, "node", "get", NODE, lang=language)).out
        release = ("node", "release", NODE, "--reason", "the old machine was switched off")
        unasked = await lkppctl(home, *release)
        assert unasked.status == 8 and await links.quarantine(NODE) is not None
        shut = await lkppctl(home, *release, "--yes")
        assert shut.status == 6 and "FED-2220" in shut.err, "who and why could not be journalled"
        size = str(centre.journal.head.size)
        word = ("--expect-size", size, "--reason", "a new centre", "--yes")
        await asked(home, "recon", "assert", *word)
        done = await asked(home, *release, "--yes")
        written = await centre.journal.entries(0, centre.journal.head.size)
        assert [row.kind for row in written[-2:]] == ["national.asserted", "quarantine.released"]
        assert done["quarantine"] is None and await links.quarantine(NODE) is None
        again = await lkppctl(home, *release, "--yes")
        assert again.status == 3 and "FED-2224" in again.err


async def test_runs_are_listed_and_told_as_a_story(tmp_path: Path) -> None:
    """A list can be narrowed by its trigger; one run is told in words, or printed as its record."""
    async with fleet(tmp_path) as (centre, home):
        store = ReconciliationStore(centre.database)
        for number, trigger in enumerate(("RECONNECT", "RESTORE"), start=1):
            record = records.ReconciliationRecorded(
                begin_time=timestamp(NOW),
                legal_time=timestamp(NOW),
                run=f"recon/{NODE}/{number}",
                trigger=records.ReconciliationTrigger.Value(f"RECONCILIATION_TRIGGER_{trigger}"),
                heads_equal=True,
                link_down_seconds=80 * 3_600,
            )
            source = Source(NODE, b"e" * 16, number, NOW, bytes(16))
            await centre.database.write(partial(store.apply_in, source=source, record=record))
        every = await asked(home, "recon", "list")
        assert [one["name"] for one in every] == [f"recon/{NODE}/2", f"recon/{NODE}/1"]
        restored = await asked(home, "recon", "list", "--trigger", "RESTORE")
        assert [one["record"]["trigger"] for one in restored] == ["RESTORE"]
        table = await lkppctl(home, "recon", "list", lang="id_ID")
        assert f"recon/{NODE}/1" in table.out and "3 hari 8 jam (80 jam)" in table.out
        one = await asked(home, "recon", "get", f"recon/{NODE}/1")
        assert one["record"]["heads_equal"] is True
        story = await lkppctl(home, "recon", "get", f"recon/{NODE}/1")
        assert story.status == 0 and "Nothing differed" in story.out
