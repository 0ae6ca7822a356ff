"""Damaged copies on either side of a real node and a real centre, and what becomes of them.

Both daemons run their scrub all the time here; what is compared is read from the disks.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from lpse.federation.v1 import records_pb2 as records
from tests.faults.checker import centre_at, check_centre, check_node, node_at
from tests.faults.conftest import Copy
from tests.faults.vendors import Submission, Vendors
from tests.faults.world import Centre, Node, call

WAIT_SECONDS = 60.0
PASS_DAYS = "0.00001"
C = records.Classification


async def test_damaged_copies_are_healed_from_the_other_side(copy: Copy) -> None:
    """Invariants 2, 9 and 10: good bytes come back on both sides, each decision is on record."""
    centre, nodes = copy(0)
    node = nodes["lpse-pacitan"]
    vendors, whole = await _handed_over(centre, node, 6)
    flipped, truncated, missing, gone, lost = [one.digests[0] for one in whole[:5]]
    _flip(_path(node.data, flipped))
    _truncate(_path(node.data, truncated))
    _path(node.data, missing).unlink()
    _flip(_path(centre.data, gone))
    _path(centre.data, lost).unlink()

    await _until(lambda: _runs(node) >= 5)
    await _until(lambda: _reached(centre) >= 5)
    await _until(lambda: _open(centre, "central.db") == 0)
    told = call("lpse-node", "recon", "list", "--trigger", "SCRUB", environment=node.environment)
    assert _outcomes(told) == {
        f"blob {flipped.hex()}": ("CORRUPT", "fetched from the centre"),
        f"blob {truncated.hex()}": ("CORRUPT", "fetched from the centre"),
        f"blob {missing.hex()}": ("MISSING_AT_NODE", "fetched from the centre"),
        f"blob {gone.hex()}": ("CORRUPT", "sent again"),
        f"blob {lost.hex()}": ("MISSING_AT_CENTRE", "sent again"),
    }
    assert len(list((node.data / "blobs" / "aside").glob("*.damaged*"))) == 2
    assert len(list((centre.data / "blobs" / "aside").glob("*.damaged*"))) == 1
    await node.kill()
    await centre.kill()
    party = node_at(node.name, node.data)
    check_node(party, vendors.given)
    check_centre(centre_at(centre.data), party, vendors.given)


async def test_without_a_good_copy_a_person_is_called_and_nothing_else_stops(copy: Copy) -> None:
    """Invariant 10: no good bytes anywhere is told by doctor and log, and uploads go on."""
    centre, nodes = copy(0)
    node = nodes["lpse-pacitan"]
    vendors, (lost, kept) = await _handed_over(centre, node, 2)
    _flip(_path(centre.data, lost.digests[0]))
    _flip(_path(node.data, lost.digests[0]))
    await _until(lambda: "PERSON" in _states(node))
    (finding,) = [
        one
        for one in call("lpse-node", "doctor", environment=node.environment, expect=1)
        if one["check"] == "stored files"
    ]
    assert finding["state"] == "x"
    assert "no good copy" in finding["found"]
    assert await vendors.try_once(node.socket, kept)
    (after,) = vendors.plan(1, prefix="after")
    assert await vendors.try_once(node.socket, after), vendors.refused

    # The person finds the file in a backup: the open entry closes by itself.
    good = _path(node.data, lost.digests[0])
    good.parent.mkdir(exist_ok=True)
    good.write_bytes(lost.contents[0])
    assert node.process is not None
    await node.kill()
    with closing(sqlite3.connect(node.data / "node.db")) as database, database:
        database.execute("UPDATE scrub_findings SET next_attempt = 0")
    await node.start()
    await _until(lambda: _states(node) <= {"HEALED"})


async def test_restored_older_database_keeps_the_newer_files(copy: Copy) -> None:
    """Invariant 2: blobs of a newer database survive the start of an older one, and come back."""
    _, nodes = copy(0)
    node = nodes["lpse-pacitan"]
    vendors = Vendors(random.Random(8))
    older, newer = vendors.plan(2, bytes_max=30_000)
    await node.start()
    assert await vendors.try_once(node.socket, older), vendors.refused
    assert await node.stop() == 0
    saved = {path: path.read_bytes() for path in node.data.glob("node.db*") if path.is_file()}
    await node.start()
    assert await vendors.try_once(node.socket, newer), vendors.refused
    await node.kill()
    fresh = {path: path.read_bytes() for path in node.data.glob("node.db*") if path.is_file()}
    _put_back(node, saved)
    await node.start()
    await node.kill()
    aside = {path.name for path in (node.data / "blobs" / "aside").iterdir()}
    assert aside == {f"{digest.hex()}.unvouched" for digest in newer.digests}
    _put_back(node, fresh)
    await node.start()
    await node.kill()
    check_node(node_at(node.name, node.data), vendors.given)


async def test_database_without_its_files_gets_them_back_at_the_start(copy: Copy) -> None:
    """Invariant 1: files lost behind a whole database are noticed at once, and healed."""
    centre, nodes = copy(0)
    node = nodes["lpse-pacitan"]
    vendors, _ = await _handed_over(centre, node, 3, scrubbing=False)
    await node.kill()
    shutil.rmtree(node.data / "blobs")
    await node.start()
    await _until(lambda: _open(node, "node.db") == 0 and _runs(node) >= 3)
    await node.kill()
    check_node(node_at(node.name, node.data), vendors.given)


# --- helpers ---


async def _handed_over(
    centre: Centre, node: Node, count: int, *, scrubbing: bool = True
) -> tuple[Vendors, list[Submission]]:
    """Submissions of one file each, on both sides; scrubs never rest where they are wanted."""
    for name, party in (("LKPP_CENTRAL", centre), ("LPSE_NODE", node)) if scrubbing else ():
        party.environment[f"{name}__SCRUB__EVERY_DAYS"] = PASS_DAYS
        party.environment[f"{name}__SCRUB__MEGABYTES_PER_SECOND"] = "1000"
    vendors = Vendors(random.Random(7))
    plan = [
        Submission(one.key, one.package, (vendors.chance.randbytes(9_000 + number * 50_000),))
        for number, one in enumerate(vendors.plan(count))
    ]
    await centre.start()
    await node.start()
    await vendors.hand_in(node.socket, plan)
    await _until(lambda: all(_path(centre.data, one.digests[0]).exists() for one in plan))
    await _until(lambda: _waiting(node) == 0)
    return vendors, plan


async def _until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + WAIT_SECONDS
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < give_up, "it did not come"
        await asyncio.sleep(0.1)


def _path(data: Path, digest: bytes) -> Path:
    return data / "blobs" / "sha256" / digest.hex()[:2] / digest.hex()


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _put_back(node: Node, files: dict[Path, bytes]) -> None:
    for path in node.data.glob("node.db*"):
        path.unlink()
    for path, data in files.items():
        path.write_bytes(data)


def _query(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return database.execute(sql).fetchall()


def _runs(node: Node) -> int:
    sql = f"SELECT count(*) FROM recon_runs WHERE trigger = {records.RECONCILIATION_TRIGGER_SCRUB}"
    return int(_query(node.data / "node.db", sql)[0][0])


def _reached(centre: Centre) -> int:
    scrub = records.RECONCILIATION_TRIGGER_SCRUB
    sql = f"SELECT count(*) FROM reconciliations WHERE trigger = {scrub}"
    return int(_query(centre.data / "central.db", sql)[0][0])


def _open(party: Centre | Node, name: str) -> int:
    sql = "SELECT count(*) FROM scrub_findings WHERE state <> 'HEALED'"
    return int(_query(party.data / name, sql)[0][0])


def _states(node: Node) -> set[str]:
    return {state for (state,) in _query(node.data / "node.db", "SELECT state FROM scrub_findings")}


def _waiting(node: Node) -> int:
    sql = "SELECT count(*) FROM transfer_blobs WHERE state <> 'VERIFIED'"
    return int(_query(node.data / "node.db", sql)[0][0])


def _outcomes(told: list[Any]) -> dict[str, tuple[str, str]]:
    return {
        entry["object"]: (entry["classification"], entry["outcome"].partition(",")[0])
        for run in told
        for entry in run["record"]["entries"]
    }
