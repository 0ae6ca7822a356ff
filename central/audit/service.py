"""The Audit service: what a node may ask of the centre to see that both still hold the same.

Rules: a node asks about its own journal alone, or about the national one; whatever is named is
bounded before it is looked up. Leaves out trees (`comparisons`), mending (`examining`) and the way
to proofs (`proving`).
"""

from __future__ import annotations

from typing import Any, Protocol

import grpc

from central.audit.comparisons import Comparisons, later
from central.audit.examining import Examined, Examining
from central.audit.objects import check_key, page_in
from central.audit.proving import Proving
from central.link.turns import Places, Turns
from lpse.federation.digests import Part
from lpse.federation.errors import FederationError, Refused
from lpse.federation.limits import (
    AUDIT_CALL_SECONDS_MAX,
    AUDIT_CALLS_MAX,
    AUDIT_CALLS_PER_NODE_MAX,
    DIGEST_BYTES,
    DIGEST_PREFIXES_MAX,
    EPOCH_BYTES,
    EXAMINED_OBJECTS_MAX,
    JOURNAL_ENTRIES_MAX,
)
from lpse.federation.state_objects import Fields, ObjectKey, canonical
from lpse.federation.v1 import audit_pb2 as wire
from lpse.federation.v1 import audit_pb2_grpc as rpc
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database
from lpse.storage.state_tree import names_of

Context = grpc.aio.ServicerContext[Any, Any]


class Admission(Protocol):
    """Who is calling."""

    def require_node(self, context: Context) -> str:
        """The node id behind the certificate; Denied otherwise."""


class AuditService(rpc.AuditServicer):
    """Handlers of `lpse.federation.v1.Audit`."""

    def __init__(
        self,
        database: Database,
        comparisons: Comparisons,
        examining: Examining,
        proving: Proving,
        admission: Admission,
        clock: Clock,
    ) -> None:
        self._database = database
        self._comparisons = comparisons
        self._examining = examining
        self._proving = proving
        self._admission = admission
        self._clock = clock
        places = Places(AUDIT_CALLS_MAX, AUDIT_CALLS_PER_NODE_MAX, AUDIT_CALL_SECONDS_MAX)
        self._turns = Turns(clock, places, _busy)

    async def BeginComparison(
        self, request: wire.BeginComparisonRequest, context: Context
    ) -> wire.BeginComparisonResponse:
        """Make the caller's tree."""
        node_id = self._admission.require_node(context)
        _check_place(request.epoch, request.size)
        async with self._turns.turn(node_id):
            made = await self._comparisons.begin(node_id, request.epoch, request.size)
        root = made.tree.root()
        return wire.BeginComparisonResponse(
            comparison=made.number,
            digest=root.digest,
            objects=root.objects,
            applied_size=made.applied_size,
        )

    async def CompareDigests(
        self, request: wire.CompareDigestsRequest, context: Context
    ) -> wire.CompareDigestsResponse:
        """Sixteen parts for each prefix."""
        node_id = self._admission.require_node(context)
        _check_count(len(request.prefixes), DIGEST_PREFIXES_MAX)
        tree = self._comparisons.get(node_id, request.comparison).tree
        return wire.CompareDigestsResponse(
            children=[_children(tree.children(prefix)) for prefix in request.prefixes]
        )

    async def ListObjects(
        self, request: wire.ListObjectsRequest, context: Context
    ) -> wire.ListObjectsResponse:
        """The records below each prefix."""
        node_id = self._admission.require_node(context)
        _check_count(len(request.prefixes), DIGEST_PREFIXES_MAX)
        tree = self._comparisons.get(node_id, request.comparison).tree
        found = [one for prefix in request.prefixes for one in tree.records(prefix)]
        return wire.ListObjectsResponse(records=b"".join(sorted(found)))

    async def ExamineObjects(
        self, request: wire.ExamineObjectsRequest, context: Context
    ) -> wire.ExamineObjectsResponse:
        """Compare objects with the ledger, and project again what differs."""
        node_id = self._admission.require_node(context)
        _check_place(request.epoch, request.size)
        _check_count(len(request.objects), EXAMINED_OBJECTS_MAX)
        applied = await self._comparisons.require_applied(node_id, request.epoch, request.size)
        async with self._turns.turn(node_id):
            keys = await self._keys(node_id, request.objects)
            named = [key for key in keys if key is not None]
            examined = {one.key: one for one in await self._examining.examine(node_id, named)}
        answer = wire.ExamineObjectsResponse(applied_size=applied)
        for asked, key in zip(request.objects, keys, strict=True):
            answer.objects.append(_told(asked, None if key is None else examined[key]))
        return answer

    async def Prove(self, request: wire.ProveRequest, context: Context) -> wire.ProveResponse:
        """Show entries of the caller's journal or of the national one."""
        node_id = self._admission.require_node(context)
        _check_place(request.epoch, request.size)
        async with self._turns.turn(node_id):
            return await self._proving.prove(node_id, request)

    async def _keys(self, node_id: str, asked: Any) -> list[ObjectKey | None]:
        """Names as given, or as the centre's own tables have them for an identifier."""
        unnamed = {bytes(one.id) for one in asked if not one.area}
        if any(len(one) != DIGEST_BYTES for one in unnamed):
            raise Refused("FED-7071", "there can be no such object")
        found: dict[bytes, ObjectKey] = {}
        if unnamed:
            found = await names_of(
                self._database,
                lambda tx, area, after, limit: page_in(tx, node_id, area, after, limit),
                self._clock,
                unnamed,
            )
        return [
            check_key(one.area, one.name) if one.area else found.get(bytes(one.id)) for one in asked
        ]


def _busy() -> FederationError:
    return later("FED-7073", "other nodes are comparing now", 30.0)


def _children(parts: list[Part]) -> wire.DigestChildren:
    return wire.DigestChildren(
        digests=b"".join(one.digest for one in parts), counts=[one.objects for one in parts]
    )


def _told(asked: wire.ExaminedObject, one: Examined | None) -> wire.ExaminedObject:
    if one is None:
        return wire.ExaminedObject(id=asked.id)
    return wire.ExaminedObject(
        area=one.key.area,
        name=one.key.name,
        id=asked.id,
        centre_fields=_bytes(one.before),
        journal_fields=_bytes(one.truth),
        healed_fields=_bytes(one.after),
        problem=one.problem,
    )


def _bytes(fields: Fields | None) -> bytes:
    return b"" if fields is None else canonical(fields)


def _check_place(epoch: bytes, size: int) -> None:
    if len(epoch) != EPOCH_BYTES or size > JOURNAL_ENTRIES_MAX:
        raise Refused("FED-7076", "there is no such place in a journal")


def _check_count(found: int, most: int) -> None:
    if not 1 <= found <= most:
        raise Refused("FED-7076", f"one call names 1 to {most} of them")
