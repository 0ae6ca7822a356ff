"""What people ask: the operator API of the fleet and the local API of a node, over real gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from central.enrolment.admission import Admission
from central.fleet.desired import DesiredVersions
from central.fleet.ports import EnrolledNode
from central.fleet.service import FleetService, Statuses
from central.reconciliation.service import LogParts
from central.reconciliation.service import open_log as open_central_log
from lpse.federation.desired_state import NodeFacts
from lpse.federation.entries import timestamp
from lpse.federation.errors import FederationError, NotFound
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import node_pb2, node_pb2_grpc
from lpse.intake.v1 import reconciliations_pb2 as local_runs
from lpse.intake.v1 import reconciliations_pb2_grpc as local_runs_grpc
from lpse.operator.v1 import fleet_pb2, fleet_pb2_grpc
from lpse.operator.v1 import reconciliations_pb2 as runs
from lpse.operator.v1 import reconciliations_pb2_grpc as runs_grpc
from lpse.runtime.channels import ErrorInterceptor, error_from, open_local_channel
from lpse.terminal import words
from lpse.terminal.recon_story import story
from regional_node.link.service import NodeService
from regional_node.reconciliation.log_service import open_log
from regional_node.reconciliation.service import ReconciliationsService
from tests.federation.rig import CLOCK, LOG, Authority, Centre, Node, eventually, running

NODE = "lpse-pacitan"


class Everyone:
    """Lets every caller in: who may call is tested with enrolment."""

    async def require_operator(self, context: Any, *roles: str) -> None:
        return None


class Directory:
    """The fleet's port `NodeDirectory`: two nodes, of which one never came."""

    listed = (
        EnrolledNode("lpse-banjar", "ID-KS", "Asia/Makassar"),
        EnrolledNode(NODE, "ID-JI", "Asia/Jakarta"),
    )

    async def node(self, node_id: str) -> EnrolledNode:
        for one in self.listed:
            if one.node_id == node_id:
                return one
        raise NotFound("FED-3030", "no such node")

    async def nodes(
        self, *, after: str = "", province: str = "", limit: int
    ) -> Sequence[EnrolledNode]:
        found = [one for one in self.listed if province in ("", one.province)]
        return [one for one in found if one.node_id > after][:limit]


