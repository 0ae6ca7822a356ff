"""Reconnecting and auditing: bytes, round trips and time, against a plain list of identifiers.

Ours is the real centre (link, ledger, projections, transfers, audit) in this process and stub nodes
in another one, over mTLS. The yardstick is what people write first: every node sends the
identifiers of all it has, the centre answers what is missing; it runs over the same connections in
the same run. Parts with files of their own: one difference among many objects (`reconcile_state`),
storms of hellos (`reconcile_storm`, `reconcile_storm_tls`), the ledger (`reconcile_ledger`).
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message

from central.audit.store import AuditProjection
from central.ledger.ports import Source
from central.uploads.store import UploadsStore
from lpse.federation.limits import EPOCH_BYTES
from lpse.federation.v1.transfer_pb2_grpc import TransferServicer
from lpse.runtime.sqlite import Database, Transaction
from tests.bench import reconcile_ledger, reconcile_state, reconcile_storm, reconcile_storm_tls
from tests.bench.figures import Report
from tests.bench.reconcile_nodes import BLOB_BYTES, signer_of
from tests.federation.rig import Authority
from tests.federation.transfers import TransferCentre

EQUAL_BYTES_GOAL = 400.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How large everything is; the smoke test takes a small one."""

    nodes: int = 700
    entries: int = 1_000  # that both sides have
    days_entries: int = 600  # that the node wrote while it was away
    days_blobs: int = 4  # of one MiB each
    objects: int = 1_000_000
    hellos: int = 10_000
    ledger_entries: int = 200_000


QUICK = Scale(12, 40, 30, 1, 4_000, 150, 4_000)


class Quiet:
    """The read models of uploads alone, in the place of the rig's recorder."""

    name = "quiet"

    def __init__(self) -> None:
        self._audit = AuditProjection()

    async def open(self, database: Database) -> None:
        """Over the database that is open now."""
        self._uploads = UploadsStore(database)

    def apply_in(self, tx: Transaction, source: Source, record: Message) -> None:
        """As in production, without a row per entry."""
        self._uploads.apply_in(tx, source, record)
        self._audit.apply_in(tx, source, record)


class BenchCentre(TransferCentre):
    """The centre of the tests, quiet, with the yardstick beside the link."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        super().__init__(authority, folder)
        self.recorder = Quiet()  # type: ignore[assignment] # the same two methods
        self.lease_seconds = 86_400

    def offer(self, service: TransferServicer, server: grpc.aio.Server) -> None:
        """The yardstick beside the transfers."""
        super().offer(service, server)
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            self._compare
        )
        generic = grpc.method_handlers_generic_handler("bench.Plain", {"Compare": handler})
        server.add_generic_rpc_handlers((generic,))

    async def _compare(self, data: bytes, _context: Any) -> bytes:
        """Every identifier of the node against every one that is stored."""
        node_id = data[:64].decode().strip()
        epoch, ids = data[64 : 64 + EPOCH_BYTES], data[64 + EPOCH_BYTES :]
        shown = {ids[at : at + 16] for at in range(0, len(ids), 16)}
        size = len(shown)
        leaves = await self.ledger.received.leaf_hashes(node_id, epoch, 0, size)
        held = {leaf[:16] for leaf in leaves}
        return b"".join(sorted(shown ^ held))


class Nodes:
    """The other process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, folder: Path) -> Nodes:
        """Start it; it waits for commands."""
        command = [sys.executable, "-m", "tests.bench.reconcile_nodes", str(folder)]
        pipes = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipes, stdout=pipes)
        return cls(process)

    async def do(self, name: str, **more: int) -> dict[str, float]:
        """Have all nodes do it; what it took."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": name, **more}).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), 600)
        assert line, "the stub nodes ended"
        told: dict[str, float] = json.loads(line)
        return told

    async def stop(self) -> None:
        """End it."""
        self._process.kill()
        await self._process.wait()


async def measure(folder: Path, rounds: int, scale: Scale | None = None) -> Report:
    """All figures of this benchmark."""
    chosen = scale or Scale()
    for name in ("fleet", "state"):
        (folder / name).mkdir()
    report = Report("reconcile", f"{chosen.nodes} nodes over mTLS, two processes")
    await _fleet(report, folder / "fleet", rounds, chosen)
    await reconcile_state.measure(report, folder / "state", min(rounds, 3), chosen.objects)
    await reconcile_storm.measure(report, folder / "storm", chosen.hellos)
    await reconcile_storm_tls.measure(report, folder / "storm-tls", chosen.hellos)
    await reconcile_ledger.measure(report, folder / "ledger", rounds, chosen.ledger_entries)
    return report


async def _fleet(report: Report, folder: Path, rounds: int, scale: Scale) -> None:
    authority = Authority(folder / "identities")
    nodes = [_node(authority, number) for number in range(scale.nodes)]
    centre = BenchCentre(authority, folder / "centre")
    await centre.start()
    plan = {
        "link": f"127.0.0.1:{centre.port}",
        "transfer": f"127.0.0.1:{centre.transfer_port}",
        "entries": scale.entries,
        "nodes": nodes,
    }
    (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
    stubs = await Nodes.start(folder)
    try:
        await stubs.do("found")
        await _equal(report, stubs, rounds)
        await _behind(report, stubs, scale)
    finally:
        await stubs.stop()
        await centre.stop()


async def _equal(report: Report, stubs: Nodes, rounds: int) -> None:
    ours: list[dict[str, float]] = []
    plain: list[dict[str, float]] = []
    for number in range(-1, rounds):  # the first one warms up
        told = await stubs.do("equal"), await stubs.do("plain")
        if number >= 0:
            ours.append(told[0])
            plain.append(told[1])
    for name, unit in (("bytes", "B"), ("trips", ""), ("seconds", "s")):
        report.add(f"all equal, {name}, ours", unit, [one[name] for one in ours])
        report.add(f"all equal, {name}, id list", unit, [one[name] for one in plain])
    sizes, lists = [one["bytes"] for one in ours], [one["bytes"] for one in plain]
    report.compare(
        "all equal, bytes per node / 400 B",
        sizes,
        [EQUAL_BYTES_GOAL] * len(sizes),
        goal=1.0,
        at_most=True,
    )
    report.compare("all equal, bytes, ours / id list", sizes, lists)
    times = [one["seconds"] for one in ours], [one["seconds"] for one in plain]
    report.compare("all equal, time, ours / id list", *times)


async def _behind(report: Report, stubs: Nodes, scale: Scale) -> None:
    """Once: it writes as many bytes as the disk takes in minutes."""
    await stubs.do("write", entries=scale.days_entries, blobs=scale.days_blobs)
    plain = await stubs.do("plain")
    entries = await stubs.do("behind")
    blobs = await stubs.do("bring")
    count = scale.nodes * scale.days_entries
    size = scale.nodes * scale.days_blobs * BLOB_BYTES
    report.add("four days behind, entries, last ack", "s", [entries["seconds"]])
    report.add("four days behind, entries durable", "/s", [count / entries["seconds"]])
    report.add("four days behind, bytes of entries per node", "B", [entries["bytes"]])
    report.add("four days behind, id list alone per node", "B", [plain["bytes"]])
    report.add("four days behind, blobs, last VERIFIED", "s", [blobs["seconds"]])
    report.add("four days behind, blobs", "MB/s", [size / 1e6 / blobs["seconds"]])


def _node(authority: Authority, number: int) -> dict[str, str]:
    node_id = f"lpse-{number:04}"
    identity = authority.node(node_id)
    authority.nodes[node_id] = signer_of(node_id)
    return {"node_id": node_id, "identity": str(identity)}
