"""Calls of the services Audit and Healing; of audits counted with their bytes both ways.

Rule: what gRPC says becomes a FederationError at this port; every call has a deadline. Leaves out
what is asked (`comparing`, `proofs`, `entries`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message

from lpse.federation.limits import AUDIT_CALL_SECONDS_MAX, WANTED_JOURNALS_MAX
from lpse.federation.v1 import audit_pb2 as wire
from lpse.federation.v1 import healing_pb2 as healing
from lpse.federation.v1.audit_pb2_grpc import AuditStub
from lpse.federation.v1.healing_pb2_grpc import HealingStub
from lpse.runtime.channels import error_from

Connect = Callable[[], grpc.aio.Channel]


@dataclass(slots=True)
class Traffic:
    """What the calls of one run weighed; `payload_bytes` is messages without HTTP/2 and TLS."""

    calls: int = 0
    payload_bytes: int = 0


class AuditCalls:
    """One channel's calls; made by `open_calls`."""

    def __init__(self, stub: AuditStub, traffic: Traffic) -> None:
        self._stub = stub
        self.traffic = traffic

    async def begin(self, epoch: bytes, size: int) -> wire.BeginComparisonResponse:
        """Have the centre make its tree."""
        request = wire.BeginComparisonRequest(epoch=epoch, size=size)
        answer: wire.BeginComparisonResponse = await self._call(self._stub.BeginComparison, request)
        return answer

    async def children(
        self, comparison: bytes, prefixes: list[bytes]
    ) -> wire.CompareDigestsResponse:
        """Digests below prefixes."""
        request = wire.CompareDigestsRequest(comparison=comparison, prefixes=prefixes)
        answer: wire.CompareDigestsResponse = await self._call(self._stub.CompareDigests, request)
        return answer

    async def listed(self, comparison: bytes, prefixes: list[bytes]) -> wire.ListObjectsResponse:
        """Objects below prefixes."""
        request = wire.ListObjectsRequest(comparison=comparison, prefixes=prefixes)
        answer: wire.ListObjectsResponse = await self._call(self._stub.ListObjects, request)
        return answer

    async def examine(
        self, epoch: bytes, size: int, objects: list[wire.ExaminedObject]
    ) -> wire.ExamineObjectsResponse:
        """Have the centre look at objects, and mend its side."""
        request = wire.ExamineObjectsRequest(epoch=epoch, size=size, objects=objects)
        answer: wire.ExamineObjectsResponse = await self._call(self._stub.ExamineObjects, request)
        return answer

    async def prove(self, request: wire.ProveRequest) -> wire.ProveResponse:
        """Have the centre show entries."""
        answer: wire.ProveResponse = await self._call(self._stub.Prove, request)
        return answer

    async def _call(self, method: Any, request: Message) -> Any:
        answer = await _called(method, request)
        self.traffic.calls += 1
        self.traffic.payload_bytes += request.ByteSize() + answer.ByteSize()
        return answer


@asynccontextmanager
async def open_calls(connect: Connect) -> AsyncIterator[AuditCalls]:
    """A channel for one run."""
    async with connect() as channel:
        yield AuditCalls(AuditStub(channel), Traffic())


class HealingCalls:
    """One channel's calls about damaged entries; made by `open_healing_calls`."""

    def __init__(self, stub: HealingStub) -> None:
        self._stub = stub

    async def fetch(self, wanted: healing.WantedEntries) -> healing.HeldEntries:
        """What the centre shows of them; not verified yet."""
        request = healing.FetchEntriesRequest(wanted=wanted)
        answer = await _called(self._stub.FetchEntries, request)
        held: healing.HeldEntries = answer.held
        return held

    async def wanted(self) -> list[healing.WantedEntries]:
        """What the centre wants of this node."""
        answer = await _called(self._stub.ListWanted, healing.ListWantedRequest())
        return list(answer.wanted)[:WANTED_JOURNALS_MAX]

    async def give(self, held: healing.HeldEntries) -> healing.GiveEntriesResponse:
        """Give the centre entries."""
        request = healing.GiveEntriesRequest(held=held)
        answer: healing.GiveEntriesResponse = await _called(self._stub.GiveEntries, request)
        return answer


@asynccontextmanager
async def open_healing_calls(connect: Connect) -> AsyncIterator[HealingCalls]:
    """A channel for one attempt."""
    async with connect() as channel:
        yield HealingCalls(HealingStub(channel))


async def _called(method: Any, request: Message) -> Any:
    try:
        return await method(request, timeout=AUDIT_CALL_SECONDS_MAX)
    except grpc.aio.AioRpcError as error:
        raise error_from(error) from error
