"""A disk of a party's own that loses its power: an ext4 image, mounted over a loop device.

Owns making, filling, cutting and unmounting. A power cut is a copy of the image as the device has
it while the file system is mounted and nothing was synced for it: whatever the kernel still held
in memory is not in the copy. Rules: the copy counts only if the device wrote nothing meanwhile, so
it is one moment; it is repaired as a machine does at its start (journal replay, or fsck where the
file system has none). Without a journal every folder that was not fsynced loses its new names,
which is the stricter judge. Leaves out the processes (`world`) and the proof (`checker`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

DISK_BYTES = 512 * 1024 * 1024
STILL_SECONDS = 60.0
PIECE_BYTES = 1 << 20


class DisksImpossible(Exception):
    """This process may not make or mount file systems; the text says which step failed."""


class Disk:
    """One mounted image; `cut` makes it come back as after a loss of power."""

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        size: int = DISK_BYTES,
        journal: bool = True,
        commit_seconds: int = 300,
    ) -> None:
        """By default ages pass between the kernel's own writes: what nobody synced is lost."""
        self.place = folder / f"{name}-disk"
        self._image = folder / f"{name}.img"
        self._journal = journal
        self._commit_seconds = commit_seconds
        self._loop = ""
        self.place.mkdir()
        with self._image.open("wb") as file:
            file.truncate(size)
        features = () if journal else ("-O", "^has_journal")
        _run("mkfs.ext4", "-q", "-m", "0", *features, str(self._image))
        self._mount()

    def take(self, source: Path) -> Path:
        """Copy a folder onto the disk, durably; where it lies now."""
        target = self.place / "data"
        shutil.copytree(source, target)
        os.sync()
        return target

    def copy_at_once(self) -> None:
        """The image as the device has it at this moment; its writers must stand still."""
        give_up = time.monotonic() + STILL_SECONDS
        while True:
            before = self._written()
            _copy_sparse(self._image, self._next)
            if self._written() == before and before[-1] == 0:
                return
            assert time.monotonic() < give_up, "the device never stood still"

    def come_back(self) -> None:
        """Go on with the copy: what was not on the device is gone."""
        self.unmount()
        self._next.replace(self._image)
        if not self._journal:
            ran = subprocess.run(
                ["e2fsck", "-fy", str(self._image)], capture_output=True, text=True, check=False
            )
            assert ran.returncode in (0, 1), ran.stdout
        self._mount()

    def unmount(self) -> None:
        """Let go of the device; harmless when it was done before."""
        if not self._loop:
            return
        if subprocess.run(["umount", str(self.place)], capture_output=True, check=False).returncode:
            _run("umount", "--lazy", str(self.place))
        subprocess.run(["losetup", "-d", self._loop], capture_output=True, check=False)
        self._loop = ""

    @property
    def _next(self) -> Path:
        return self._image.with_suffix(".next")

    def _mount(self) -> None:
        self._loop = _run("losetup", "--find", "--show", str(self._image)).strip()
        options = ("-o", f"commit={self._commit_seconds}") if self._journal else ()
        _run("mount", *options, self._loop, str(self.place))

    def _written(self) -> tuple[int, int, int]:
        """Writes, sectors written, and requests under way of the device."""
        fields = Path(f"/sys/block/{Path(self._loop).name}/stat").read_text("ascii").split()
        return int(fields[4]), int(fields[6]), int(fields[8])


def fill(filler: Path, *, leave: int) -> None:
    """Take all room but `leave` bytes; the last blocks too where nothing is to be left."""
    free = shutil.disk_usage(filler.parent).free
    with filler.open("ab") as file:
        if free > leave:
            with suppress(OSError):  # others write meanwhile
                os.posix_fallocate(file.fileno(), file.tell(), max(free - leave - 65_536, 1))
        if leave:
            return
        file.seek(0, os.SEEK_END)
        try:
            while True:
                os.write(file.fileno(), bytes(4_096))
        except OSError:
            return


def impossible() -> str:
    """Why no disks can be made here; empty where they can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    for tool in ("mkfs.ext4", "mount", "umount", "losetup", "e2fsck"):
        if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            return f"{tool} is missing"
    ran = subprocess.run(["losetup", "--find"], capture_output=True, text=True, check=False)
    return ran.stderr.strip() if ran.returncode else ""


def _run(*command: str) -> str:
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise DisksImpossible(f"{command[0]} is missing") from error
    if ran.returncode:
        raise DisksImpossible(f"{command[0]}: {ran.stderr.strip()}")
    return ran.stdout


def _copy_sparse(source: Path, target: Path) -> None:
    """Copy what was ever written, leave holes as they are."""
    with source.open("rb") as reader, target.open("wb") as writer:
        size = os.fstat(reader.fileno()).st_size
        writer.truncate(size)
        start = 0
        while True:
            try:
                start = os.lseek(reader.fileno(), start, os.SEEK_DATA)
            except OSError:
                return
            end = os.lseek(reader.fileno(), start, os.SEEK_HOLE)
            while start < end:
                start += os.copy_file_range(
                    reader.fileno(),
                    writer.fileno(),
                    min(PIECE_BYTES * 16, end - start),
                    start,
                    start,
                )
