"""What operators ask about decisions of persons: bring an attachment, plan, look, read it back.

Rules: operators plan and bring attachments, every role reads; an attachment is durable and re-read
before its digest is given back (Invariant 1); of those that no decision names only the newest few
are kept (Invariant 12). Leaves out approving and applying, which every plan shares.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any, Final

from central.blobs.receiving import Receiving, Wanted
from central.operators.rules import OPERATOR, ROLES
from central.operators.service import Admission, Context
from central.plans.service import plan_message
from central.plans.store import PlanStore
from central.reconciliation.resolutions import ATTACHMENT, Resolution, ResolutionStore
from lpse.federation.acts import canonical
from lpse.federation.entries import timestamp
from lpse.federation.errors import NotFound, Refused
from lpse.federation.limits import (
    KIB,
    RESOLUTION_ATTACHMENT_BYTES_MAX,
    RESOLUTION_ATTACHMENTS_UNUSED_MAX,
)
from lpse.federation.v1 import records_pb2 as records
from lpse.operator.v1 import plans_pb2 as plans_api
from lpse.operator.v1 import resolutions_pb2 as api
from lpse.operator.v1 import resolutions_pb2_grpc as rpc
from lpse.runtime.channels import page_size
from lpse.runtime.sqlite import Transaction

_NEWEST: Final = 1 << 62
_CHUNK_BYTES: Final = 256 * KIB


class ResolutionsService(rpc.ResolutionsServicer):
    """Handlers of `lpse.operator.v1.Resolutions`."""

    def __init__(
        self,
        store: ResolutionStore,
        plans: PlanStore,
        receiving: Receiving,
        admission: Admission,
    ) -> None:
        self._store = store
        self._plans = plans
        self._receiving = receiving
        self._admission = admission
        self._clock = receiving.clock

    async def UploadAttachment(
        self, request_iterator: AsyncIterator[api.UploadAttachmentRequest], context: Context
    ) -> api.UploadAttachmentResponse:
        """Take an attachment in, whole."""
        person = await self._admission.require_operator(context, OPERATOR)
        data = bytearray()
        async for piece in request_iterator:
            data += piece.data
            if len(data) > RESOLUTION_ATTACHMENT_BYTES_MAX:
                raise Refused(
                    "FED-7015",
                    "the attachment is too large",
                    remedy=f"at most {RESOLUTION_ATTACHMENT_BYTES_MAX} bytes",
                )
        if not data:
            raise Refused("FED-7015", "the attachment is empty")
        content = bytes(data)
        digest = hashlib.sha256(content).digest()
        await self._make_room()
        wanted = Wanted(f"operator/{person.name}", digest, len(content), ATTACHMENT)
        await self._receiving.take_many([(wanted, content)], _nothing_in)
        return api.UploadAttachmentResponse(digest=digest, size_bytes=len(content))

    async def PlanResolution(
        self, request: api.PlanResolutionRequest, context: Context
    ) -> api.PlanResolutionResponse:
        """Preview a decision, and plan it."""
        person = await self._admission.require_operator(context, OPERATOR)
        wanted = records.ReconciliationResolved(
            run=request.run,
            entry=request.entry,
            choice=request.choice,
            reason=request.reason,
            attachment_name=request.attachment_name,
            attachment_digest=request.attachment_digest,
            corrects=request.corrects,
        )
        if request.validate_only:
            draft = await self._store.preview(wanted)
            shown = plans_api.Plan(
                act=draft.act,
                document=canonical(draft.document),
                node_ids=draft.node_ids,
                node_count=len(draft.node_ids),
                reason=draft.reason,
                approvals_needed=draft.approvals_needed,
            )
            return api.PlanResolutionResponse(plan=shown)
        plan = await self._store.plan(wanted, self._plans, person.name, self._clock.wall())
        return api.PlanResolutionResponse(plan=plan_message(plan, self._clock))

    async def GetResolution(
        self, request: api.GetResolutionRequest, context: Context
    ) -> api.GetResolutionResponse:
        """One decision."""
        await self._admission.require_operator(context, *ROLES)
        found = await self._store.get(request.name)
        return api.GetResolutionResponse(resolution=_message(found))

    async def ListResolutions(
        self, request: api.ListResolutionsRequest, context: Context
    ) -> api.ListResolutionsResponse:
        """Decisions, newest first."""
        await self._admission.require_operator(context, *ROLES)
        size = page_size(request.page_size)
        rows = await self._store.page(
            _place(request.page_token), size + 1, node_id=request.node_id, run=request.run
        )
        return api.ListResolutionsResponse(
            resolutions=map(_message, rows[:size]),
            next_page_token=str(rows[size - 1].number) if len(rows) > size else "",
        )

    async def ReadAttachment(  # type: ignore[override]  # the reader/writer form, which gRPC takes too
        self, request: api.ReadAttachmentRequest, context: Context
    ) -> Any:
        """The attachment's bytes, in pieces."""
        await self._admission.require_operator(context, *ROLES)
        found = await self._store.get(request.name)
        digest = found.record.attachment_digest
        if not digest:
            raise NotFound("FED-7015", f"{request.name} has no attachment")
        async with await self._receiving.blobs.open_read(digest) as reader:
            while data := await reader.read(_CHUNK_BYTES):
                await context.write(api.ReadAttachmentResponse(data=data))

    async def _make_room(self) -> None:
        unused = await self._store.unused()
        for digest in unused[: max(0, len(unused) + 1 - RESOLUTION_ATTACHMENTS_UNUSED_MAX)]:
            if await self._store.drop_unused(digest):
                await self._receiving.blobs.delete(digest)


def _nothing_in(tx: Transaction, digest: bytes) -> None:
    """An attachment is named by a plan later; its row alone vouches for it now."""


def _message(found: Resolution) -> api.Resolution:
    return api.Resolution(
        name=found.name,
        record=found.record,
        national_index=found.national_index,
        resolve_time=timestamp(found.resolve_time),
    )


def _place(token: str) -> int:
    if not token:
        return _NEWEST
    if not (token.isascii() and token.isdigit() and len(token) < 19):
        raise Refused("FED-7002", "the page token is not one of this list")
    return int(token)
