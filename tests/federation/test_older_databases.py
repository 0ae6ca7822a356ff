"""A centre and a node with data from before there were resumable uploads, started by today's code.

`older/issue2.tar.xz` was made by the programs of that time (commit 67e6979), through their own
commands and API: six submissions of three packages. One package was opened and handed over, with a
late attempt refused; one has a deadline that passed since; one is open until 2096. Two submissions
came while the centre was away, so that their bytes were still in the queue. `receipts.json` holds
what vendors were given. The keys in it are worth nothing elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lpse.federation.notes import Verifier
from lpse.federation.receipt_proofs import verify_receipt_proof
from lpse.intake.v1 import grants_pb2 as grants
from lpse.intake.v1 import receipts_pb2 as receipts
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1.grants_pb2_grpc import GrantsStub
from lpse.intake.v1.receipts_pb2_grpc import ReceiptsStub
from lpse.runtime.channels import open_local_channel
from tests.faults.asking import drained, eventually, queued
from tests.faults.checker import centre_at, check_centre, check_national, check_node, node_at
from tests.faults.handover import examine_handover, take_over
from tests.faults.vendors import Submission, Vendors
from tests.faults.world import Centre, Node

ARCHIVE = Path(__file__).parent / "older" / "issue2.tar.xz"
OPENED, CLOSED, OPEN = "7781013", "7781014", "7781015"
BID = random.Random(7).randbytes(4_000)


@pytest.fixture
def older() -> Iterator[tuple[Centre, Node, Vendors]]:
    """The parties as they were left, stopped, and what their vendors hold."""
    folder = Path(tempfile.mkdtemp(prefix="lpse-"))  # short: the name of a socket has 107 bytes
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    centre = Centre(folder / "centre")
    node = Node("lpse-pacitan", folder / "lpse-pacitan", centre.ports[0], centre.ports[1])
    vendors = Vendors(random.Random(1))
    for key, one in json.loads((folder / "receipts.json").read_text("utf-8")).items():
        contents = tuple(map(bytes.fromhex, one["contents"]))
        vendors.keep(Submission(key, one["package"], contents), one["receipt"].encode())
    try:
        yield centre, node, vendors
    finally:
        centre.end()
        node.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(240)
async def test_older_data_is_kept_opened_and_drained(older: tuple[Centre, Node, Vendors]) -> None:
    """Invariants 1 to 4: every old receipt keeps its bytes, and what it promised is kept."""
    centre, node, vendors = older
    await node.start()  # the centre is away: an upgrade of the node alone
    assert await queued(node) == 3
    for submission, receipt in list(vendors.given.values()):
        if submission.package == OPEN:  # the same key again: the same bytes again
            assert await vendors.try_once(node.socket, submission), vendors.refused
            assert vendors.given[submission.key][1] == receipt
    for package, count in ((OPENED, 2), (CLOSED, 2)):
        taken = await take_over(node, package)
        assert sum(map(len, taken.values())) == count
        assert examine_handover(taken, vendors.given, package) == []
    await _upload_by_grant(node, vendors)
    await centre.start()
    await drained(node)
    for submission, receipt in vendors.given.values():
        if submission.package != OPEN:
            await _is_proved(node, submission, receipt)
    await asyncio.gather(node.kill(), centre.kill())
    here, there = node_at(node.name, node.data), centre_at(centre.data)
    check_node(here, vendors.given)
    check_centre(there, here, vendors.given)
    check_national(there, here)


async def _upload_by_grant(node: Node, vendors: Vendors) -> None:
    """A package of the older version takes a bid by browser."""
    wish = grants.CreateGrantRequest(
        package=OPEN, details_json=b'{"vendor": "PT Tekun"}', channel=wire.CHANNEL_DIRECT
    )
    async with open_local_channel(node.socket) as channel:
        made = await GrantsStub(channel).CreateGrant(wish)
    base = f"{node.address}/g/{made.url.rstrip('/').rpartition('/')[2]}"
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(len(BID)),
        "Content-Type": "application/offset+octet-stream",
    }
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        answer = await client.post(f"{base}/files", headers=headers, content=BID)
        file_id = answer.raise_for_status().headers["Location"].rpartition("/")[2]
        (await client.post(f"{base}/submit", json={"files": [file_id]})).raise_for_status()
        receipt = (await client.get(f"{base}/receipts/1.txt")).raise_for_status().content
    name = made.grant.name.removeprefix("grants/")
    vendors.keep(Submission(f"{name}-1", OPEN, (BID,)), receipt)


async def _is_proved(node: Node, submission: Submission, receipt: bytes) -> None:
    """The receipt becomes a proof that verifies by the public keys alone."""
    asked = receipts.UpgradeReceiptRequest(name=f"submissions/{submission.key}")
    made: list[receipts.UpgradeReceiptResponse] = []

    async def cosigned() -> bool:
        async with open_local_channel(node.socket) as channel:
            made.append(await ReceiptsStub(channel).UpgradeReceipt(asked))
        return True

    await eventually(cosigned)
    keys = Verifier.parse(made[0].node_key), Verifier.parse(made[0].centre_key)
    files = list(zip(map(len, submission.contents), submission.digests, strict=True))
    assert verify_receipt_proof(made[0].proof, *keys, files).receipt_bytes == receipt
