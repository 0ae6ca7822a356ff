"""Real daemons: an officer asks for an audit, and rows that somebody spoiled are right again."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.faults.asking import drained, eventually
from tests.faults.conftest import Copy, copy, founding  # noqa: F401 - fixtures
from tests.faults.vendors import Vendors
from tests.faults.world import Node, call

NODE = "lpse-pacitan"


async def _deep(node: Node) -> dict[str, Any]:
    """As the officer types it; tried again while the link is not up yet."""
    told: dict[str, Any] = {}

    async def asked() -> bool:
        try:
            words = ("recon", "run", "--deep")
            answer = await asyncio.to_thread(
                call, "lpse-node", *words, environment=node.environment
            )
        except AssertionError:
            return False
        told.update(answer)
        return True

    await eventually(asked, about=f"an audit:\n{node.tail()}")
    return told


def _rules(node: Node, told: dict[str, Any]) -> set[str]:
    """The rules by which that audit's run decided."""
    return {entry["rule"] for entry in _told(node, told)}


def _told(node: Node, told: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of that audit's run, for whoever reads a failure."""
    words = ("recon", "get", told["audit"]["run"])
    run = call("lpse-node", *words, environment=node.environment)
    rows: list[dict[str, Any]] = run["record"]["entries"]
    return rows


def _spoil(database: Path, *statements: str) -> None:
    """While the daemon is stopped."""
    with closing(sqlite3.connect(database)) as connection:
        for one in statements:
            assert connection.execute(one).rowcount > 0, one
        connection.commit()


async def test_spoiled_rows_of_a_real_pair_are_found_and_healed(
    copy: Copy,  # noqa: F811 - the fixture
) -> None:
    """Objects of the real areas are equal; what is spoiled on either side is healed or told."""
    centre, nodes = copy(0)
    node = nodes[NODE]
    vendors = Vendors(random.Random(11))
    await asyncio.gather(centre.start(), node.start())
    await vendors.hand_in(node.socket, vendors.plan(6, prefix="a"))
    await drained(node)
    sound = await _deep(node)
    assert int(sound["audit"]["objects"]) >= 14  # six submissions, their blobs, two packages
    assert int(sound["audit"]["differences"]) == 0

    await asyncio.gather(centre.stop(), node.stop())
    _spoil(
        centre.data / "central.db",
        "DELETE FROM audit_objects WHERE area = 'upload'",
        "UPDATE upload_blobs SET size_bytes = size_bytes + 1",
        "UPDATE packages SET revision = revision + 5",
    )
    await asyncio.gather(centre.start(), node.start())
    spoiled = await _deep(node)
    differences = int(spoiled["audit"]["differences"])
    assert differences >= 13
    assert int(spoiled["audit"]["healed"]) == differences

    assert {"R-STATE-CENTRE-REBUILT/1", "R-PROOF-GIVEN/1"} <= _rules(node, spoiled)

    await node.stop()
    _spoil(
        node.data / "node.db",
        "DELETE FROM intake_submissions WHERE submission = 2",
        "DELETE FROM transfer_blobs WHERE item = 1",
    )
    await node.start()
    lost = await _deep(node)
    healed = int(lost["audit"]["healed"]), int(lost["audit"]["differences"])
    assert healed == (2, 2), _told(node, lost)
    assert "R-STATE-NODE-REBUILT/1" in _rules(node, lost)
    again = await _deep(node)
    assert int(again["audit"]["differences"]) == 0
    passes = call("lpse-node", "recon", "audit", environment=node.environment)["passes"]
    assert {one["found"] for one in passes} == {""}
    assert "FED-" not in json.dumps(passes)
