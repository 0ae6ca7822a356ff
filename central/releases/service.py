"""What operators do with releases: bring a bundle, publish it, look at it, withdraw it.

Rules: operators write, every role reads; a bundle is checked whole, as a node would, before its
version is published. Bundles that nobody publishes make way for new ones (Invariant 12). Leaves out
the rows (`store`) and the receiving of bytes (`central.blobs`).
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from central.blobs.receiving import Receiving, Wanted
from central.blobs.store import BUNDLE
from central.blobs.streams import Streams, first_message, take_in
from central.operators.rules import OPERATOR, ROLES
from central.operators.service import Admission, Context
from central.releases.inspection import Inspected, inspect
from central.releases.rules import check_notes, from_versions
from central.releases.store import ReleaseStore, StoredRelease
from lpse.federation.bundles import BundleError
from lpse.federation.errors import NotFound, Refused
from lpse.federation.limits import (
    BUNDLE_BYTES_MAX,
    BUNDLES_UNPUBLISHED_MAX,
)
from lpse.federation.persons import check_reason
from lpse.federation.v1.directives_pb2 import ReleasePublished, ReleaseWithdrawn
from lpse.federation.versions import parse_version
from lpse.operator.v1 import releases_pb2 as api
from lpse.operator.v1 import releases_pb2_grpc
from lpse.runtime.channels import page_size
from lpse.runtime.sqlite import Transaction

_DIGEST_BYTES: Final = 32


class ReleasesService(releases_pb2_grpc.ReleasesServicer):
    """Handlers of `lpse.operator.v1.Releases`."""

    def __init__(
        self,
        store: ReleaseStore,
        receiving: Receiving,
        admission: Admission,
        log: FilteringBoundLogger,
    ) -> None:
        self._store = store
        self._receiving = receiving
        self._admission = admission
        self._clock = receiving.clock
        self._log = log
        self._streams = Streams()

    async def UploadBundle(  # type: ignore[override]  # the reader/writer form, which gRPC takes too
        self, request_iterator: Any, context: Context
    ) -> None:
        """Take a bundle in, resumed where this person's earlier attempt ended."""
        person = await self._admission.require_operator(context, OPERATOR)
        with self._streams.enter(f"operator/{person.name}") as ended:
            wanted = _wanted(person.name, await first_message(context))
            if await self._receiving.present(wanted, _nothing_in):
                await context.write(_accepted(wanted.size))
                await context.write(_verified(already_stored=True))
                return
            await self._make_room()
            incoming = await self._receiving.begin(wanted, _nothing_in)
            try:
                await context.write(_accepted(incoming.offset))
                await take_in(context, incoming, ended, _durable)
                await incoming.finish()
            finally:
                await incoming.close()
            await context.write(_verified(already_stored=False))

    async def AddRelease(self, request: api.AddReleaseRequest, context: Context) -> api.Release:
        person = await self._admission.require_operator(context, OPERATOR)
        check_notes(request.notes)
        inspected, size = await self._inspect(request.bundle_digest)
        versions = from_versions(inspected.manifest, request.version, request.from_versions)
        record = ReleasePublished(
            version=str(inspected.manifest.version),
            from_versions=versions,
            bundle_digest=request.bundle_digest,
            bundle_bytes=size,
            manifest_digest=inspected.manifest_digest,
            notes=request.notes,
            published_by=person.name,
        )
        stored = await self._store.publish(
            record, self._clock.wall(), validate_only=request.validate_only
        )
        self._log.info("release.published", release=record.version, index=stored.national_index)
        return release_message(stored)

    async def GetRelease(self, request: api.GetReleaseRequest, context: Context) -> api.Release:
        await self._admission.require_operator(context, *ROLES)
        return release_message(await self._store.get(version_of(request.name)))

    async def ListReleases(
        self, request: api.ListReleasesRequest, context: Context
    ) -> api.ListReleasesResponse:
        await self._admission.require_operator(context, *ROLES)
        size = page_size(request.page_size)
        rows = await self._store.page(page_number(request.page_token), size + 1)
        more = str(rows[size - 1].number) if len(rows) > size else ""
        return api.ListReleasesResponse(
            releases=map(release_message, rows[:size]), next_page_token=more
        )

    async def VerifyRelease(
        self, request: api.VerifyReleaseRequest, context: Context
    ) -> api.VerifyReleaseResponse:
        await self._admission.require_operator(context, *ROLES)
        stored = await self._store.get(version_of(request.name))
        detail = await self._difference(stored.record)
        return api.VerifyReleaseResponse(
            release=release_message(stored), intact=not detail, detail=detail
        )

    async def WithdrawRelease(
        self, request: api.WithdrawReleaseRequest, context: Context
    ) -> api.Release:
        person = await self._admission.require_operator(context, OPERATOR)
        check_reason(request.reason)
        version = version_of(request.name)
        record = ReleaseWithdrawn(version=version, reason=request.reason, withdrawn_by=person.name)
        stored = await self._store.withdraw(
            version, record, self._clock.wall(), validate_only=request.validate_only
        )
        return release_message(stored)

    async def _inspect(self, digest: bytes) -> tuple[Inspected, int]:
        size = None
        if len(digest) == _DIGEST_BYTES:
            size = await self._receiving.blobs.size_of(digest)
        if size is None or await self._receiving.rows.size_of(digest) != size:
            raise NotFound("FED-6007", "this bundle was not brought", remedy="upload it first")
        path = self._receiving.blobs.path_of(digest)
        return await asyncio.to_thread(inspect, path), size

    async def _difference(self, record: ReleasePublished) -> str:
        """What the disk gives back otherwise than published; empty where all agrees."""
        try:
            inspected, size = await self._inspect(record.bundle_digest)
            whole = await self._receiving.blobs.verify(record.bundle_digest)
        except (BundleError, NotFound) as error:
            return f"{error.code} {error.message}"
        same = (inspected.manifest_digest, size) == (record.manifest_digest, record.bundle_bytes)
        if whole and same:
            return ""
        return "FED-6003 the bundle on the centre's disk differs from what was published"

    async def _make_room(self) -> None:
        """Bundles that were never published make way, the oldest first."""
        rows, needed_in = self._receiving.rows, self._store.has_bundle_in
        for digest in (await rows.bundles(needed_in))[: -(BUNDLES_UNPUBLISHED_MAX - 1)]:
            if await rows.drop(digest, needed_in):
                await self._receiving.blobs.delete(digest)


