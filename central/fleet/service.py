"""What operators ask about the fleet, the ledger's parked entries and the national gate.

Rules: service and link are told apart, each with the moment for which it holds; whoever is not
present is named as unreachable; writing is for role operator. Leaves out the sessions themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import grpc

from central.enrolment.admission import Admission
from central.fleet.desired import DesiredVersions
from central.fleet.ports import EnrolledNode, Links, NodeDirectory
from central.fleet.rules import LinkFacts, link_state
from central.fleet.store import FleetStore, NodeFactsRow, RecoveryRow
from central.ledger.ledger import Ledger
from central.national.national import National
from central.national.rules import Gate, explain
from central.operators.rules import OPERATOR
from lpse.federation.entries import timestamp
from lpse.federation.errors import Refused
from lpse.federation.v1 import directives_pb2 as directives
from lpse.operator.v1 import fleet_pb2 as api
from lpse.operator.v1 import fleet_pb2_grpc as rpc
from lpse.runtime.channels import page_size
from lpse.runtime.clock import Clock

Context = grpc.aio.ServicerContext[Any, Any]

_GATES = {
    Gate.OPEN: api.NATIONAL_GATE_OPEN,
    Gate.WAITING: api.NATIONAL_GATE_WAITING,
    Gate.CONTRADICTED: api.NATIONAL_GATE_CONTRADICTED,
}


class Statuses:
    """Puts together what is known about nodes from five places."""

    def __init__(
        self,
        directory: NodeDirectory,
        links: Links,
        ledger: Ledger,
        facts: FleetStore,
        desired: DesiredVersions,
        national: National,
    ) -> None:
        self.directory = directory
        self.links = links
        self.ledger = ledger
        self._facts = facts
        self._desired = desired
        self._national = national

    async def of(self, nodes: Sequence[EnrolledNode], clock: Clock) -> list[api.NodeStatus]:
        """The status of each node, in the same order."""
        node_ids = [one.node_id for one in nodes]
        rows = await self._facts.find(node_ids) if nodes else {}
        recovered = await self._facts.recoveries(node_ids) if nodes else {}
        await self._desired.refresh()
        found = [await self._status(one, rows.get(one.node_id), clock) for one in nodes]
        for status in found:
            if status.node_id in recovered:
                status.recovery.CopyFrom(_recovery(recovered[status.node_id]))
        return found

    async def _status(
        self, node: EnrolledNode, row: NodeFactsRow | None, clock: Clock
    ) -> api.NodeStatus:
        status = api.NodeStatus(
            name=f"nodes/{node.node_id}",
            node_id=node.node_id,
            province=node.province,
            zone=node.zone,
            desired_version=self._desired.version(node),
        )
        if row is not None:
            _tell_facts(status, row)
        await self._tell_journal(status)
        await self._tell_link(status, row, clock)
        return status

    async def _tell_journal(self, status: api.NodeStatus) -> None:
        position = self.ledger.current(status.node_id)
        if position is None or position.head is None:
            return
        status.stored_head.CopyFrom(position.head.message())
        applied = await self.ledger.applied(status.node_id, position.epoch)
        status.applied_size = applied.size
        status.parked_entries = applied.parked_count

    async def _tell_link(
        self, status: api.NodeStatus, row: NodeFactsRow | None, clock: Clock
    ) -> None:
        presence = self.links.presence(status.node_id)
        quarantine = await self.links.quarantine(status.node_id)
        if quarantine is not None:
            status.quarantine.CopyFrom(quarantine)
        now = clock.wall()
        if presence is not None:
            status.queue_entries = presence.queue_entries
            status.national_size = presence.national_size
            status.as_of_time.CopyFrom(timestamp(now))
        facts = LinkFacts(
            present=presence is not None,
            quarantined=quarantine is not None and not (presence and presence.sound),
            queue_entries=status.queue_entries,
            national_behind=max(0, self._national.head.size - status.national_size),
            behind_since=row.behind_since if row is not None else None,
        )
        status.link = link_state(facts, now)


def _recovery(row: RecoveryRow) -> api.NoticedRecovery:
    return api.NoticedRecovery(
        object=row.object,
        notice_time=timestamp(row.notice_time),
        address=row.address,
        boot_id=row.boot_id,
        software_version=row.software_version,
        resolution=row.resolution,
    )


def _tell_facts(status: api.NodeStatus, row: NodeFactsRow) -> None:
    status.service = row.service  # type: ignore[assignment] # stored as the enum's number
    status.service_version = row.service_version
    status.software_version = row.software_version
    status.queue_entries = row.queue_entries
    status.queue_bytes = row.queue_bytes
    status.free_bytes = row.free_bytes
    status.national_size = row.national_size
    status.clock_offset_seconds = row.clock_offset_seconds
    status.attempts = row.attempts
    status.exercise = row.exercise
    status.last_seen_time.CopyFrom(timestamp(row.seen_time))
    status.as_of_time.CopyFrom(timestamp(row.seen_time))


class FleetService(rpc.FleetServicer):
    """Handlers of `lpse.operator.v1.Fleet`."""

    def __init__(
        self, statuses: Statuses, national: National, admission: Admission, clock: Clock
    ) -> None:
        self._statuses = statuses
        self._national = national
        self._admission = admission
        self._clock = clock

    async def GetNodeStatus(
        self, request: api.GetNodeStatusRequest, context: Context
    ) -> api.GetNodeStatusResponse:
        """The facts of one node."""
        await self._admission.require_operator(context)
        return api.GetNodeStatusResponse(status=await self._one(_node_id(request.name)))

    async def ListNodeStatuses(
        self, request: api.ListNodeStatusesRequest, context: Context
    ) -> api.ListNodeStatusesResponse:
        """The facts of many nodes; link and service are filtered after they were judged."""
        await self._admission.require_operator(context)
        size = page_size(request.page_size)
        nodes = await self._statuses.directory.nodes(
            after=request.page_token, province=request.province, limit=size + 1
        )
        found = await self._statuses.of(nodes[:size], self._clock)
        chosen = [
            one
            for one in found
            if request.link in (api.LINK_STATE_UNSPECIFIED, one.link)
            and request.service in (0, one.service)
        ]
        return api.ListNodeStatusesResponse(
            statuses=chosen,
            next_page_token=nodes[size - 1].node_id if len(nodes) > size else "",
            unreachable=[one.node_id for one in chosen if one.link == api.LINK_STATE_DISCONNECTED],
            as_of_time=timestamp(self._clock.wall()),
        )

    async def ReleaseQuarantine(
        self, request: api.ReleaseQuarantineRequest, context: Context
    ) -> api.ReleaseQuarantineResponse:
        """Let a suspected clone's entries flow again."""
        operator = await self._admission.require_operator(context, OPERATOR)
        if not request.reason.strip():
            raise Refused("FED-2232", "a release needs a reason")
        node_id = _node_id(request.name)
        self._national.check_open()  # who released it and why must stand in the journal
        await self._statuses.links.release(node_id, request.reason)
        released = directives.QuarantineReleased(
            node_id=node_id, reason=request.reason, released_by=operator.name
        )
        await self._national.publish(released)
        return api.ReleaseQuarantineResponse(status=await self._one(node_id))

    async def ListParkedEntries(
        self, request: api.ListParkedEntriesRequest, context: Context
    ) -> api.ListParkedEntriesResponse:
        """Entries that are stored and could not be projected."""
        await self._admission.require_operator(context)
        size = page_size(request.page_size)
        rows = await self._statuses.ledger.store.parked(
            node_id=request.node_id, after=_parked_place(request.page_token), limit=size + 1
        )
        listed = [
            api.ParkedEntry(
                node_id=one.node_id,
                epoch=one.epoch,
                index=one.index,
                kind=one.kind,
                reason=one.reason,
                park_time=timestamp(datetime.fromisoformat(one.park_time)),
            )
            for one in rows[:size]
        ]
        last = listed[-1] if len(rows) > size else None
        token = f"{last.node_id}/{last.epoch.hex()}/{last.index}" if last else ""
        return api.ListParkedEntriesResponse(entries=listed, next_page_token=token)

    async def ReplayParkedEntries(
        self, request: api.ReplayParkedEntriesRequest, context: Context
    ) -> api.ReplayParkedEntriesResponse:
        """Project parked entries again."""
        await self._admission.require_operator(context, OPERATOR)
        projector = self._statuses.ledger.projector
        applied, parked = await projector.replay(node_id=request.node_id)
        return api.ReplayParkedEntriesResponse(applied_entries=applied, parked_entries=parked)

    async def GetNationalStatus(
        self, request: api.GetNationalStatusRequest, context: Context
    ) -> api.GetNationalStatusResponse:
        """The national journal and its gate."""
        await self._admission.require_operator(context)
        national = self._national
        return api.GetNationalStatusResponse(
            head=national.head.message(),
            gate=_GATES[national.gate],
            reason=explain(national.evidence),
            witnesses=len(national.evidence.witnesses),
            witnesses_needed=national.witnesses_needed,
        )

    async def AssertNationalComplete(
        self, request: api.AssertNationalCompleteRequest, context: Context
    ) -> api.AssertNationalCompleteResponse:
        """A person's word that nothing is missing."""
        operator = await self._admission.require_operator(context, OPERATOR)
        await self._national.assert_complete(
            expect_size=request.expect_size, reason=request.reason, by=operator.name
        )
        return api.AssertNationalCompleteResponse(gate=_GATES[self._national.gate])

    async def DrainLinks(
        self, request: api.DrainLinksRequest, context: Context
    ) -> api.DrainLinksResponse:
        """Send every node away for a moment."""
        await self._admission.require_operator(context, OPERATOR)
        sessions = await self._statuses.links.drain(request.reason or "asked by an operator")
        return api.DrainLinksResponse(sessions=sessions)

    async def _one(self, node_id: str) -> api.NodeStatus:
        node = await self._statuses.directory.node(node_id)
        return (await self._statuses.of([node], self._clock))[0]


def _node_id(name: str) -> str:
    collection, _, node_id = name.rpartition("/")
    if collection not in ("", "nodes") or not node_id:
        raise Refused("FED-2233", 'a node is named "nodes/<node id>"')
    return node_id


def _parked_place(token: str) -> tuple[str, bytes, int] | None:
    if not token:
        return None
    try:
        node_id, epoch, index = token.split("/")
        return node_id, bytes.fromhex(epoch), int(index)
    except ValueError as error:
        raise Refused("FED-2234", "the page token is not one of this list") from error
