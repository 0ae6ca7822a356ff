"""National entries as frames on the wire: encoded once, the same bytes for every node.

Owns a small cache of encoded batches by first index. Rule: all sessions at the same cursor get the
same `bytes` object, and one database read serves all who ask at the same time. Leaves out who is
sent what (`session`).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from central.national.national import National
from lpse.federation.checkpoints import Head
from lpse.federation.limits import LINK_FRAMES_CACHED_MAX
from lpse.federation.v1 import link_pb2 as link


@dataclass(frozen=True, slots=True)
class Frame:
    """An encoded CentralFrame with a national batch, and where the next one begins."""

    data: bytes
    head: Head

    @property
    def next_index(self) -> int:
        """First index behind this batch."""
        return self.head.size


class NationalFrames:
    """Frames by their first index."""

    def __init__(self, national: National) -> None:
        self._national = national
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._loading: dict[int, asyncio.Task[Frame | None]] = {}
        self._roots: OrderedDict[int, Head] = OrderedDict()

    async def at(self, first: int) -> Frame | None:
        """The frame that begins at `first`; None while the journal ends there."""
        frame = self._frames.get(first)
        if frame is not None:
            return frame
        if self._national.head.size <= first:
            return None
        task = self._loading.get(first)
        if task is None:
            task = asyncio.create_task(self._load(first))
            self._loading[first] = task
            task.add_done_callback(lambda _: self._loading.pop(first, None))
        return await asyncio.shield(task)

    async def prepare(self) -> None:
        """Encode what was just published, before everybody who is caught up asks for it."""
        newest = next(reversed(self._frames.values()), None)
        if newest is not None:
            await self.at(newest.next_index)

    def head_at(self, size: int) -> Head | None:
        """The head of a batch that was sent lately; acknowledgements are compared with it."""
        if size == self._national.head.size:
            return self._national.head
        return self._roots.get(size)

    async def _load(self, first: int) -> Frame | None:
        batch = await self._national.batch(first)
        if batch is None:
            return None
        data = link.CentralFrame(national=batch).SerializeToString(deterministic=True)
        frame = Frame(data, Head.of(batch.head))
        self._frames[first] = frame
        self._roots[frame.head.size] = frame.head
        while len(self._frames) > LINK_FRAMES_CACHED_MAX:
            self._frames.popitem(last=False)
        while len(self._roots) > LINK_FRAMES_CACHED_MAX:
            self._roots.popitem(last=False)
        return frame
