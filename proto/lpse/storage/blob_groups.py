"""Many small blobs stored by one call, in rounds that share what a disk does anyway.

Owns the rounds: write all, fsync and re-read all, rename all, fsync their folders; each by a few
threads, so that one commit of the file system serves many files. Parts that get their names later
stop before the renames, with one fsync of their common folder. Rules: a blob gets its name after
its bytes were fsynced and re-read from the disk, and is there after its folder was fsynced
(Invariant 1). Leaves out room, names and failures of the disk (`blobs`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Protocol, TypeVar

from lpse.federation.limits import BLOB_GROUP_THREADS
from lpse.runtime.sqlite.errors import StorageFailed
from lpse.storage import blob_files as files

T = TypeVar("T")


class Run(Protocol):
    """How blocking work gets into a thread."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


@dataclass(frozen=True, slots=True)
class Small:
    """A blob to be stored by way of its path; `digest` of the bytes in memory, empty: not known."""

    path: Path
    data: bytes
    digest: bytes


async def put_parts(run: Run, group: Sequence[Small]) -> list[bytes]:
    """Whole parts, durable under their own names; the digests. Nothing stays after an error."""
    try:
        if len(group) == 1:
            return [await run(partial(_put_part, group[0]))]
        return await _Group(run, group, None).put() if group else []
    except BaseException:
        with suppress(StorageFailed):  # a full disk must not stay full of us
            await run(lambda: files.remove([small.path for small in group]))
        raise


async def put_group(
    run: Run, group: Sequence[Small], path_of: Callable[[bytes], Path]
) -> list[bytes]:
    """Store a group; the digests in order. Nothing of it stays after an error."""
    try:
        if len(group) == 1:
            return [await run(partial(_put_one, group[0], path_of))]
        return await _Group(run, group, path_of).put() if group else []
    except BaseException:
        with suppress(StorageFailed):  # a full disk must not stay full of us
            await run(lambda: files.remove([small.path for small in group]))
        raise


def _put_part(small: Small) -> bytes:
    files.write_small(small.path, small.data)
    files.sync_folder(small.path.parent)
    return small.digest or sha256(small.data).digest()


def _put_one(small: Small, path_of: Callable[[bytes], Path]) -> bytes:
    digest = small.digest or sha256(small.data).digest()
    files.write_small(small.path, small.data)
    files.move_into_place([(small.path, path_of(digest))])
    return digest


class _Group:
    """Without `path_of` the group ends as parts."""

    def __init__(
        self, run: Run, group: Sequence[Small], path_of: Callable[[bytes], Path] | None
    ) -> None:
        self._run = run
        self._group = group
        self._path_of = path_of
        self._open: dict[Path, int] = {}
        self._digests: dict[Path, bytes] = {}

    async def put(self) -> list[bytes]:
        threads = min(BLOB_GROUP_THREADS, len(self._group))
        try:
            await self._run(self._write_all)
            ended = await asyncio.gather(
                *(self._run(partial(self._seal, self._group[n::threads])) for n in range(threads)),
                return_exceptions=True,  # every thread has ended before a file is closed
            )
        finally:
            for descriptor in self._open.values():
                os.close(descriptor)
        failed = [error for error in ended if isinstance(error, BaseException)]
        if failed:
            raise failed[0]
        await self._run(self._name_all)
        return [self._digests[small.path] for small in self._group]

    def _write_all(self) -> None:
        for small in self._group:
            descriptor = self._open[small.path] = files.create_part(small.path)
            files.write_all(descriptor, small.data, 0)
            files.begin_writing_back(descriptor, 0, len(small.data))

    def _seal(self, share: Sequence[Small]) -> None:
        for small in share:
            files.seal_small(self._open[small.path], small.data)
            self._digests[small.path] = small.digest or sha256(small.data).digest()

    def _name_all(self) -> None:
        """The first folder's fsync commits the names in all others; theirs find nothing to do."""
        path_of = self._path_of
        if path_of is None:
            files.sync_folder(self._group[0].path.parent)
            return
        files.move_into_place(
            (small.path, path_of(self._digests[small.path])) for small in self._group
        )
