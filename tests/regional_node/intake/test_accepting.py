"""Submissions come in whole, durably, and under one receipt that never changes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lpse.federation.receipts import verify_receipt
from lpse.federation.v1.records_pb2 import Verdict
from lpse.intake.v1 import submissions_pb2 as wire
from tests.regional_node.intake.node import CODE, Node, serve, start_node


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with start_node(tmp_path) as started:
        yield started


def begin(files: dict[str, bytes], key: str = "key-00000001") -> wire.BeginSubmission:
    return wire.BeginSubmission(
        intake_key=key,
        package=CODE,
        details_json=json.dumps({"vendor": "PT Sumber Makmur"}).encode(),
        channel=wire.CHANNEL_DIRECT,
        files=[wire.DeclaredFile(name=n, size_bytes=len(d)) for n, d in files.items()],
    )


async def test_slice(node: Node) -> None:
    files = {"a.rhs": b"x" * 1000, "b.rhs": b"y" * 3_000_000, "c.rhs": b""}

    async def requests() -> AsyncIterator[wire.UploadSubmissionRequest]:
        yield wire.UploadSubmissionRequest(begin=begin(files))
        for number, data in enumerate(files.values()):
            for start in range(0, len(data), 500_000):
                chunk = wire.FileChunk(file=number, data=data[start : start + 500_000])
                yield wire.UploadSubmissionRequest(chunk=chunk)
        yield wire.UploadSubmissionRequest(finish=wire.FinishSubmission())

    async with serve(node) as stub:
        responses = [one async for one in stub.UploadSubmission(requests())]
        again = [one async for one in stub.UploadSubmission(requests())]
    accepted = responses[-1].accepted
    print(accepted.receipt.decode())
    assert accepted.verdict == Verdict.VERDICT_ON_TIME
    assert again[-1].accepted.receipt == accepted.receipt
    checked = verify_receipt(accepted.receipt, node.signer.verifier)
    assert checked.accepted