@asynccontextmanager
async def served(server: grpc.aio.Server, socket: Path) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to services on a Unix socket."""
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    async with open_local_channel(socket) as channel:
        yield channel
    await server.stop(0)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    centre = Centre(Authority(tmp_path / "identities"), tmp_path / "centre")
    async with running(centre):
        yield centre


@pytest.fixture
async def operators(centre: Centre, tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    statuses = Statuses(
        Directory(),
        centre.sessions,
        centre.ledger,
        centre.parts.fleet,
        DesiredVersions(centre.journal),
        centre.national,
    )
    admission = cast(Admission, Everyone())
    server = grpc.aio.server(interceptors=[ErrorInterceptor(LOG)])
    fleet = FleetService(statuses, centre.national, admission, CLOCK)
    fleet_pb2_grpc.add_FleetServicer_to_server(fleet, server)
    parts = LogParts(centre.database, centre.journal, centre.authority.centre, CLOCK)
    reader, _ = open_central_log(parts, centre.runs, centre.ledger, admission)
    runs_grpc.add_ReconciliationsServicer_to_server(reader, server)
    async with served(server, tmp_path / "operators.sock") as channel:
        yield channel


async def test_the_fleet_is_listed_with_what_is_missing(
    centre: Centre, operators: grpc.aio.Channel, tmp_path: Path
) -> None:
    """Service and link are two facts; whoever is not present is named as unreachable."""
    await centre.national.publish(
        directives.ReleasePublished(version="3.6", from_versions=["3.0"]),
        directives.RolloutApplied(
            rollout="rollouts/a",
            version="3.6",
            waves=[directives.RolloutWave(wave="all", node_ids=[NODE])],
        ),
        directives.RolloutWaveOpened(rollout="rollouts/a", wave_index=0),
    )
    fleet = fleet_pb2_grpc.FleetStub(operators)
    node = Node(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await eventually(node.settled)

        async def connected() -> bool:
            answer = await fleet.GetNodeStatus(fleet_pb2.GetNodeStatusRequest(name=f"nodes/{NODE}"))
            status = answer.status
            settled = status.link == fleet_pb2.LINK_STATE_CONNECTED
            return settled and status.service == wire.SERVICE_STATE_NORMAL

        await eventually(connected)
        listed = await fleet.ListNodeStatuses(fleet_pb2.ListNodeStatusesRequest(page_size=1))
        assert [one.node_id for one in listed.statuses] == ["lpse-banjar"]
        assert list(listed.unreachable) == ["lpse-banjar"]
        rest = await fleet.ListNodeStatuses(
            fleet_pb2.ListNodeStatusesRequest(page_token=listed.next_page_token)
        )
        (status,) = rest.statuses
        assert status.desired_version == "3.6"
        assert status.service_version == "3.0"
        assert status.stored_head.size == centre.stored(NODE)
        filtered = await fleet.ListNodeStatuses(
            fleet_pb2.ListNodeStatusesRequest(link=fleet_pb2.LINK_STATE_DISCONNECTED)
        )
        assert [one.node_id for one in filtered.statuses] == ["lpse-banjar"]
    national = await fleet.GetNationalStatus(fleet_pb2.GetNationalStatusRequest())
    assert national.gate == fleet_pb2.NATIONAL_GATE_OPEN


async def test_parked_entries_are_listed_and_replayed(
    centre: Centre, operators: grpc.aio.Channel, tmp_path: Path
) -> None:
    """Invariant 10: a parked entry is visible with its reason and can be projected again."""
    centre.recorder.poison = lambda one: isinstance(one, records.HoldStarted)
    fleet = fleet_pb2_grpc.FleetStub(operators)
    node = Node(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await node.journal.append(*(records.HoldStarted(stage=str(one)) for one in range(3)))
        await eventually(lambda: len(node.state.row.parked) == 3)
    page = await fleet.ListParkedEntries(fleet_pb2.ListParkedEntriesRequest(page_size=2))
    assert [one.kind for one in page.entries] == ["hold.started"] * 2
    assert "recorder" in page.entries[0].reason
    rest = await fleet.ListParkedEntries(
        fleet_pb2.ListParkedEntriesRequest(page_token=page.next_page_token)
    )
    assert len(rest.entries) == 1
    centre.recorder.poison = lambda _: False
    done = await fleet.ReplayParkedEntries(fleet_pb2.ReplayParkedEntriesRequest(node_id=NODE))
    assert (done.applied_entries, done.parked_entries) == (3, 0)


async def test_both_sides_tell_the_same_run(
    centre: Centre, operators: grpc.aio.Channel, tmp_path: Path
) -> None:
    """Invariant 9: the record at the centre is the node's own, and the story names its numbers."""
    node = Node(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node), local(node, tmp_path) as channel:
        stub = local_runs_grpc.ReconciliationsStub(channel)
        central = runs_grpc.ReconciliationsStub(operators)

        async def arrived() -> bool:
            page = await central.ListReconciliations(runs.ListReconciliationsRequest())
            return len(page.reconciliations) == 1

        await eventually(arrived)
        name = f"recon/{NODE}/1"
        here = await stub.GetReconciliation(local_runs.GetReconciliationRequest(name="1"))
        there = await central.GetReconciliation(runs.GetReconciliationRequest(name=name))
        assert here.reconciliation.record == there.reconciliation.record
        assert here.reconciliation.index == there.reconciliation.index
        english = "\n".join(story(here.reconciliation.record, "Asia/Jakarta"))
        assert "first contact" in english
        assert "same heads" in english
        words.choose({"LANG": "id_ID.UTF-8"})
        indonesian = "\n".join(story(here.reconciliation.record, "Asia/Jakarta"))
        words.choose({})
        assert "hanya di simpul" in indonesian
        assert "WIB" in indonesian
        assert (await stub.RunReconciliation(local_runs.RunReconciliationRequest())).immediate
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.GetReconciliation(local_runs.GetReconciliationRequest(name="99"))
        assert error_from(caught.value).code == "FED-7001"


