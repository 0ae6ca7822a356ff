"""Short storms of every kind of fault, each with the whole proof at its end.

The long run is `dev.py faults`; here a bounded number of rounds from fixed seeds, with vendors on
both doors. Where this process may not mount a file system, power cuts are skipped loudly.
"""

from __future__ import annotations

import os
import random
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults import blows
from tests.faults.blows import Blow
from tests.faults.campaign import Order, campaign
from tests.faults.disks import Disk, DisksImpossible, impossible
from tests.faults.scene import Wishes
from tests.faults.world import Founding

pytestmark = pytest.mark.timeout(300)  # ends only a storm that has failed already


async def test_kills_under_both_doors_lose_nothing(founding: Founding) -> None:
    """Invariants 1 to 4: kill -9 of node, centre and both loses and doubles nothing."""
    await _storm(founding, 31, 3, blows.KILLS, Wishes(disks=False))


async def test_misdelivered_frames_are_applied_once(founding: Founding) -> None:
    """Invariants 2, 3 and 5: frames twice, out of order or never lose, double and fork nothing."""
    await _storm(founding, 32, 2, blows.MESSAGES, Wishes(disks=False, messenger=True))


@pytest.mark.parametrize("journal", [True, False], ids=["journal", "no journal"])
async def test_power_cuts_lose_nothing_promised(founding: Founding, journal: bool) -> None:
    """Invariant 1: whatever was acknowledged had reached the device, folders' names too."""
    _need_disks()
    cuts = (blows.power_both,) if journal else (blows.power_node,)
    await _storm(founding, 33, 2 if journal else 1, cuts, Wishes(journal=journal))


async def test_failing_disk_under_load_loses_nothing(founding: Founding) -> None:
    """Invariant 1: a failed fsync or commit ends the node, and acknowledged nothing."""
    await _storm(founding, 34, 2, blows.ERRORS, Wishes(disks=False, erring=True))


@pytest.mark.parametrize("journal", [True, False], ids=["journal", "no journal"])
def test_power_cut_really_loses_what_was_not_synced(tmp_path: Path, journal: bool) -> None:
    """The fault is real: without fsync of file and folder nothing would be kept."""
    _need_disks()
    disk = Disk(tmp_path, "control", journal=journal)
    try:
        _write(disk.place / "synced", sync=True)
        _write(disk.place / "unsynced", sync=False)
        _write(disk.place / "before", sync=True)
        folder = os.open(disk.place, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        (disk.place / "before").rename(disk.place / "renamed")
        disk.copy_at_once()
        disk.come_back()
        kept = {one.name: one.stat().st_size for one in disk.place.iterdir() if one.is_file()}
    finally:
        disk.unmount()
    assert kept["synced"] == 5_000
    assert kept.get("unsynced", 0) == 0
    assert "renamed" not in kept


async def _storm(
    founding: Founding, seed: int, rounds: int, kinds: Sequence[Blow], wishes: Wishes
) -> None:
    outcome = await campaign(founding, Order(seed, rounds, kinds, wishes))
    assert outcome.ok, outcome.trouble or outcome.findings
    assert outcome.blows.total() == rounds
    assert outcome.receipts and outcome.files, "nobody uploaded: the storm proved nothing"


def _need_disks() -> None:
    why = impossible()
    try:
        if not why:
            _probe()
    except DisksImpossible as error:
        why = str(error)
    if why:
        text = f"POWER CUTS NOT TESTED: {why}"
        warnings.warn(text, stacklevel=2)
        pytest.skip(text)


def _probe() -> None:
    """Whether mounting works, not only its tools are here."""
    with tempfile.TemporaryDirectory() as folder:
        Disk(Path(folder), "probe", size=16 << 20).unmount()


def _write(path: Path, *, sync: bool) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, random.Random(1).randbytes(5_000))
    if sync:
        os.fsync(descriptor)
    os.close(descriptor)
