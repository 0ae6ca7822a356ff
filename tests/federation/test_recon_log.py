"""The reconciliation log over a real link: what the centre lists, proves, follows and exports."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from central.operators.rules import Operator
from central.reconciliation.service import LogParts, open_log
from lpse.federation.limits import EXPORT_HEADER_BYTES
from lpse.federation.recon_export_check import verify_export
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import reconciliations_pb2 as local_api
from lpse.intake.v1 import reconciliations_pb2_grpc as local_rpc
from lpse.operator.v1 import reconciliations_pb2 as api
from lpse.operator.v1 import reconciliations_pb2_grpc as rpc
from lpse.runtime.channels import ErrorInterceptor, error_from, open_local_channel
from lpse.terminal.recon_entry import proven
from regional_node.reconciliation.log_service import open_log as open_node_log
from regional_node.reconciliation.service import ReconciliationsService
from tests.federation.rig import CLOCK, LOG, Authority, Centre, Node, eventually, running

NODE = "lpse-pacitan"
SIDES: tuple[tuple[str, Any, Any], ...] = (
    ("c.sock", rpc, api),
    ("n.sock", local_rpc, local_api),
)


class Anybody:
    """The port `Operators`: every caller is one auditor."""

    async def require_operator(self, context: Any, *roles: str) -> Operator:
        return Operator("siti", "auditor", b"", "", CLOCK.wall())


class Listening:
    """Both sides' services on sockets, over a centre and a node that know each other."""

    def __init__(self, centre: Centre, node: Node, folder: Path) -> None:
        self.centre, self.node, self.folder = centre, node, folder

    async def start(self) -> None:
        centre, node = self.centre, self.node
        parts = LogParts(centre.database, centre.journal, centre.authority.centre, CLOCK)
        service, self.national = open_log(parts, centre.runs, centre.ledger, Anybody())
        self.servers = [await self._serve("c.sock", service, rpc)]
        signer = centre.authority.nodes[NODE]
        local = open_node_log(node.database, node.journal, signer, CLOCK, "ID-JI")
        reader = ReconciliationsService(node.runs.store, local, node.worker.demand_run)
        self.servers.append(await self._serve("n.sock", reader, local_rpc))
        await centre.database.write(
            lambda tx: tx.run(
                "INSERT INTO node_bindings VALUES (?, ?, 'ID-JI', 'Asia/Jakarta', 0, 0, NULL,"
                " '', '')",
                (signer.public, NODE),
            )
        )

    async def _serve(self, name: str, service: Any, module: Any) -> grpc.aio.Server:
        server = grpc.aio.server(interceptors=[ErrorInterceptor(LOG)])
        module.add_ReconciliationsServicer_to_server(service, server)
        server.add_insecure_port(f"unix:{self.folder / name}")
        await server.start()
        return server

    async def stop(self) -> None:
        for server in self.servers:
            await server.stop(0)

    async def another_run(self) -> None:
        """Have the node say hello again, and wait until the centre knows the run."""
        before = await self.known()
        self.node.worker.demand_run()
        await self.runs_known(before + 1)

    async def runs_known(self, least: int) -> None:
        """Wait until the centre knows so many runs."""

        async def enough() -> bool:
            return await self.known() >= least

        await eventually(enough)

    async def known(self) -> int:
        return len(await self.centre.runs.page(before=1 << 62, limit=100))


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Listening]:
    authority = Authority(tmp_path)
    centre = Centre(authority, tmp_path / "centre")
    await centre.start()
    node = Node(authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        listening = Listening(centre, node, tmp_path)
        await eventually(node.settled)
        await listening.start()
        await listening.runs_known(1)
        await listening.another_run()
        yield listening
        await listening.stop()
    await centre.stop()


def stub(both: Listening, channel: grpc.aio.Channel) -> Any:
    return rpc.ReconciliationsStub(channel)


async def test_one_entry_is_proven_by_its_nodes_own_signature(both: Listening) -> None:
    """Centre and node give the same entry with a path to a head that the node signed."""
    details = []
    for name, module, contract in SIDES:
        asked = contract.GetEntryRequest(name=f"recon/{NODE}/2", number=1)
        async with open_local_channel(both.folder / name) as channel:
            answer = await module.ReconciliationsStub(channel).GetEntry(asked)
            details.append(answer.detail)
    centre, node = details
    assert proven(centre.place)
    assert proven(node.place)
    assert centre.place.entry == node.place.entry
    assert centre.entry.entry == node.entry.entry
    assert centre.previous == node.previous
    changed = log.EntryPlace()
    changed.CopyFrom(centre.place)
    changed.entry += b"\x00"
    assert not proven(changed)


@pytest.mark.parametrize(
    ("name", "number", "code"),
    [(f"recon/{NODE}/1", 999, "FED-7041"), ("recon/x/1", 0, "FED-7001")],
)
async def test_an_entry_beyond_the_run_is_told(
    both: Listening, name: str, number: int, code: str
) -> None:
    """No entry and no run is made up: each is refused with a stable code."""
    async with open_local_channel(both.folder / "c.sock") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub(both, channel).GetEntry(api.GetEntryRequest(name=name, number=number))
    assert error_from(caught.value).code == code


async def _exported(pieces: AsyncIterator[Any]) -> bytes:
    body, front = b"", b""
    async for answer in pieces:
        body += answer.piece.data
        front = answer.piece.header or front
    assert len(front) == EXPORT_HEADER_BYTES
    return front + body


@pytest.mark.parametrize("form", [log.EXPORT_FORM_JSONL, log.EXPORT_FORM_CSV])
async def test_both_sides_export_what_verifies_offline(
    both: Listening, form: log.ExportForm.ValueType
) -> None:
    """Each side signs its export; the runs in both verify with the node's signature."""
    node_key = both.centre.authority.nodes[NODE].verifier
    keys = {"c.sock": both.centre.authority.centre.verifier, "n.sock": node_key}
    for name, module, contract in SIDES:
        async with open_local_channel(both.folder / name) as channel:
            asked = contract.ExportEntriesRequest(form=form)
            data = await _exported(module.ReconciliationsStub(channel).ExportEntries(asked))
        report = verify_export(io.BytesIO(data), keys[name], [node_key])
        assert (report.journals, report.runs) == (1, 2)
        assert report.rows == report.header.rows >= 4


async def test_a_follower_sees_each_new_entry_once(both: Listening) -> None:
    """Whoever follows the log sees the entries of the next run, in order, and none before."""
    async with open_local_channel(both.folder / "c.sock") as channel:
        pages = stub(both, channel).WatchEntries(api.WatchEntriesRequest())
        first = await pages.read()
        assert not first.entries
        await both.another_run()
        async with asyncio.timeout(60):
            second = await pages.read()
        assert [one.run for one in second.entries] == [f"recon/{NODE}/3"] * len(second.entries)
        assert [one.number for one in second.entries] == list(range(len(second.entries)))
        pages.cancel()


async def test_the_node_lists_counts_and_pages_as_the_centre(both: Listening) -> None:
    """The same filter gives the same entries at the node and at the centre, page by page."""
    asked = log.LogFilter(classifications=[records.CLASSIFICATION_MATCH], text="regional")
    found = []
    for name, module, contract in SIDES:
        async with open_local_channel(both.folder / name) as channel:
            one = module.ReconciliationsStub(channel)
            request = contract.ListEntriesRequest(filter=asked, page_size=1)
            names: list[str] = []
            while True:
                page = await one.ListEntries(request)
                names += [f"{entry.run}#{entry.number}" for entry in page.entries]
                if not page.next_page_token:
                    break
                request.page_token = page.next_page_token
            counted = await one.CountFacets(contract.CountFacetsRequest(filter=asked))
            assert counted.total == len(names)
            found.append(names)
    assert found[0] == found[1]
    assert found[0]


async def test_what_the_centre_recorded_itself_is_listed_alike(both: Listening) -> None:
    """A run in the national journal stands in the log of its node, and its proof fits too."""
    unfinished = records.ReconciliationEntry(
        object="projected state",
        classification=records.CLASSIFICATION_DIFFERENT,
        rule="R-X/1",
        outcome="both are kept",
    )
    await both.centre.national.publish(
        records.ReconciliationRecorded(
            run="recon/lkpp/1",
            node_id=NODE,
            trigger=records.RECONCILIATION_TRIGGER_SCHEDULE,
            entries=[unfinished],
        )
    )
    while await both.national.step():
        pass
    assert not await both.national.step()
    async with open_local_channel(both.folder / "c.sock") as channel:
        asked = api.ListEntriesRequest(filter=log.LogFilter(rules=["R-X"], node_ids=[NODE]))
        (line,) = (await stub(both, channel).ListEntries(asked)).entries
        assert (line.run, line.province) == ("recon/lkpp/1", "ID-JI")
        detail = await stub(both, channel).GetEntry(
            api.GetEntryRequest(name="recon/lkpp/1", number=0)
        )
        assert detail.detail.place.party == "lkpp"
        assert proven(detail.detail.place)
        whole = api.ExportEntriesRequest(form=log.EXPORT_FORM_JSONL)
        data = await _exported(stub(both, channel).ExportEntries(whole))
    report = verify_export(io.BytesIO(data), both.centre.authority.centre.verifier)
    assert (report.journals, report.runs) == (2, 3)
