"""The Healing service: a node fetches entries that it lost, and gives those that the centre lost.

Rules: the node is the one of the certificate, so it reads and heals its own journal and the
national one alone; each call costs a walk through a journal, so many at once and no more. Leaves
out what is wanted and what counts (`entries`).
"""

from __future__ import annotations

from typing import Any

import grpc

from central.audit.comparisons import later
from central.audit.entries import EntryHealing
from central.audit.service import Admission
from central.link.turns import Places, Turns
from central.recovery.noticing import Noticing
from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    AUDIT_CALL_SECONDS_MAX,
    AUDIT_CALLS_MAX,
    AUDIT_CALLS_PER_NODE_MAX,
)
from lpse.federation.v1 import healing_pb2 as wire
from lpse.federation.v1 import healing_pb2_grpc as rpc
from lpse.runtime.clock import Clock

Context = grpc.aio.ServicerContext[Any, Any]


class HealingService(rpc.HealingServicer):
    """Handlers of `lpse.federation.v1.Healing`."""

    def __init__(
        self, entries: EntryHealing, callers: tuple[Admission, Noticing], clock: Clock
    ) -> None:
        self._entries = entries
        self._admission, self._noticing = callers
        places = Places(AUDIT_CALLS_MAX, AUDIT_CALLS_PER_NODE_MAX, AUDIT_CALL_SECONDS_MAX)
        self._turns = Turns(clock, places, _busy)

    async def FetchEntries(
        self, request: wire.FetchEntriesRequest, context: Context
    ) -> wire.FetchEntriesResponse:
        node_id = self._admission.require_node(context)
        async with self._turns.turn(node_id):
            if not request.wanted.national:
                await self._noticing.read_back(node_id, request.wanted.epoch, context)
            held = await self._entries.show(node_id, request.wanted)
        return wire.FetchEntriesResponse(held=held)

    async def ListWanted(
        self, request: wire.ListWantedRequest, context: Context
    ) -> wire.ListWantedResponse:
        node_id = self._admission.require_node(context)
        return wire.ListWantedResponse(wanted=self._entries.wanted(node_id))

    async def GiveEntries(
        self, request: wire.GiveEntriesRequest, context: Context
    ) -> wire.GiveEntriesResponse:
        node_id = self._admission.require_node(context)
        async with self._turns.turn(node_id):
            return await self._entries.take(node_id, request.held)


def _busy() -> FederationError:
    return later("FED-7073", "other nodes are comparing now", 30.0)
