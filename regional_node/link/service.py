"""What the officer's tools ask about the node and its link, on the local socket.

Rules: service and link are told apart; a pause of the link changes nothing else (Invariant 4);
legal time is stepped in an exercise only. Leaves out the work (`worker`, `state`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import grpc

from lpse.federation.desired_state import NodeFacts
from lpse.federation.entries import moment, timestamp
from lpse.federation.errors import Denied, Refused
from lpse.federation.limits import LINK_ATTEMPTS_KEPT_MAX, LINK_TEXT_CHARACTERS_MAX
from lpse.federation.v1 import link_pb2 as wire
from lpse.intake.v1 import node_pb2 as api
from lpse.intake.v1 import node_pb2_grpc as rpc
from lpse.runtime.clock import ExerciseClock
from regional_node.link.ports import Parts
from regional_node.link.store import Attempt
from regional_node.link.worker import LinkWorker

Context = grpc.aio.ServicerContext[Any, Any]
_ATTEMPTS_DEFAULT = 10


class NodeService(rpc.NodeServicer):
    """Handlers of `lpse.intake.v1.Node`."""

    def __init__(
        self,
        parts: Parts,
        worker: LinkWorker,
        me: NodeFacts,
        trust: Callable[[], api.ClockTrust] = api.ClockTrust,
        health: Callable[[], Awaitable[api.DiskHealth]] | None = None,
        witness: Callable[[api.GetNodeStatusResponse], Awaitable[None]] | None = None,
    ) -> None:
        """`witness` adds what the node knows as a witness of the national journal."""
        self._parts = parts
        self._witness = witness
        self._health = health
        self._trust = trust
        self._worker = worker
        self._me = me

    async def GetNodeStatus(
        self, request: api.GetNodeStatusRequest, context: Context
    ) -> api.GetNodeStatusResponse:
        """Everything at a glance."""
        parts = self._parts
        service, version = parts.service.service()
        state = parts.national.state
        wanted = state.release
        answer = api.GetNodeStatusResponse(
            node_id=self._me.node_id,
            service=service,
            service_version=version,
            link=self._phase(),
            own_head=parts.journal.head.message(),
            queue_entries=parts.state.queue_entries,
            queue_bytes=parts.blobs.queue_bytes(),
            national_applied_size=state.applied_size,
            desired_version=wanted.version if wanted is not None and wanted.wave_open else "",
            legal_time=timestamp(parts.clock.now()),
            exercise=parts.settings.exercise,
            software_version=parts.settings.software_version,
            free_bytes=parts.free_bytes(),
            zone=self._me.zone,
            national_skipped=len(state.skipped),
            clock=self._trust(),
        )
        if self._health is not None:
            answer.disk.CopyFrom(await self._health())
        if parts.national.head is not None:
            answer.national_head.CopyFrom(parts.national.head.message())
        if self._witness is not None:
            await self._witness(answer)
        return answer

    async def GetLinkStatus(
        self, request: api.GetLinkStatusRequest, context: Context
    ) -> api.GetLinkStatusResponse:
        """The link in detail."""
        state = self._parts.state
        row, session = state.row, state.session
        wanted = min(request.attempts or _ATTEMPTS_DEFAULT, LINK_ATTEMPTS_KEPT_MAX)
        answer = api.GetLinkStatusResponse(
            phase=self._phase(),
            endpoint=self._parts.settings.endpoint,
            applied_size=row.applied_size,
            parked_indexes=row.parked,
            contradiction=row.contradiction.relation if row.contradiction is not None else "",
            attempts=[_attempt(one) for one in await state.store.attempts(wanted)],
            pause_reason=row.pause_reason,
            clock_offset_seconds=session.clock_offset_seconds if session is not None else 0.0,
            cause="" if session is not None else state.cause,
        )
        since = session.since if session is not None else (state.since or row.end_time)
        if since is not None:
            answer.since_time.CopyFrom(timestamp(since))
        if row.stored_head is not None:
            answer.stored_head.CopyFrom(row.stored_head.message())
        if session is not None and session.quarantine_code:
            answer.quarantine.CopyFrom(
                wire.Quarantine(code=session.quarantine_code, reason=session.quarantine_reason)
            )
        return answer

    async def PauseLink(
        self, request: api.PauseLinkRequest, context: Context
    ) -> api.PauseLinkResponse:
        """Close the link until it is resumed."""
        await self._worker.pause(request.reason[:LINK_TEXT_CHARACTERS_MAX])
        return api.PauseLinkResponse()

    async def ResumeLink(
        self, request: api.ResumeLinkRequest, context: Context
    ) -> api.ResumeLinkResponse:
        """Open the link at once."""
        await self._worker.resume()
        return api.ResumeLinkResponse()

    async def SetLegalTime(
        self, request: api.SetLegalTimeRequest, context: Context
    ) -> api.SetLegalTimeResponse:
        """Step legal time, in an exercise only."""
        clock = self._parts.clock
        if not self._parts.settings.exercise or not isinstance(clock, ExerciseClock):
            raise Denied(
                "FED-2231",
                "legal time cannot be stepped in production",
                remedy='only a node with environment = "exercise" takes this call',
            )
        wanted = moment(request.legal_time)
        if not datetime(2000, 1, 1, tzinfo=UTC) <= wanted < datetime(2200, 1, 1, tzinfo=UTC):
            raise Refused("FED-2235", "that legal time is out of range")
        clock.set_legal(wanted)
        return api.SetLegalTimeResponse(legal_time=timestamp(clock.now()))

    def _phase(self) -> api.LinkPhase.ValueType:
        head = self._parts.national.head
        return self._parts.state.phase(head.size if head is not None else 0)


def _attempt(one: Attempt) -> api.LinkAttempt:
    return api.LinkAttempt(
        begin_time=timestamp(one.begin_time),
        number=one.number,
        outcome=one.outcome,
        cause=one.cause,
        wait_seconds=one.wait_seconds,
    )
