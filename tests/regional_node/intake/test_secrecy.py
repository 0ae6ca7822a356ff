"""Invariant 6: before opening nothing outside the node's own tables tells whose bids exist."""

from __future__ import annotations

import io
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from lpse.intake.v1 import submissions_pb2 as wire
from lpse.runtime.logs import configure
from tests.regional_node.intake.node import CODE, DEADLINE, Node, serve, start_node
from tests.regional_node.intake.uploads import FINISH, begin, chunk, requests, upload

VENDOR = "PT Rahasia Abadi"
FILES = {"harga rahasia.rhs": b"r" * 200_000}
SECRETS = (VENDOR, "PT Rahasia", CODE, "harga rahasia", "rahasia.rhs", "kunci-rahasia")


def first(key: str) -> wire.BeginSubmission:
    return begin(FILES, key=f"kunci-rahasia-{key}", details={"vendor": VENDOR})


async def exercise(node: Node) -> str:
    """Accept, repeat, contradict, break, refuse and judge; the answers of the queue as text."""
    async with serve(node) as stub:
        await upload(stub, requests(FILES, first("1")))
        await upload(stub, requests(FILES, first("1")))
        await upload(stub, requests({"harga rahasia.rhs": b"s" * 200_000}, first("1")))
        await upload(stub, requests(FILES, first("2"))[:-1])
        broken = wire.UploadSubmissionRequest(begin=first("3"))
        await upload(stub, [broken, chunk(0, b"x" * 300_000), FINISH])
        node.clock.set(DEADLINE + timedelta(seconds=1))
        await upload(stub, requests(FILES, first("4")))
        await node.judging.step(node.clock.moment())
        queue = await stub.ListQueue(wire.ListQueueRequest())
        item = await stub.GetQueueItem(wire.GetQueueItemRequest(name=queue.items[0].name))
        return f"{queue}{item}"


async def test_logs_journal_and_queue_keep_the_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No vendor, file, package or intake key is in any log at any level, entry or queue listing."""
    caplog.set_level(logging.DEBUG)
    logged = io.StringIO()
    log = configure(level="DEBUG", stream=logged, json=True, node="lpse-pacitan")
    async with start_node(tmp_path, log=log) as node:
        queue = await exercise(node)
        rows = await node.journal.entries(0, node.journal.head.size)
        entries = b"".join(row.data for row in rows)
    assert len(rows) >= 5
    assert "upload.accepted" in logged.getvalue()
    assert "upload.refused" in logged.getvalue()
    told = logged.getvalue() + caplog.text + queue
    for secret in SECRETS:
        assert secret not in told
        assert secret.encode() not in entries


async def test_equal_bids_cannot_be_recognised_by_their_commitments(tmp_path: Path) -> None:
    """The same details under two keys, or in two attempts, show unrelated commitments."""
    async with start_node(tmp_path) as node:
        await exercise(node)
        commitments = await node.database.read(
            lambda tx: tx.execute(
                "SELECT commitment FROM intake_submissions UNION ALL"
                " SELECT commitment FROM intake_attempts"
            )
        )
    assert len(set(commitments)) == len(commitments) >= 4
