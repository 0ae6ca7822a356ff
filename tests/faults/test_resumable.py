"""A resumable upload over a node that dies at the worst moments: what was answered stays true."""

from __future__ import annotations

import asyncio
import random

import httpx

from lpse.intake.v1 import grants_pb2 as grants
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1.grants_pb2_grpc import GrantsStub
from lpse.runtime.channels import open_local_channel
from tests.faults import disk as faulty_disk
from tests.faults.checker import check_node, node_at
from tests.faults.conftest import Copy
from tests.faults.disk import Fault
from tests.faults.tus_vendors import BYTES, VERSION
from tests.faults.vendors import Submission, Vendors
from tests.faults.world import PACKAGES, Node

CONTENT = random.Random(4).randbytes(900_000)
HALF = len(CONTENT) // 2


async def test_node_that_dies_while_a_file_becomes_whole_keeps_what_it_acknowledged(
    copy: Copy,
) -> None:
    """Invariant 1: a disk that fails at the row of a whole file takes no offset back."""
    _, nodes = copy(0)
    node = nodes["lpse-pacitan"]
    plan = node.data.with_name("errors.json")
    faulty_disk.faulty(node, plan)
    await node.start()
    base, name = await _grant(node)
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        made = await client.post(
            f"{base}/files", headers={**VERSION, "Upload-Length": str(len(CONTENT))}
        )
        file_id = made.raise_for_status().headers["Location"].rpartition("/")[2]
        url = f"{base}/files/{file_id}"
        (await _patch(client, url, 0, CONTENT[:HALF])).raise_for_status()
        whole = "UPDATE tus_files SET offset_bytes = size_bytes*"
        faulty_disk.arm(plan, [Fault("sql", "EIO", whole, times=0)])
        assert not (await _patch(client, url, HALF, CONTENT[HALF:])).is_success
        assert node.process is not None
        assert await asyncio.to_thread(node.process.wait, 15) != 0, "it goes on without its disk"
        faulty_disk.arm(plan, [])
        await node.start()
        head = (await client.head(url, headers=VERSION)).raise_for_status()
        offset = int(head.headers["Upload-Offset"])
        assert HALF <= offset <= len(CONTENT), "an acknowledged offset went back"
        if offset < len(CONTENT):
            (await _patch(client, url, offset, CONTENT[offset:])).raise_for_status()
        (await client.post(f"{base}/submit", json={"files": [file_id]})).raise_for_status()
        receipt = (await client.get(f"{base}/receipts/1.txt")).raise_for_status().content
    vendors = Vendors(random.Random(1))
    vendors.keep(Submission(f"{name}-1", PACKAGES[0], (CONTENT,)), receipt)
    await node.kill()
    check_node(node_at(node.name, node.data), vendors.given)


async def _patch(
    client: httpx.AsyncClient, url: str, offset: int, content: bytes
) -> httpx.Response:
    """One PATCH; a line that breaks with the node counts as its 503."""
    try:
        headers = {**BYTES, "Upload-Offset": str(offset)}
        return await client.patch(url, headers=headers, content=content)
    except httpx.TransportError:
        return httpx.Response(503)


async def _grant(node: Node) -> tuple[str, str]:
    wish = grants.CreateGrantRequest(
        package=PACKAGES[0], details_json=b'{"vendor": "PT Tekun"}', channel=wire.CHANNEL_DIRECT
    )
    async with open_local_channel(node.socket) as channel:
        made = await GrantsStub(channel).CreateGrant(wish)
    token = str(made.url).rstrip("/").rpartition("/")[2]
    return f"{node.address}/g/{token}", made.grant.name.removeprefix("grants/")
