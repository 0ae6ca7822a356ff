"""A disk that rots: one bit of a sealed file flips, and the node's scrub has to notice.

Owns the damage and the wait for the node to have set it right. Rule: whole is what the driver
itself reads from the disk and hashes. Leaves out how it is healed (regional_node/scrub).
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from deploy.demo.evidence import BLOBS, own_journal
from deploy.demo.federation import Federation
from deploy.demo.node import Node
from lpse.federation.v1 import records_pb2 as records


def flip_a_bit(world: Federation, node: Node) -> Path:
    """Change one bit in the newest sealed file of a node, behind its back."""
    bid = [one.bid for one in world.vendors.handed if one.bid.node is node][-1]
    digest = hashlib.sha256(bid.files[0].read_bytes()).hexdigest()
    blob = node.data / BLOBS / "sha256" / digest[:2] / digest
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    mode = blob.stat().st_mode
    blob.chmod(0o600)
    blob.write_bytes(data)
    blob.chmod(mode)
    world.story.tell(node.id, "A bit of a sealed file flips on the disk.")
    return blob


async def wait_healed(world: Federation, node: Node, blob: Path) -> None:
    """Until the good bytes are back, and the decision is on record."""

    async def healed() -> bool:
        return await asyncio.to_thread(_is_whole, blob)

    await world.until(f"{node.id} has healed its file", healed)

    async def recorded() -> bool:
        return bool(await asyncio.to_thread(_runs, node))

    await world.until(f"{node.id} has written that down", recorded)
    run = (await asyncio.to_thread(_runs, node))[-1]
    world.story.promise(
        "a-flipped-bit-is-found-and-healed",
        await healed() and run.entries[0].hash_after.hex() == blob.name,
        "{node} noticed it while re-reading and fetched the file from the centre ({rule})",
        node=node.id,
        rule=run.entries[0].rule,
    )


def _runs(node: Node) -> list[records.ReconciliationRecorded]:
    """What the scrub of a node has written into its journal."""
    return [
        one
        for one in own_journal(node.data).records()
        if isinstance(one, records.ReconciliationRecorded)
        and one.trigger == records.RECONCILIATION_TRIGGER_SCRUB
    ]


def _is_whole(blob: Path) -> bool:
    try:
        return hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    except OSError:  # set aside, and not yet here again
        return False
