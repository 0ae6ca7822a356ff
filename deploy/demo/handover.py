"""Opening a package after its effective deadline, and what is handed over.

Owns the Pokja's act and the comparison of the folder with the vendors' own files, byte for byte.
Leaves out the deadline itself: whether it has passed is the node's to say.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from deploy.demo.federation import Federation
from deploy.demo.node import POKJA, Node
from deploy.demo.tools import error_code
from deploy.demo.vendors import Bid
from lpse.terminal.words import date_text, say


async def refuse_package(world: Federation, node: Node, code: str, name: str) -> None:
    """An opening that must be refused."""
    out = node.folder / f"refused-{code}"
    words = ("package", "open", code, "--out", str(out), *node.signed(POKJA))
    refused = await node.lpse(*words, expect=(0, 1, 4, 5))
    seen = error_code(refused.stderr) if refused.status else say("it was opened")
    world.story.promise(name, refused.status != 0 and not out.exists(), seen)


async def open_package(world: Federation, node: Node, code: str) -> None:
    """Open, take over, confirm, and compare with what the vendors handed in."""
    out = node.folder / f"opened-{code}"
    words = ("package", "open", code, "--out", str(out), "--confirm", *node.signed(POKJA))
    taken: dict[str, Any] = (await node.lpse(*words)).document
    world.opened.append(code)
    deadline = datetime.fromisoformat(taken["deadline_time"])
    world.story.tell(
        f"Pokja {node.id}",
        "opens package {code} after its new deadline {deadline}: {count} submissions.",
        code=code,
        deadline=date_text(deadline, node.facts.zone),
        count=taken["submissions"],
    )
    bids = [one.bid for one in world.vendors.handed if one.bid.package == code]
    whole = _digests_in(out) >= _digests_of(bids) and taken["submissions"] == len(bids)
    world.story.promise(
        f"the-handover-of-{code}-is-complete",
        whole and taken["confirm_time"] is not None and not taken["unreadable"],
        "{count} of {all} submissions, every file equal, confirmed",
        count=taken["submissions"],
        all=len(bids),
    )


def judge_replaced(world: Federation, node: Node, bids: list[Bid]) -> None:
    """Every bid of a vendor was handed over, and each newer one names the one it replaces."""
    out = node.folder / f"opened-{bids[0].package}"
    manifests = [json.loads(path.read_bytes()) for path in out.glob("*/manifest.json")]
    told = {str(one["details"]["intake_key"]): one["details"] for one in manifests}
    named = [told.get(bid.key, {}).get("replaces") or None for bid in bids]
    expected = [None, *(bid.key for bid in bids[:-1])]
    world.story.promise(
        "a-replaced-bid-is-handed-over-too",
        named == expected and all(bid.key in told for bid in bids),
        "{count} bids of one vendor, and the newer one says which it replaces",
        count=len(bids),
    )


def _digests_in(folder: Path) -> Counter[bytes]:
    return Counter(
        hashlib.sha256(path.read_bytes()).digest() for path in folder.rglob("*") if path.is_file()
    )


def _digests_of(bids: list[Bid]) -> Counter[bytes]:
    return Counter(hashlib.sha256(file.read_bytes()).digest() for bid in bids for file in bid.files)
