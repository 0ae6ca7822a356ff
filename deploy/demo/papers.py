"""What vendors hold in their hands, checked as anybody can check it.

Owns the check of receipts, proofs of attempts and proofs from the journal with the published keys,
what an address tells of other vendors, and what the page says of the centre. Rule: a check runs
`lpse-node receipt verify` with files only: no daemon, no database and no network is configured.
Leaves out how bids come in (`online`).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deploy.demo.browser import Browser
from deploy.demo.node import Node
from lpse.federation.errors import FederationError
from lpse.federation.notes import Verifier
from lpse.federation.receipt_proofs import verify_receipt_proof
from lpse.terminal.words import say

if TYPE_CHECKING:
    from deploy.demo.online import Visit

_CHANGES: Final = 200  # bytes of a proof that are changed, one at a time, all over it
_MOVING: Final = ("now", "centre")  # what a page shows of the clock and the link


async def check(
    node: Node, browser: Browser, signed: Path, *files: Path, refused: bool = False
) -> dict[str, Any]:
    """Check a signed file with the keys that the node publishes; what the check said."""
    keys = (await browser.get("/keys")).json()
    words = ["receipt", "verify", *map(str, (signed, *files))]
    words += ["--public-key", keys["node"]["key"], "--centre-key", _centre_key(keys)]
    answer = await node.offline(*words, expect=(1,) if refused else (0,))
    return {"valid": False} if refused else dict(answer.document)


async def verify_receipt(one: Visit) -> None:
    """The receipt and the bid's own files, compared by anybody."""
    handed = one.handed[0]
    told = await check(one.node, one.browser, handed.bid.receipt, *handed.bid.files)
    one.world.story.promise(
        "a-receipt-of-the-page-verifies-offline",
        told["valid"] and told["files_checked"] == len(handed.bid.files),
        "{code}, {verdict}, {count} files compared, with the published keys alone",
        code=told["code"],
        verdict=told["verdict"],
        count=told["files_checked"],
    )


async def compare_pages(one: Visit, other: Visit, before: dict[str, Any]) -> None:
    """Before the opening an address tells its holder nothing of the bids of others."""
    after = await other.browser.state()
    still = {key for key in after if key not in _MOVING and after[key] != before[key]}
    address = other.browser.address
    await other.browser.get(f"{address}/receipts/1.txt", expect=(404,))
    stolen = replace(one.parts[0], url=f"{address}/files/{one.parts[0].name}")
    offset = await other.browser.offset(stolen, expect=(200, 404))
    early = await one.browser.get(f"{one.browser.address}/receipts/1.proof", expect=(200, 409))
    one.world.story.promise(
        "before-opening-an-address-tells-nothing-of-others",
        not still and offset < 0 and early.status_code == 409,
        "{count} bids of another vendor leave the page as it was; no proof yet ({error})",
        count=len(one.handed),
        error=early.json()["code"],
    )


async def look_at_centre(one: Visit, *, arrived: bool) -> None:
    """The two ticks of the page: received by LPSE, recorded at the centre."""
    ticks = [row["at_centre"] for row in (await one.browser.state())["submissions"]]
    seen = {value for tick in ticks for value in tick.values()}
    name = "sees-it-arrive" if arrived else "knows-what-the-centre-lacks"
    one.world.story.promise(
        f"the-page-{name}",
        seen == {arrived},
        "{count} submissions: received by LPSE; recorded at the centre: {arrived}",
        count=len(ticks),
        arrived=say("yes") if arrived else say("not yet"),
    )


async def upgrade(one: Visit) -> None:
    """After the opening a receipt becomes a proof that needs neither node nor centre."""
    handed, story = one.handed[-1], one.world.story
    number = len(one.handed)
    answer = await one.browser.get(f"{one.browser.address}/receipts/{number}.proof")
    proof = handed.bid.details.with_suffix(".tlog-proof")
    proof.write_bytes(answer.content)
    told = await check(one.node, one.browser, proof, *handed.bid.files)
    story.promise(
        "a-receipt-becomes-a-proof-after-opening",
        told["valid"] and told["kind"] == "PROOF",
        "entry {index} of {size}, cosigned by the centre; it verifies without node and centre",
        index=told["journal_index"],
        size=told["journal_size"],
    )
    changed = handed.bid.details.with_suffix(".changed-proof")
    changed.write_bytes(_flipped(answer.content, len(answer.content) // 2))
    await check(one.node, one.browser, changed, refused=True)
    keys = (await one.browser.get("/keys")).json()
    verifiers = Verifier.parse(keys["node"]["key"]), Verifier.parse(_centre_key(keys))
    unseen, tried = await asyncio.to_thread(_tamper, answer.content, verifiers)
    story.promise(
        "one-changed-byte-is-noticed",
        not unseen,
        "{count} of {all} changed proofs are refused",
        count=tried - unseen,
        all=tried,
    )


def _tamper(proof: bytes, keys: tuple[Verifier, Verifier]) -> tuple[int, int]:
    """Change one bit at a time, all over a proof; how many changes were not noticed, and tried."""
    places = range(0, len(proof), max(1, len(proof) // _CHANGES))
    return sum(_is_taken(_flipped(proof, place), keys) for place in places), len(places)


def _is_taken(proof: bytes, keys: tuple[Verifier, Verifier]) -> bool:
    try:
        verify_receipt_proof(proof, *keys)
    except FederationError:
        return False
    return True


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _centre_key(keys: dict[str, Any]) -> str:
    return str(keys["centre"]["key"])
