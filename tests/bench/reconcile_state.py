"""One difference among a million objects: found and healed, against sending the whole list.

Owns a node and a centre that audit each other over mTLS, with as many sealed blobs as asked for.
Each round changes one row at the centre; ours finds it by digests and heals it from the ledger. The
yardstick sends identifier and digest of every object over the same kind of connection and is told
which differ; it heals nothing. Leaves out proofs, which an audit asks for besides.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import grpc

from central.audit.objects import page_in as centre_page_in
from lpse.federation.limits import MIB
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime import tls
from lpse.runtime.channels import SERVER_OPTIONS, open_channel
from lpse.runtime.sqlite import Transaction
from lpse.storage.state_tree import build_tree
from regional_node.audit.client import open_calls
from regional_node.audit.objects import page_in
from tests.bench.figures import Report
from tests.federation.audits import NODE, AuditedCentre, audit_worker, projected
from tests.federation.rig import CLOCK, Authority, Node, eventually, running

BYTES_GOAL: Final = 4_096.0
PER_ENTRY: Final = 250  # blobs of one submission
PER_COMMIT: Final = 40 * PER_ENTRY
PLAIN: Final = "/bench.List/Compare"


async def measure(report: Report, folder: Path, rounds: int, objects: int) -> None:
    """Bytes, questions and seconds of both."""
    authority = Authority(folder)
    centre = AuditedCentre(authority, folder / "centre")
    async with running(centre):
        node = Node(authority, folder / "node", NODE, centre.port)
        async with running(node):
            await _fill(node, objects)
            while not await projected(centre, node):
                await asyncio.sleep(0.1)
            plain = _Plain(centre)
            await plain.start()
            try:
                await _rounds(report, (centre, node, plain), rounds, objects)
            finally:
                await plain.stop()


async def _rounds(
    report: Report, parties: tuple[AuditedCentre, Node, _Plain], rounds: int, objects: int
) -> None:
    centre, node, plain = parties
    worker = audit_worker(node, centre)
    found: dict[str, list[float]] = {
        name: [] for name in ("bytes", "calls", "s", "list B", "list s")
    }
    for number in range(rounds):
        digest = _digest(number * 17 + 3)
        await centre.database.write(partial(_spoil_in, digest))
        size, seconds = await plain.compare(node)
        found["list B"].append(size)
        found["list s"].append(seconds)
        start = time.monotonic()
        async with open_calls(worker._connect) as calls:
            compared = await worker._comparing.compare(calls)
        found["s"].append(time.monotonic() - start)
        found["bytes"].append(float(calls.traffic.payload_bytes))
        found["calls"].append(float(calls.traffic.calls))
        assert len(compared.looks) == 1 and compared.looks[0].healed, compared.looks
    title = f"one difference in {objects:,} objects"
    report.add(f"{title}, bytes", "B", found["bytes"])
    report.add(f"{title}, round trips", "", found["calls"])
    report.add(f"{title}, found and healed", "s", found["s"])
    report.add(f"{title}, id list bytes", "B", found["list B"])
    report.add(f"{title}, id list found", "s", found["list s"])
    goal = [BYTES_GOAL] * rounds
    report.compare(f"{title}, bytes / 4 kB", found["bytes"], goal, goal=1.0, at_most=True)
    report.compare(f"{title}, bytes, ours / id list", found["bytes"], found["list B"])


def _spoil_in(digest: bytes, tx: Transaction) -> None:
    tx.run("UPDATE upload_blobs SET size_bytes = size_bytes + 1 WHERE digest = ?", (digest,))


def _digest(number: int) -> bytes:
    return sha256(b"blob %d" % number).digest()


async def _fill(node: Node, objects: int) -> None:
    """Submissions of many files, row and entry together."""
    for first in range(0, objects, PER_COMMIT):
        last = min(first + PER_COMMIT, objects)
        await node.database.write(partial(_accept_all_in, node, range(first, last)))
    await eventually(lambda: node.state.session is not None)


def _accept_all_in(node: Node, numbers: range, tx: Transaction) -> None:
    for at in range(0, len(numbers), PER_ENTRY):
        _accept_in(node, tx, numbers[at : at + PER_ENTRY])


def _accept_in(node: Node, tx: Transaction, numbers: range) -> None:
    record = records.UploadAccepted(commitment=sha256(b"upload %d" % numbers[0]).digest())
    record.accept_time.FromDatetime(CLOCK.wall().replace(microsecond=0))
    for number in numbers:
        record.blobs.add(digest=_digest(number), size_bytes=1_000 + number)
    index = node.journal.append_in(tx, record)
    micros = record.accept_time.seconds * 1_000_000
    tx.run(
        "INSERT INTO intake_submissions (intake_key, package, commitment, salt, details,"
        " accept_time, clock_error, zone, receipt, verdict, deadline_time, schedule_revision,"
        " journal_epoch, journal_index) VALUES (?, 'p', ?, x'00', x'00', ?, 0, 'Asia/Jakarta',"
        " x'00', 1, 0, 1, ?, ?)",
        (f"key-{numbers[0]}", record.commitment, micros, node.journal.epoch, index),
    )
    tx.many(
        "INSERT INTO transfer_blobs (digest, size_bytes, store_time, epoch, idx, shuffle, state)"
        " VALUES (?, ?, 0, ?, ?, 0, 'WAITING')",
        [(_digest(one), 1_000 + one, node.journal.epoch, index) for one in numbers],
    )


class _Plain:
    """The yardstick: all records over, those that differ back."""

    def __init__(self, centre: AuditedCentre) -> None:
        self._centre = centre

    async def start(self) -> None:
        """Listen with the centre's identity."""
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(
            self._compare
        )
        self._server = grpc.aio.server(options=SERVER_OPTIONS)
        service, method = PLAIN.strip("/").split("/")
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {method: handler}),)
        )
        credentials = tls.server_credentials(self._centre.authority.centre_identity, clients=True)
        self._port = self._server.add_secure_port("127.0.0.1:0", credentials)
        await self._server.start()

    async def stop(self) -> None:
        """End it."""
        await self._server.stop(0)

    async def compare(self, node: Node) -> tuple[float, float]:
        """Bytes and seconds until the node knows which objects differ."""
        start = time.monotonic()
        tree = await build_tree(node.database, page_in, CLOCK)
        data = b"".join(_all(tree))
        credentials = tls.client_credentials(node.identity)
        address = f"127.0.0.1:{self._port}"
        async with open_channel(
            address, credentials, server_name=tls.CENTRE_SERVER_NAME
        ) as channel:
            method: Any = channel.stream_unary(PLAIN)
            pieces = [data[at : at + MIB // 2] for at in range(0, len(data), MIB // 2)]
            answer = await method(iter(pieces))
        assert len(answer) == 32, "one record of the node differs"
        return float(len(data) + len(answer)), time.monotonic() - start

    async def _compare(self, requests: Any, _context: Any) -> bytes:
        data = b"".join([piece async for piece in requests])
        tree = await build_tree(
            self._centre.database,
            lambda tx, area, after, limit: centre_page_in(tx, NODE, area, after, limit),
            CLOCK,
        )
        held = set(_all(tree))
        shown = (data[at : at + 32] for at in range(0, len(data), 32))
        return b"".join(one for one in shown if one not in held)


def _all(tree: Any) -> list[bytes]:
    return [one for digit in range(256) for one in tree.records(bytes(divmod(digit, 16)))]