@asynccontextmanager
async def local(node: Node, tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    """The node's local API."""
    server = grpc.aio.server(interceptors=[ErrorInterceptor(LOG)])
    me = NodeFacts(NODE, "ID-JI", "Asia/Jakarta")
    node_pb2_grpc.add_NodeServicer_to_server(NodeService(node.parts, node.worker, me), server)
    signer = node.authority.nodes[node.node_id]
    parts = open_log(node.database, node.journal, signer, node.parts.clock, "ID-JI")
    reader = ReconciliationsService(node.runs.store, parts, node.worker.demand_run)
    local_runs_grpc.add_ReconciliationsServicer_to_server(reader, server)
    async with served(server, tmp_path / "local.sock") as channel:
        yield channel


async def test_the_node_tells_service_and_link_apart(centre: Centre, tmp_path: Path) -> None:
    """Invariant 4: a paused or lost link is told as such, and the service stays what it is."""
    node = Node(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node), local(node, tmp_path) as channel:
        stub = node_pb2_grpc.NodeStub(channel)

        async def connected() -> bool:
            status = await stub.GetNodeStatus(node_pb2.GetNodeStatusRequest())
            assert status.service == wire.SERVICE_STATE_NORMAL
            return status.link == node_pb2.LINK_PHASE_CONNECTED

        await eventually(connected)
        await stub.PauseLink(node_pb2.PauseLinkRequest(reason="router"))
        await eventually(lambda: node.state.session is None)
        await node.journal.append(records.HoldEnded())
        status = await stub.GetNodeStatus(node_pb2.GetNodeStatusRequest())
        assert status.link == node_pb2.LINK_PHASE_PAUSED
        assert status.service == wire.SERVICE_STATE_NORMAL
        assert status.queue_entries > 0
        link = await stub.GetLinkStatus(node_pb2.GetLinkStatusRequest())
        assert link.pause_reason == "router"
        assert link.attempts[0].outcome == "connected"
        await stub.ResumeLink(node_pb2.ResumeLinkRequest())
        await eventually(node.settled)


async def test_production_refuses_to_step_legal_time(centre: Centre, tmp_path: Path) -> None:
    """Legal time is stepped in an exercise only, with a code that says so."""
    node = Node(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node), local(node, tmp_path) as channel:
        stub = node_pb2_grpc.NodeStub(channel)
        moment = timestamp(datetime(2015, 3, 27, tzinfo=UTC))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.SetLegalTime(node_pb2.SetLegalTimeRequest(legal_time=moment))
        error: FederationError = error_from(caught.value)
        assert error.code == "FED-2231"


async def test_a_run_that_a_dead_process_left_is_recorded_at_the_next_start(
    centre: Centre, tmp_path: Path
) -> None:
    """Invariant 9: no run disappears; it says that it was interrupted."""
    node = Node(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await eventually(node.settled)
        row = (await node.runs.store.page(before=1 << 40, limit=1))[0]
        lost = type(row)(2, 1, False, False, False, None, row.record, None)
        lost.record.run = f"recon/{NODE}/2"
        lost.record.heads_equal = False
        await node.database.write(lambda tx: node.runs.store.keep_in(tx, lost))
    async with running(node):
        found = await node.runs.store.get(2)
        assert found is not None
        assert found.finished
        assert "ended during the run" in found.record.cause
