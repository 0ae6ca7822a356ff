"""Killed in the middle of uploads: what was receipted is there, what was not is gone."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest

from lpse.federation.receipts import verify_receipt
from lpse.intake.v1 import submissions_pb2_grpc as grpc_wire
from lpse.runtime.channels import open_local_channel
from tests.regional_node.intake.node import Node, journalled, start_node, stored_files
from tests.regional_node.intake.processes import daemon
from tests.regional_node.intake.uploads import begin, requests, upload


def files_of(number: int) -> dict[str, bytes]:
    """Small and large files; every third submission shares its large one with others."""
    large = bytes([number % 3]) * 700_000
    return {"small.rhs": b"%d" % number * 40, "large.rhs": large}


async def upload_until_killed(folder: Path, kills_after: int, start: int) -> dict[int, bytes]:
    """Twelve uploads at once; the daemon is killed when `kills_after` have their receipts."""
    receipts: dict[int, bytes] = {}
    async with daemon(folder) as process, open_local_channel(folder / "intake.sock") as channel:
        stub = grpc_wire.SubmissionsStub(channel)

        async def one(number: int) -> None:
            files = files_of(number)
            first = begin(files, key=f"key-{number:08}")
            answers = await upload(stub, requests(files, first))
            if answers.accepted is not None:
                receipts[number] = answers.accepted.receipt
            if len(receipts) >= kills_after and process.returncode is None:
                process.kill()

        await asyncio.gather(*(one(number) for number in range(start, start + 12)))
    return receipts


async def check(node: Node, receipts: dict[int, bytes]) -> None:
    """Every receipt that left the process, and nothing by halves."""
    for number, receipt in receipts.items():
        stored = await node.store.submission(f"key-{number:08}")
        assert stored is not None
        assert stored.receipt == receipt
        contents = [(len(d), sha256(d).digest()) for d in files_of(number).values()]
        assert verify_receipt(receipt, node.signer.verifier, contents).files_missing == ()
        for data in files_of(number).values():
            assert node.blobs.path_of(sha256(data).digest()).read_bytes() == data
    rows = await node.database.read(lambda tx: tx.execute("SELECT * FROM intake_submissions"))
    assert len(rows) == len(await journalled(node, "upload.accepted")) >= len(receipts)
    vouched = await node.store.vouched_digests()
    assert {path.name for path in stored_files(node)} == {one.hex() for one in vouched}


@pytest.mark.parametrize("kills_after", [1, 4])
async def test_killed_while_uploads_come_in(tmp_path: Path, kills_after: int) -> None:
    """Invariant 1: after kill -9 each receipt has its entry and bytes; orphans are swept."""
    receipts: dict[int, bytes] = {}
    for start in (0, 100):
        receipts |= await upload_until_killed(tmp_path, kills_after, start)
    assert len(receipts) >= 2 * kills_after
    async with start_node(tmp_path) as node:
        await check(node, receipts)


async def test_after_a_kill_the_same_upload_goes_through(tmp_path: Path) -> None:
    """Invariant 2: repeating everything after a kill gives old receipts or first ones, no more."""
    receipts = await upload_until_killed(tmp_path, 3, 0)
    async with daemon(tmp_path), open_local_channel(tmp_path / "intake.sock") as channel:
        stub = grpc_wire.SubmissionsStub(channel)
        for number in range(12):
            files = files_of(number)
            first = begin(files, key=f"key-{number:08}")
            answers = await upload(stub, requests(files, first))
            assert receipts.setdefault(number, answers.receipt) == answers.receipt
    async with start_node(tmp_path) as node:
        await check(node, receipts)
        assert len(await journalled(node, "upload.accepted")) == 12
