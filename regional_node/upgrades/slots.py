"""Unpacked versions side by side, and the one link that says which of them is current.

Owns `slots/<version>-<digest12>/` and `current`. A slot appears whole or not at all (unpacked
under another name, every file and folder fsynced, then renamed) and is never written again;
switching is the rename of a link, durable before it is reported. Nothing is ever unpacked over
anything: a bundle's bytes are checked against their digest, then its structure, then each file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lpse.federation import limits
from lpse.federation.bundle_archive import BundleReader
from lpse.federation.bundles import MANIFEST_NAME, BundleError, BundleFile, Manifest, parse_manifest
from lpse.federation.errors import NotFound, Unavailable

_SLOT: Final = re.compile(r"[0-9uv.]+-[0-9a-f]{12}")
_UNPACKING: Final = ".unpacking-"
_CHUNK: Final = 1024 * 1024


class NoSpace(Unavailable):
    """The disk has no room for the unpacked bundle; nothing of it was kept."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One unpacked version."""

    name: str
    path: Path
    manifest: Manifest


class SlotStore:
    """The slots of one node; all methods block on the disk, so long ones belong in a thread."""

    def __init__(self, root: Path, reserve_bytes: int) -> None:
        self._root = root
        self._slots = root / "slots"
        self._current = root / "current"
        self._reserve_bytes = reserve_bytes
        self._unpacking = threading.Lock()

    def prepare(self) -> None:
        """Make the folders, and clear away what an interrupted unpacking left."""
        self._slots.mkdir(parents=True, exist_ok=True)
        for left_over in self._slots.glob(f"{_UNPACKING}*"):
            shutil.rmtree(left_over)
        _fsync_folder(self._root)

    def unpack(self, bundle: Path, digest: bytes) -> Slot:
        """The slot of the bundle in `bundle`, unpacked now unless it already stands here whole.

        One at a time: a cancelled fetch cannot cancel the thread that is unpacking.
        """
        with self._unpacking:
            return self._unpack(bundle, digest)

    def open(self, name: str) -> Slot:
        """The slot called `name`; its files are not read (see `verify`)."""
        if not _SLOT.fullmatch(name):
            raise NotFound("FED-6105", "there is no such slot")
        path = self._slots / name
        try:
            return Slot(name, path, parse_manifest((path / MANIFEST_NAME).read_bytes()))
        except FileNotFoundError as error:
            raise NotFound("FED-6105", f"slot {name} is missing or not whole") from error

    def find(self, digest: bytes) -> Slot | None:
        """A slot that came from the bundle with this digest, or None."""
        for path in self._slots.glob(f"*-{digest.hex()[:12]}"):
            if not path.name.startswith("."):
                return self.open(path.name)
        return None

    def verify(self, slot: Slot) -> None:
        """Read every file again and compare: what is started is what was signed."""
        for file in slot.manifest.files:
            path = slot.path / file.path
            whole = path.is_file() and not path.is_symlink()
            if not whole or file_digest(path) != file.sha256:
                raise BundleError("FED-6106", f"a file of slot {slot.name} was changed")

    def current(self) -> Slot | None:
        """The slot that is in use, or None where nothing was installed yet."""
        try:
            target = self._current.readlink()
        except FileNotFoundError:
            return None
        return self.open(target.name)

    def switch(self, slot: Slot) -> None:
        """Make `slot` the current one: atomic, and durable on return."""
        draft = self._root / "current.new"
        draft.unlink(missing_ok=True)
        draft.symlink_to(Path("slots") / slot.name)
        draft.replace(self._current)
        _fsync_folder(self._root)

    def prune(self, keep: Collection[str]) -> None:
        """Remove the oldest slots beyond the limit, never one of `keep`."""
        slots = [path for path in self._slots.iterdir() if not path.name.startswith(".")]
        spare = [path for path in slots if path.name not in keep]
        spare.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in spare[limits.SLOTS_KEPT_MAX :]:
            self._bury(path)

    def _unpack(self, bundle: Path, digest: bytes) -> Slot:
        _check_digest(bundle, digest)
        with bundle.open("rb") as source:
            reader = BundleReader(source)
            name = f"{reader.manifest.version}-{digest.hex()[:12]}"
            standing = self._standing(name)
            if standing is not None:
                return standing
            self._check_space(reader.manifest)
            draft = self._slots / f"{_UNPACKING}{name}"
            shutil.rmtree(draft, ignore_errors=True)
            try:
                _write_all(reader, draft)
            except BaseException as error:
                shutil.rmtree(draft, ignore_errors=True)
                if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise NoSpace("FED-6107", "the disk filled up while unpacking") from error
                raise
        draft.rename(self._slots / name)
        _fsync_folder(self._slots)
        return self.open(name)

    def _standing(self, name: str) -> Slot | None:
        """The slot that stands already; a damaged one makes way unless it is in use."""
        if not (self._slots / name).exists():
            return None
        try:
            slot = self.open(name)
            self.verify(slot)
        except (BundleError, NotFound):
            current = self.current()
            if current is not None and current.name == name:
                raise
            self._bury(self._slots / name)
            return None
        return slot

    def _bury(self, path: Path) -> None:
        """Remove a slot under another name, so that a half-removed one never looks whole."""
        grave = self._slots / f"{_UNPACKING}{path.name}"
        shutil.rmtree(grave, ignore_errors=True)
        path.rename(grave)
        shutil.rmtree(grave)

    def _check_space(self, manifest: Manifest) -> None:
        needed = manifest.unpacked_bytes + self._reserve_bytes
        if shutil.disk_usage(self._slots).free < needed:
            raise NoSpace("FED-6107", f"unpacking needs {needed} bytes of free space")


def _write_all(reader: BundleReader, draft: Path) -> None:
    """Unpack below `draft`; every file and every folder is durable on return."""
    draft.mkdir()
    folders = {draft}
    for file, chunks in reader.files():
        path = draft / file.path
        _make_folders(draft, path.parent, folders)
        _write_file(path, file, chunks)
    manifest = BundleFile(MANIFEST_NAME, len(reader.manifest_bytes), b"", executable=False)
    _write_file(draft / MANIFEST_NAME, manifest, iter([reader.manifest_bytes]))
    for folder in folders:
        _fsync_folder(folder)


def _make_folders(draft: Path, folder: Path, made: set[Path]) -> None:
    if folder in made:
        return
    _make_folders(draft, folder.parent, made)
    folder.mkdir()
    made.add(folder)


def _write_file(path: Path, file: BundleFile, chunks: Iterator[bytes]) -> None:
    """O_EXCL and O_NOFOLLOW: a path that exists in any form is an error, never a target."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    mode = 0o755 if file.executable else 0o644
    with os.fdopen(os.open(path, flags, mode), "wb") as target:
        for chunk in chunks:
            target.write(chunk)
        target.flush()
        os.fchmod(target.fileno(), mode)
        os.fsync(target.fileno())


def _check_digest(bundle: Path, digest: bytes) -> None:
    if bundle.stat().st_size > limits.BUNDLE_BYTES_MAX:
        raise BundleError("FED-6001", f"the bundle is larger than {limits.BUNDLE_BYTES_MAX} bytes")
    if file_digest(bundle) != digest:
        raise BundleError("FED-6003", "the bytes of the bundle differ from the release's digest")


def file_digest(path: Path) -> bytes:
    """SHA-256 of the file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
