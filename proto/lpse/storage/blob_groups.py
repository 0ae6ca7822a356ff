"""Many small blobs stored by one call, in rounds that share what a disk does anyway.

Owns the rounds: write all, fsync and re-read all, rename all, fsync their folders; each by a few
threads, so that one commit of the file system serves many files. Rules: a blob gets its name after
its bytes were fsynced and re-read from the disk, and is there after its folder was fsynced
(Invariant 1). Leaves out room, names and failures of the disk (`blobs`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from lpse.federation.limits import BLOB_GROUP_THREADS
from lpse.runtime.sqlite.errors import StorageFailed
from lpse.storage import blob_files as files

T = TypeVar("T")


class Run(Protocol):
    """How blocking work gets into a thread."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


async def put_group(
    run: Run, pairs: Sequence[tuple[Path, bytes]], path_of: Callable[[bytes], Path]
) -> list[bytes]:
    """Store contents by way of their paths; the digests in order. Nothing stays after an error."""
    if not pairs:
        return []
    try:
        if len(pairs) == 1:
            return [await run(partial(_put_one, *pairs[0], path_of))]
        return await _Group(run, pairs, path_of).put()
    except BaseException:
        with suppress(StorageFailed):  # a full disk must not stay full of us
            await run(lambda: files.remove([path for path, _ in pairs]))
        raise


def _put_one(path: Path, data: bytes, path_of: Callable[[bytes], Path]) -> bytes:
    digest = files.write_small(path, data)
    files.move_into_place([(path, path_of(digest))])
    return digest


class _Group:
    def __init__(
        self, run: Run, pairs: Sequence[tuple[Path, bytes]], path_of: Callable[[bytes], Path]
    ) -> None:
        self._run = run
        self._pairs = pairs
        self._path_of = path_of
        self._open: dict[int, int] = {}  # descriptors by position
        self._digests: dict[int, bytes] = {}

    async def put(self) -> list[bytes]:
        try:
            await self._round(range(len(self._pairs)), self._write)
            await self._round(range(len(self._pairs)), self._seal)
        finally:
            for descriptor in self._open.values():
                os.close(descriptor)
        folders = await self._run(self._rename)
        await self._round(folders, files.sync_names_in)
        return [self._digests[position] for position in range(len(self._pairs))]

    async def _round(self, things: Sequence[T], work: Callable[[T], None]) -> None:
        """Everything once, by a few threads; every thread has ended when this raises."""
        threads = min(BLOB_GROUP_THREADS, len(things))

        def share(start: int) -> None:
            for thing in things[start::threads]:
                work(thing)

        ended = await asyncio.gather(
            *(self._run(partial(share, start)) for start in range(threads)),
            return_exceptions=True,
        )
        failed = [error for error in ended if isinstance(error, BaseException)]
        if failed:
            raise failed[0]

    def _write(self, position: int) -> None:
        path, data = self._pairs[position]
        descriptor = self._open[position] = files.create_part(path)
        files.write_all(descriptor, data, 0)
        files.begin_writing_back(descriptor, 0, len(data))

    def _seal(self, position: int) -> None:
        self._digests[position] = files.seal_small(self._open[position], self._pairs[position][1])

    def _rename(self) -> list[Path]:
        moves = [
            (path, self._path_of(self._digests[position]))
            for position, (path, _) in enumerate(self._pairs)
        ]
        return sorted(files.rename_all(moves))
