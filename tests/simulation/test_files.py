"""A machine's folder under a power cut: what `blob_files` promised is there, and no more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lpse.runtime.sqlite import StorageFailed, StorageFull
from lpse.storage import blob_files
from tests.simulation.disk import Fault, nobody
from tests.simulation.files import CountryDisk, Folder


@contextmanager
def folder(root: Path) -> Iterator[Folder]:
    """One machine's folder, behind the door of the blob store."""
    before, disk = blob_files.disk, CountryDisk(root)
    made = Folder(root / "m", nobody)
    disk.add(made)
    blob_files.disk = disk
    try:
        yield made
    finally:
        blob_files.disk = before


def write(path: Path, data: bytes, *, sync: bool) -> None:
    """As a part of a blob is written."""
    descriptor = blob_files.open_part(path, 0)
    try:
        blob_files.write_all(descriptor, data, 0)
        if sync:
            blob_files.sync_file(descriptor)
    finally:
        os.close(descriptor)


def test_a_cut_takes_back_what_was_not_fsynced(tmp_path: Path) -> None:
    """Bytes go back to the last fsync of their file, names to the last fsync of their folder."""
    with folder(tmp_path) as made:
        kept, lost = made.path / "kept", made.path / "lost"
        write(kept, b"kept", sync=True)
        write(lost, b"lost", sync=False)
        blob_files.move_into_place([(kept, made.path / "placed")])
        blob_files.disk.rename(made.path / "placed", made.path / "unplaced")
        made.cut()
        assert (made.path / "placed").read_bytes() == b"kept"
        assert not (made.path / "unplaced").exists()
        assert lost.read_bytes() == b""


def test_a_removed_name_comes_back_until_the_folder_is_synced(tmp_path: Path) -> None:
    """A deletion that nobody fsynced is undone by a cut."""
    with folder(tmp_path) as made:
        write(made.path / "one", b"1", sync=True)
        write(made.path / "two", b"2", sync=True)
        blob_files.remove([made.path / "one"])
        blob_files.disk.unlink(made.path / "two")
        made.cut()
        assert [path.name for path in made.path.iterdir()] == ["two"]


def test_faults_are_met_as_production_meets_them(tmp_path: Path) -> None:
    """EIO, no room, and a crash inside the call; other machines' folders are not concerned."""
    with folder(tmp_path) as made:
        crashed = list[bool]()
        made.on_crash = lambda: crashed.append(True)
        made.faults += [Fault("sync", "EIO"), Fault("write", "CRASH")]
        with pytest.raises(StorageFailed):
            write(made.path / "a", b"a", sync=True)
        with pytest.raises(StorageFailed):
            write(made.path / "c", b"c", sync=True)
        assert crashed
        made.faults.clear()
        made.free = 0
        with pytest.raises(StorageFull):
            write(made.path / "d", b"d", sync=True)
        assert blob_files.free_bytes(made.path) == 0