def release_message(stored: StoredRelease) -> api.Release:
    """A release on the wire."""
    record = stored.record
    message = api.Release(
        name=f"releases/{record.version}",
        version=record.version,
        from_versions=record.from_versions,
        bundle_digest=record.bundle_digest,
        bundle_bytes=record.bundle_bytes,
        manifest_digest=record.manifest_digest,
        notes=record.notes,
        published_by=record.published_by,
        national_index=stored.national_index,
        state=api.RELEASE_STATE_PUBLISHED,
        withdraw_reason=stored.withdraw_reason,
        withdrawn_by=stored.withdrawn_by,
    )
    message.publish_time.FromDatetime(stored.publish_time)
    if stored.withdraw_time is not None:
        message.state = api.RELEASE_STATE_WITHDRAWN
        message.withdraw_time.FromDatetime(stored.withdraw_time)
    return message


def version_of(name: str) -> str:
    """The canonical version in `releases/3.6`."""
    if not name.startswith("releases/"):
        raise Refused("FED-6009", "a release's name looks like releases/3.6")
    return str(parse_version(name.removeprefix("releases/")))


def page_number(token: str) -> int | None:
    """The row behind which the next page begins; None for the first page."""
    if not token:
        return None
    if not (token.isascii() and token.isdigit()) or len(token) > 15:
        raise Refused("FED-6009", "this page token is not one of ours")
    return int(token)


def _wanted(person: str, message: api.UploadBundleRequest) -> Wanted:
    begin = message.begin
    if message.WhichOneof("part") != "begin" or len(begin.digest) != _DIGEST_BYTES:
        raise Refused("FED-2304", "the first message is `begin` with a digest of 32 bytes")
    if not 0 < begin.size_bytes <= BUNDLE_BYTES_MAX:
        raise BundleError("FED-6001", f"a bundle has 1 to {BUNDLE_BYTES_MAX} bytes")
    return Wanted(f"operator/{person}", begin.digest, begin.size_bytes, BUNDLE)


def _nothing_in(tx: Transaction) -> None:
    """Publishing is an act of its own."""


def _accepted(offset: int) -> api.UploadBundleResponse:
    return api.UploadBundleResponse(accepted=api.AcceptedBundle(offset_bytes=offset))


def _durable(offset: int) -> api.UploadBundleResponse:
    return api.UploadBundleResponse(durable=api.DurableBundle(offset_bytes=offset))


def _verified(*, already_stored: bool) -> api.UploadBundleResponse:
    return api.UploadBundleResponse(verified=api.VerifiedBundle(already_stored=already_stored))
