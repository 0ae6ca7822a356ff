"""A stored blob while it is being read.

Owns one open descriptor and where the next byte comes from. Rule: what was opened stays readable
even if its name is removed meanwhile. Leaves out names and digests (`blobs`).
"""

from __future__ import annotations

import asyncio
import os
from types import TracebackType
from typing import Self

from lpse.storage import blob_files as files


class BlobReader:
    """A stored blob being read; an async context manager."""

    def __init__(self, descriptor: int, offset: int) -> None:
        self._descriptor = descriptor
        self.offset = offset
        self.size = os.fstat(descriptor).st_size

    async def read(self, size: int) -> bytes:
        """The next bytes, empty at the end."""
        with files.disk_reads():
            data = await asyncio.to_thread(files.disk.read, self._descriptor, size, self.offset)
        self.offset += len(data)
        return data

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)
