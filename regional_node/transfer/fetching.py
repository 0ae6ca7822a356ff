"""Fetching a release bundle from the centre, from where this node has it durably.

Owns the folder of fetched bundles: at most one part and one whole bundle. Rules: a bundle gets its
name after its digest was re-read from the disk and its directory fsynced (Invariant 1); the road's
failures are `Unavailable`, and what came is kept. Leaves out what is in a bundle (`upgrades`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import grpc

from lpse.federation.bundles import BundleError
from lpse.federation.errors import FederationError, Unavailable
from lpse.federation.limits import BUNDLE_BYTES_MAX, KIB, TRANSFER_IDLE_SECONDS_MAX
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.federation.v1.transfer_pb2_grpc import TransferStub
from lpse.runtime.channels import error_from
from lpse.runtime.sqlite import StorageFull
from lpse.storage import blob_files as files
from lpse.storage.blob_parts import BlobMismatch, PartFile
from regional_node.transfer.ports import Centre
from regional_node.transfer.road import Interrupted, Road
from regional_node.upgrades.slots import NoSpace

_CHUNK_BYTES: Final = 256 * KIB  # at 512 kbit/s one takes four seconds


class BundleFetcher:
    """The port `BlobFetcher` of the upgrades."""

    def __init__(
        self, folder: Path, centre: Centre, road: Road | None = None, *, reserve_bytes: int
    ) -> None:
        """Without a road nothing limits the rate."""
        self._folder = folder
        self._centre = centre
        self._road = road
        self._reserve_bytes = reserve_bytes
        self._lock = asyncio.Lock()

    async def fetch(self, digest: bytes, size: int) -> Path:
        """A file with exactly these bytes; Unavailable when it cannot be had now."""
        if size > BUNDLE_BYTES_MAX:
            raise BundleError("FED-6001", f"the bundle is larger than {BUNDLE_BYTES_MAX} bytes")
        async with self._lock:
            whole = self._folder / f"{digest.hex()}.bundle"
            if await asyncio.to_thread(self._is_whole, whole, digest):
                return whole
            part = await asyncio.to_thread(self._open_part, digest, size)
            resumed = part.written_size > 0
            try:
                await self._take_in(part, digest, size)
                await asyncio.to_thread(self._name, part, whole, digest, size)
            except BlobMismatch as error:  # the part is empty now: the next fetch begins anew
                said = "the bytes of the bundle differ from the release's digest"
                if resumed:  # what lay here may have been damaged by a lost machine
                    raise Unavailable("FED-2312", said) from error
                raise BundleError("FED-6003", said) from error
            except StorageFull as error:
                raise _no_space() from error
            finally:
                await asyncio.shield(asyncio.to_thread(part.shut))
            return whole

    async def _take_in(self, part: PartFile, digest: bytes, size: int) -> None:
        if part.written_size == size:
            return
        async with self._centre.connect() as channel:
            chunk = min(_CHUNK_BYTES, self._road.chunk_bytes_max()) if self._road else _CHUNK_BYTES
            request = wire.GetBlobRequest(
                digest=digest, offset_bytes=part.written_size, chunk_bytes_max=chunk
            )
            call = TransferStub(channel).GetBlob(request)
            try:
                await _receive(call, part, size, self._road)
            except grpc.aio.AioRpcError as error:
                raise _not_now(error_from(error)) from error
            finally:
                call.cancel()

    def _is_whole(self, path: Path, digest: bytes) -> bool:
        """A bundle that is here is read again: the disk may have forgotten it."""
        with suppress(FileNotFoundError):
            found, _ = files.digest_of_path(path)
            if found == digest:
                return True
            files.remove([path])
        return False

    def _open_part(self, digest: bytes, size: int) -> PartFile:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{digest.hex()}.part"
        files.remove(path for path in self._folder.iterdir() if path.name != name)
        path = self._folder / name
        kept = path.stat().st_size if path.exists() else 0
        if kept > size:
            kept = 0
        if files.free_bytes(self._folder) < self._reserve_bytes + size - kept:
            raise _no_space()
        part = PartFile(path, size)
        part.open(kept)
        return part

    def _name(self, part: PartFile, whole: Path, digest: bytes, size: int) -> None:
        part.check(digest, size)
        files.move_into_place([(part.path, whole)])


async def _receive(call: Any, part: PartFile, size: int, road: Road | None) -> None:
    while part.written_size < size:
        try:
            async with asyncio.timeout(TRANSFER_IDLE_SECONDS_MAX):
                message = await call.read()
        except TimeoutError as error:
            raise Unavailable("FED-2299", "the centre does not answer") from error
        if message is grpc.aio.EOF:
            raise Unavailable("FED-2312", "the centre's bundle is shorter than the release says")
        if message.size_bytes and message.size_bytes != size:
            raise Unavailable("FED-2312", "the centre's bundle has another size than the release")
        if message.chunk:
            # A cancelled fetch must not close the file under the thread that writes it.
            await _unbroken(part, message.chunk)
            if road is not None:
                await _paid(road, len(message.chunk))


async def _paid(road: Road, size: int) -> None:
    """What was read counts against the limit; the next is read when it may come."""
    try:
        await road.pay(size)
    except Interrupted as error:
        said = "the window of the link that holds now lets no bundle through"
        raise Unavailable("FED-2312", said) from error


async def _unbroken(part: PartFile, data: bytes) -> None:
    writing = asyncio.ensure_future(asyncio.to_thread(part.append, data, part.written_size))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.gather(writing, return_exceptions=True)
        raise


def _not_now(error: FederationError) -> FederationError:
    """Every refusal of the centre may pass: a release may be published again, access renewed."""
    if isinstance(error, Unavailable):
        return error
    return Unavailable("FED-2312", f"the centre does not give the bundle now: {error.message}")


def _no_space() -> NoSpace:
    return NoSpace(
        "FED-6107", "the disk has no room for the bundle", remedy="free space on this node's disk"
    )
