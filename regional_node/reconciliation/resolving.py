"""What an admin of the node decides about the node's own runs, on the local socket.

Owns what exactly is signed. Rules: an admin signs for each decision, attachment included; only
what changes nothing at the centre can be decided here; whoever reaches the socket may read. Leaves
out which choices a rule offers (`lpse.federation.reconciliation_rules`), the rows
(`resolutions_store`) and the bytes (`attachments`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Any, Final, Protocol

import grpc

from lpse.federation.acts import subject_digest
from lpse.federation.entries import timestamp
from lpse.federation.errors import Denied, NotFound, Refused
from lpse.federation.limits import KIB
from lpse.federation.persons import check_reason
from lpse.federation.resolution_attachments import check_attachment, check_attachment_size
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.intake.v1 import resolutions_pb2 as api
from lpse.intake.v1 import resolutions_pb2_grpc as rpc
from lpse.runtime.channels import page_size
from lpse.runtime.sqlite import Transaction
from regional_node.officers.rules import ADMIN
from regional_node.reconciliation.attachments import Attachments
from regional_node.reconciliation.resolutions_store import Resolution, ResolutionStore

Context = grpc.aio.ServicerContext[Any, Any]
ACT: Final = "recon.resolve"
ROLES: Final = (ADMIN,)
_NEWEST: Final = 1 << 62
_CHUNK_BYTES: Final = 256 * KIB


class Officers(Protocol):
    """Who of the node may act."""

    def verify_in(
        self,
        tx: Transaction,
        signed: SignedAct,
        *,
        act: str,
        digest: bytes,
        roles: Collection[str],
    ) -> object:
        """Raise unless it is a fresh, unused signature of an active officer in one of the roles."""


def resolution_digest(request: api.ResolveEntryRequest) -> bytes:
    """What the admin signs (act "recon.resolve"); without an attachment nothing is said of one."""
    signed: dict[str, object] = {
        "run": request.run,
        "entry": request.entry,
        "choice": request.choice,
        "reason": request.reason,
        "corrects": request.corrects,
    }
    if request.attachment_name or request.attachment_digest or request.attachment_bytes:
        signed["attachment"] = {
            "name": request.attachment_name,
            "digest": request.attachment_digest.hex(),
            "size_bytes": request.attachment_bytes,
        }
    return subject_digest(signed)


class ResolutionsService(rpc.ResolutionsServicer):
    """Handlers of `lpse.intake.v1.Resolutions`."""

    def __init__(
        self, store: ResolutionStore, officers: Officers, attachments: Attachments
    ) -> None:
        self._store = store
        self._officers = officers
        self._attachments = attachments

    async def UploadAttachment(
        self, request_iterator: AsyncIterator[api.UploadAttachmentRequest], context: Context
    ) -> api.UploadAttachmentResponse:
        """Take an attachment in, whole."""
        data = bytearray()
        async for piece in request_iterator:
            data += piece.data
            check_attachment_size(max(len(data), 1))  # empty is known at the end only
        digest = await self._attachments.take(bytes(data))
        return api.UploadAttachmentResponse(digest=digest, size_bytes=len(data))

    async def ResolveEntry(
        self, request: api.ResolveEntryRequest, context: Context
    ) -> api.ResolveEntryResponse:
        """Check the signature and journal the decision."""
        if not request.HasField("act"):
            raise Denied("FED-3111", "an admin must sign for a decision")
        check_reason(request.reason)
        _check_attachment(request)
        digest = resolution_digest(request)

        def verify_in(tx: Transaction) -> object:
            return self._officers.verify_in(tx, request.act, act=ACT, digest=digest, roles=ROLES)

        wanted = records.ReconciliationResolved(
            run=request.run,
            entry=request.entry,
            choice=request.choice,
            reason=request.reason,
            attachment_name=request.attachment_name,
            attachment_digest=request.attachment_digest,
            attachment_bytes=request.attachment_bytes,
            corrects=request.corrects,
        )
        found = await self._store.resolve(wanted, request.act, verify_in)
        return api.ResolveEntryResponse(resolution=_message(found))

    async def ListResolutions(
        self, request: api.ListResolutionsRequest, context: Context
    ) -> api.ListResolutionsResponse:
        """Decisions of this node, newest first."""
        size = page_size(request.page_size)
        rows = await self._store.page(_place(request.page_token), size + 1, run=request.run)
        return api.ListResolutionsResponse(
            resolutions=map(_message, rows[:size]),
            next_page_token=str(rows[size - 1].number) if len(rows) > size else "",
        )

    async def GetResolution(
        self, request: api.GetResolutionRequest, context: Context
    ) -> api.GetResolutionResponse:
        """One decision."""
        return api.GetResolutionResponse(resolution=_message(await self._store.get(request.name)))

    async def ReadAttachment(  # type: ignore[override]  # the reader/writer form, which gRPC takes too
        self, request: api.ReadAttachmentRequest, context: Context
    ) -> Any:
        """The attachment's bytes, in pieces."""
        record = (await self._store.get(request.name)).record
        if not record.attachment_digest:
            raise NotFound("FED-7015", f"{record.resolution} has no attachment")
        async with await self._attachments.open_read(record.attachment_digest) as reader:
            while data := await reader.read(_CHUNK_BYTES):
                await context.write(api.ReadAttachmentResponse(data=data))


def _check_attachment(request: api.ResolveEntryRequest) -> None:
    check_attachment(request.attachment_name, request.attachment_digest)
    if request.attachment_digest or request.attachment_bytes:
        check_attachment_size(request.attachment_bytes)
    if request.attachment_bytes and not request.attachment_digest:
        raise Refused("FED-7015", "an attachment has a plain file name and its digest")


def _place(token: str) -> int:
    if not token:
        return _NEWEST
    if not (token.isascii() and token.isdigit() and len(token) < 19):
        raise Refused("FED-7002", "the page token is not one of this list")
    return int(token)


def _message(found: Resolution) -> api.Resolution:
    return api.Resolution(
        name=found.record.resolution,
        record=found.record,
        index=found.index,
        resolve_time=timestamp(found.resolve_time),
    )
