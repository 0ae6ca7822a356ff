"""Release bundles for a centre that lost them: this node brings the one that it is asked for.

Owns the questions that wait here, and where a bundle may lie. Rules: only whole copies go, read
again before the first byte; they go by the same road as sealed bytes, last in its order and inside
its limits; a node that has none, or whose road lets none through now, says so at once, so that
another one is asked. A broken stream is taken up again when the centre asks again. Leaves out the
conversation (`transfer.sending`) and whom the centre asks.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import grpc
from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import FederationError
from lpse.federation.limits import BUNDLES_WANTED_MAX, NATIONAL_RETURN_SECONDS_MAX
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import witness_pb2 as wire
from lpse.federation.v1.witness_pb2_grpc import WitnessStub
from lpse.runtime.channels import error_from
from lpse.runtime.clock import Clock
from lpse.storage import blob_files as files
from lpse.storage.blob_reader import BlobReader
from lpse.storage.blobs import BlobUnknown
from regional_node.transfer.order import LAST
from regional_node.transfer.ports import Centre
from regional_node.transfer.road import Interrupted, Road
from regional_node.transfer.sending import Sender, Way

_DIGEST_BYTES: Final = 32
_LANE: Final = "bundle"


class Shelf:
    """Where bundles lie on this node; what `Sender` reads from."""

    def __init__(self, folder: Path, further: Sequence[Path]) -> None:
        """`folder` holds fetched ones by digest; `further` are files that somebody put there."""
        self._folder = folder
        self._further = further

    def find(self, digest: bytes, size: int) -> Path | None:
        """A file that gives back these bytes now; blocks on the disk."""
        fetched = self._folder / f"{digest.hex()}.bundle"
        for path in (fetched, *self._further):
            if path.is_file() and path.stat().st_size == size:
                try:
                    if files.digest_of_path(path)[0] == digest:
                        return path
                except (FileNotFoundError, FederationError):
                    continue  # freed in the meantime, or the disk cannot read it
        return None


class _One:
    """A found bundle as the sender reads it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def open_read(self, digest: bytes, offset: int = 0) -> BlobReader:
        """Read it from an offset on; the name was checked when it was found."""
        try:
            descriptor = await asyncio.to_thread(
                files.disk.open, self._path, os.O_RDONLY | os.O_CLOEXEC
            )
        except FileNotFoundError as error:
            raise BlobUnknown from error
        return BlobReader(descriptor, offset)

    async def verify(self, digest: bytes) -> bool:
        """Whether the file still has this digest."""
        return (await asyncio.to_thread(files.digest_of_path, self._path))[0] == digest


class GivingBundles:
    """See the module's first lines; implements the link's port `BundleHolder`."""

    def __init__(
        self, shelf: Shelf, centre: Centre, road: Road, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self._shelf = shelf
        self._centre = centre
        self._road = road
        self._clock = clock
        self._log = log
        self._asked: dict[bytes, int] = {}
        self._woken = asyncio.Event()

    def wanted(self, asked: link.BundleWanted) -> None:
        """The centre asks; answered by `run`."""
        known = asked.digest in self._asked or len(self._asked) < BUNDLES_WANTED_MAX
        if len(asked.digest) == _DIGEST_BYTES and known:
            self._asked[asked.digest] = asked.size_bytes
            self._woken.set()

    async def step(self) -> int:
        """Answer every question that waits; how many bundles the centre has now."""
        brought = 0
        while self._asked:
            # Taken off first: the centre may ask again before this answer has ended here.
            digest = next(iter(self._asked))
            size = self._asked.pop(digest)
            try:
                brought += await self._answer(digest, size)
            except FederationError as error:  # the centre asks again, or somebody else
                self._log.warning("release.bundle_not_returned", code=error.code)
        return brought

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            await self.step()

    async def _answer(self, digest: bytes, size: int) -> bool:
        path = await asyncio.to_thread(self._shelf.find, digest, size)
        async with self._centre.connect() as channel:
            if path is None:
                await self._decline(channel, digest, wire.BUNDLE_DECLINED_NOT_HELD)
                return False
            sender = Sender(_One(path), self._road, self._clock)
            self._road.begin(_LANE, LAST)
            try:
                await sender.send(channel, digest, size, Way(_LANE, _unheard))
            except Interrupted:
                await self._decline(channel, digest, wire.BUNDLE_DECLINED_NOT_NOW)
                return False
        self._log.warning("release.bundle_returned", size_bytes=size)
        return True

    async def _decline(
        self, channel: grpc.aio.Channel, digest: bytes, reason: wire.BundleDeclined.ValueType
    ) -> None:
        request = wire.DeclineBundleRequest(digest=digest, reason=reason)
        try:
            await WitnessStub(channel).DeclineBundle(request, timeout=NATIONAL_RETURN_SECONDS_MAX)
        except grpc.aio.AioRpcError as error:
            raise error_from(error) from error
        self._log.info("release.bundle_declined", code="FED-2465")


def _unheard(_: int) -> None:
    """Nobody follows how far a bundle has come."""
