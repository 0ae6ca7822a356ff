"""One file being received, as the disk sees it.

Owns the bytes of a part: where the next one goes, how many are fsynced, and whether the whole is
what was announced. Everything here blocks and runs in a thread under the part's lock. Rule:
`durable_size` counts fsynced bytes only. Leaves out locks, fences and names (`blobs`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from lpse.federation.errors import Conflict, NotFound, Refused, Unavailable
from lpse.federation.limits import BLOB_CHUNK_BYTES_MAX, BLOB_FSYNC_BYTES, BLOB_PARTS_OPEN_MAX
from lpse.runtime.sqlite.errors import StorageFull
from lpse.storage import blob_files as files


class BlobUnknown(NotFound):
    """There is no blob with this digest here."""

    def __init__(self) -> None:
        super().__init__("FED-1201", "these bytes are not stored here")


class BlobMismatch(Refused):
    """What arrived is not what was announced; the part was emptied and may be sent again."""

    may_retry = True

    def __init__(self) -> None:
        super().__init__(
            "FED-1202",
            "the received bytes do not have the announced digest or size",
            remedy="send the file again from its beginning",
        )


class BlobFenced(Conflict):
    """A newer writer took this part over; the older one must stop."""

    def __init__(self) -> None:
        super().__init__("FED-1203", "a newer transfer took this one over")


class TooManyParts(Unavailable):
    """As many files as allowed are being received already."""

    def __init__(self) -> None:
        super().__init__("FED-1204", f"{BLOB_PARTS_OPEN_MAX} files are being received already")


class BlobOffset(Conflict):
    """A chunk does not begin where the part ends; `expected` says where to go on."""

    def __init__(self, expected: int) -> None:
        super().__init__("FED-1205", f"the next byte expected is {expected}")
        self.expected = expected


class BlobRefused(Refused):
    """A size, id or digest that no blob can have."""

    def __init__(self, detail: str) -> None:
        super().__init__("FED-1206", f"the file cannot be stored: {detail}")


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """Bytes that were re-read from the disk under this digest."""

    digest: bytes
    size: int


@dataclass(frozen=True, slots=True)
class PartMark:
    """A place in a part to which it can be taken back."""

    size: int
    stream: Any  # a sha256 of hashlib, None where the part was resumed


class PartFile:
    """The open file of a part."""

    def __init__(self, path: Path, announced_size: int) -> None:
        self.path = path
        self.announced_size = announced_size
        self.written_size = 0
        self.durable_size = 0
        self._descriptor = -1
        self._stream = sha256()
        self._stream_whole = True  # false when resumed: the re-read alone tells the digest then

    def open(self, keep_bytes: int) -> None:
        """Take the file up where `keep_bytes` vouches for it; a shorter file starts again."""
        self._descriptor = files.open_part(self.path, keep_bytes)
        self.written_size = self.durable_size = os.fstat(self._descriptor).st_size
        self._stream_whole = self.written_size == 0

    def append(self, data: bytes, offset: int) -> int:
        """Write a chunk at the end; returns how many bytes are durable by now."""
        if offset != self.written_size:
            raise BlobOffset(self.written_size)
        if len(data) > BLOB_CHUNK_BYTES_MAX or offset + len(data) > self.announced_size:
            raise BlobRefused("a chunk is too large or goes beyond the announced size")
        return self._write(data, offset)

    def extend(self, pieces: Sequence[bytes]) -> int:
        """Write pieces at the end in one go; returns how many bytes are durable by now."""
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if self.written_size + len(data) > self.announced_size:
            raise BlobRefused("a chunk goes beyond the announced size")
        return self._write(data, self.written_size)

    def _write(self, data: bytes, offset: int) -> int:
        try:
            files.write_all(self._descriptor, data, offset)
        except StorageFull:
            files.cut(self._descriptor, self.written_size)  # what came in part is not there
            raise
        if self._stream_whole:
            self._stream.update(data)
        self.written_size += len(data)
        if len(data) >= BLOB_CHUNK_BYTES_MAX:
            files.begin_writing_back(self._descriptor, offset, len(data))
        if self.written_size - self.durable_size >= BLOB_FSYNC_BYTES:
            self.sync()
        return self.durable_size

    def sync(self) -> int:
        """Fsync what is written; returns the durable size."""
        if self.durable_size != self.written_size:
            files.sync_file(self._descriptor)
            self.durable_size = self.written_size
        return self.durable_size

    def mark(self) -> PartMark:
        """The present end, with the digest of the bytes before it."""
        return PartMark(self.written_size, self._stream.copy() if self._stream_whole else None)

    def rewind(self, mark: PartMark) -> None:
        """Cut off what came after a mark; the cut needs no fsync, as no row knows those bytes."""
        assert mark.size <= self.written_size
        files.cut(self._descriptor, mark.size)
        self.written_size = mark.size
        self.durable_size = min(self.durable_size, mark.size)
        self._stream_whole = mark.stream is not None
        if mark.stream is not None:
            self._stream = mark.stream.copy()

    def check(self, digest: bytes | None, size: int) -> StoredBlob:
        """Fsync and re-read; empty the part if it is not what was announced."""
        self.sync()
        found, found_size = files.digest_of_file(self._descriptor)
        expected = digest or (self._stream.digest() if self._stream_whole else found)
        if found != expected or found_size != size:
            files.cut(self._descriptor, 0)
            self.written_size = self.durable_size = 0
            self._stream, self._stream_whole = sha256(), True
            raise BlobMismatch
        return StoredBlob(found, found_size)

    def shut(self) -> None:
        """Close the file; repeating it is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
