"""A node with a valid certificate and its own key harms nobody but itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from central.ledger.ports import Source
from central.link.doors import Doors
from central.outages.outlook import PackagesOutlook
from central.outages.packages_store import PackagesProjection
from central.reconciliation.entries_store import resolve_in
from central.reconciliation.store import ReconciliationStore
from central.uploads.store import UploadsStore
from lpse.federation.entries import timestamp
from lpse.federation.errors import FederationError
from lpse.federation.limits import BLOB_BYTES_MAX, LINK_HELLOS_PER_NODE_MAX
from lpse.federation.reconciliation_rules import entry, evidence
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database
from tests.federation.rig import CENTRE_MIGRATIONS, CLOCK, ENTROPY, Authority, Centre, eventually
from tests.federation.test_link_protocol import Speaker

NODE = "lpse-pacitan"
SPY = "lpse-compromised"
FAR = 10**12  # seconds since 1970 that no calendar has


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    centre = Centre(Authority(tmp_path / "identities"), tmp_path / "centre")
    await centre.start()
    yield centre
    await centre.stop()


async def test_silent_streams_of_one_node_leave_room_for_the_hellos_of_others(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: a node that opens streams and says nothing does not cut off the fleet."""
    places = 2 * LINK_HELLOS_PER_NODE_MAX
    centre.service.doors = Doors(CLOCK, ENTROPY, places)
    arrived: list[object] = []
    admit = centre.service._admit

    async def counted(node_id: str, stream: Any) -> Any:
        arrived.append(node_id)
        return await admit(node_id, stream)

    monkeypatch.setattr(centre.service, "_admit", counted)
    speakers = [Speaker(centre, SPY) for _ in range(places)]
    try:
        await eventually(lambda: len(arrived) == places)
        sound = Speaker(centre, NODE)
        speakers.append(sound)
        await sound.welcomed()
    finally:
        for one in speakers:
            one.stream._call.cancel()
            await one.stream._channel.close()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "central.db", CENTRE_MIGRATIONS)
    yield database
    await database.close()


def _source(node_id: str, index: int = 1) -> Source:
    return Source(node_id, bytes(16), index, CLOCK.now(), bytes(16))


def _run(name: str) -> records.ReconciliationRecorded:
    now = timestamp(CLOCK.now())
    return records.ReconciliationRecorded(run=name, begin_time=now, legal_time=now)


async def test_a_node_cannot_record_a_run_under_the_name_of_another(database: Database) -> None:
    """What an auditor reads of a run was written by the node that the run names."""
    store = ReconciliationStore(database)
    name = f"recon/{NODE}/1"
    await database.write(lambda tx: store.apply_in(tx, _source(NODE), _run(name)))
    with pytest.raises(FederationError):
        await database.write(lambda tx: store.apply_in(tx, _source(SPY), _run(name)))
    found = await store.get(name)
    assert found is not None and found.node_id == NODE


@pytest.mark.parametrize("field", ["wait_seconds", "link_down_seconds", "legal_time"])
async def test_figures_that_cannot_be_printed_park_their_own_run(
    database: Database, field: str
) -> None:
    """One node's nonsense does not make the list of runs unreadable for everybody."""
    store = ReconciliationStore(database)
    record = _run(f"recon/{SPY}/1")
    if field == "legal_time":
        record.legal_time.seconds = FAR
    else:
        setattr(record, field, float("nan"))
    with pytest.raises(FederationError):
        await database.write(lambda tx: store.apply_in(tx, _source(SPY), record))
    assert await store.page(before=1 << 62, limit=10) == []


async def test_an_impossible_schedule_of_one_node_does_not_stop_the_planning_of_rollouts(
    database: Database,
) -> None:
    """A time outside of the calendar parks its entry; the outlook goes on for the fleet."""
    packages, end = PackagesProjection(), CLOCK.now() + timedelta(days=1)
    sound = records.PackageScheduled(package="1", revision=1)
    sound.stages.add(stage="s", start_time=timestamp(CLOCK.now()), end_time=timestamp(end))
    spoilt = records.PackageScheduled(package="2", revision=1)
    spoilt.stages.add(stage="s").end_time.seconds = FAR
    await database.write(lambda tx: packages.apply_in(tx, _source(NODE), sound))
    with pytest.raises(FederationError):
        await database.write(lambda tx: packages.apply_in(tx, _source(SPY), spoilt))
    outlook = await PackagesOutlook(database, packages).next_ends([NODE, SPY], CLOCK.now())
    assert list(outlook) == [NODE]


@pytest.mark.parametrize("blob", [(bytes(32), BLOB_BYTES_MAX + 1), (bytes(31), 1)])
async def test_a_blob_that_cannot_exist_is_not_announced(
    database: Database, blob: tuple[bytes, int]
) -> None:
    """Neither sums nor the room of the disk follow a figure that a node made up."""
    store, (digest, size) = UploadsStore(database), blob
    record = records.UploadAccepted(
        blobs=[records.SealedBlob(digest=digest, size_bytes=size)], commitment=bytes(32)
    )
    with pytest.raises(FederationError):
        await database.write(lambda tx: store.apply_in(tx, _source(SPY), record))
    assert await store.announced_size(SPY, digest) is None


async def test_a_node_cannot_record_a_run_about_another(database: Database) -> None:
    """Neither the log nor an export says of a node what a stranger wrote."""
    store = ReconciliationStore(database)
    record = _run(f"recon/{SPY}/1")
    record.node_id = NODE
    with pytest.raises(FederationError):
        await database.write(lambda tx: store.apply_in(tx, _source(SPY), record))
    assert await store.page(before=1 << 62, limit=10) == []
    record.node_id = SPY
    await database.write(lambda tx: store.apply_in(tx, _source(SPY), record))


def _clone() -> records.ReconciliationEntry:
    sides = evidence(epoch="aa", size=9), evidence(epoch="aa", size=8)
    return entry("R-CLONE-SUSPECT", "regional journal", *sides, "quarantined", 1)


async def test_a_nodes_own_word_closes_no_finding_of_the_centre_about_it(
    database: Database,
) -> None:
    """A clone that came first cannot silence the alarm about itself; two persons can."""
    store = ReconciliationStore(database)

    async def found(name: str, party: str = "") -> None:
        record = _run(name)
        record.entries.append(_clone())
        source = _source(SPY, int(name[-1]))
        await database.write(lambda tx: store.keep_in(tx, source, record, party))

    async def closed_by() -> list[str]:
        rows = await database.read(
            lambda tx: tx.execute("SELECT resolved_by FROM recon_entries ORDER BY id")
        )
        return [str(by) for (by,) in rows]

    # The node's journal has the epoch of the national one, and a run at the same index.
    await found("recon/lkpp/1", "lkpp")
    await found(f"recon/{SPY}/1")
    own = records.ReconciliationResolved(run=f"recon/{SPY}/1", resolution="resolutions/1")
    await database.write(lambda tx: store.apply_in(tx, _source(SPY), own))
    await found("recon/lkpp/2", "lkpp")
    assert await closed_by() == ["", f"{SPY} resolutions/1", ""]
    by = "lkpp resolutions/1"
    record = records.ReconciliationResolved(run="recon/lkpp/1", entry=0)
    await database.write(lambda tx: resolve_in(tx, record, b"", by))
    await database.write(lambda tx: store.apply_in(tx, _source(SPY), own))
    assert await closed_by() == [by, by, by]
