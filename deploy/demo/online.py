"""Vendors who upload over HTTP, each with an address that the local SPSE asked for.

Owns what such a vendor does and what can go wrong on the way: a broken line, two programs at once,
a killed node, a bid sent twice, a bid replaced, a bid too late. Rule: bytes count as kept when the
node says so after the trouble. Leaves out receipts and proofs, and their check (`papers`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from deploy.demo import papers
from deploy.demo.browser import Browser, Part
from deploy.demo.federation import Federation
from deploy.demo.node import Node
from deploy.demo.vendors import Bid, Handed
from lpse.intake.v1 import grants_pb2 as wire
from lpse.intake.v1 import submissions_pb2 as shared
from lpse.intake.v1.grants_pb2_grpc import GrantsStub
from lpse.terminal.words import size_text

VENDOR: Final = "Penyedia"
_MIB: Final = 1024 * 1024
_KEPT: Final = 204
_STOPPED: Final = 423
_WRONG_OFFSET: Final = 409


@dataclass
class Visit:
    """A vendor with an address for one package, and what was handed in there."""

    world: Federation
    node: Node
    grant: str
    browser: Browser
    bid: Bid
    handed: list[Handed] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @property
    def package(self) -> str:
        """For which the address is."""
        return self.bid.package

    def next_bid(self) -> Bid:
        """Another bid of the same vendor, under the key that the node will give it."""
        made = self.world.vendors.bid(self.node, self.package, vendor=self.bid.vendor)
        return replace(made, key=f"{self.grant}-{len(self.handed) + 1}")


async def visit(
    world: Federation, node: Node, package: str, *, sizes: tuple[int, ...] = ()
) -> Visit:
    """SPSE asks for a grant and hands its address to a vendor's browser."""
    bid = world.vendors.bid(node, package, sizes=sizes)
    request = wire.CreateGrantRequest(
        package=package,
        details_json=bid.details.read_bytes(),
        channel=shared.CHANNEL_DIRECT,
    )
    answer = await GrantsStub(node.channel()).CreateGrant(request)
    return visit_of(world, bid, answer.grant.name, answer.url)


def visit_of(world: Federation, bid: Bid, grant: str, address: str) -> Visit:
    """A vendor's browser at an address that was made for the bid's package."""
    world.vendors.addresses.append(address.rpartition("/")[2])
    name = grant.removeprefix("grants/")
    return Visit(world, bid.node, name, Browser(address), replace(bid, key=f"{name}-1"))


async def break_line(one: Visit) -> None:
    """Begin the first file; the vendor's line breaks in the middle of it."""
    world, part = one.world, await one.browser.begin(one.bid.files[0])
    one.parts.append(part)
    whole = len(part.content)
    await world.links.cut_after(one.node.vendors_road, whole // 2)
    status = await one.browser.send(part, 0)
    await world.links.restore(one.node.vendors_road)
    kept = await one.browser.kept(part)
    world.story.tell(
        VENDOR,
        "A vendor uploads with a browser; the line breaks in the middle of a file of {whole}.",
        whole=size_text(whole),
    )
    world.story.promise(
        "a-broken-line-loses-only-what-did-not-arrive",
        status == 0 and 0 < kept < whole,
        "{kept} of {whole} are kept; the upload goes on from there",
        kept=size_text(kept),
        whole=size_text(whole),
    )


async def write_twice(one: Visit) -> None:
    """A program that was given up goes on sending beside a newer one."""
    part, release = one.parts[0], asyncio.Event()
    offset = await one.browser.offset(part)
    older = await _fall_silent(one, offset, release)
    one.world.story.tell(
        VENDOR, "The vendor's first program still sends when a second one goes on with the file."
    )
    newer = await one.browser.send(part, offset, _MIB)
    release.set()
    stale = [await older, await one.browser.send(part, offset, _MIB)]
    one.world.story.promise(
        "a-file-has-one-writer",
        newer == _KEPT and stale == [_STOPPED, _WRONG_OFFSET],
        "the newer program goes on ({newer}), the older one is stopped ({stopped}, {wrong})",
        newer=newer,
        stopped=stale[0],
        wrong=stale[1],
    )


async def send_until(one: Visit, kill: Callable[[], Awaitable[int]]) -> int:
    """Fall silent in the middle of a request and let the node be killed; what `kill` says."""
    release = asyncio.Event()
    sending = await _fall_silent(one, await one.browser.offset(one.parts[0]), release)
    try:
        return await kill()
    finally:
        release.set()
        await sending


async def _fall_silent(one: Visit, offset: int, release: asyncio.Event) -> asyncio.Task[int]:
    """A request of which the node has the first part, and waits for the rest."""
    world, part, road = one.world, one.parts[0], one.node.vendors_road
    passed = (await world.links.figures(road)).up_bytes
    sending = asyncio.create_task(one.browser.send(part, offset, hold=(_MIB // 2, release)))

    async def arrived() -> bool:
        return (await world.links.figures(road)).up_bytes >= passed + _MIB // 2

    await world.until("the node has the first part of a request", arrived)
    await one.browser.offset(part)  # answered after what came before it was read
    return sending


async def go_on(one: Visit) -> None:
    """After the kill: ask, send the rest and the other files, and compare digests."""
    world, part = one.world, one.parts[0]
    world.story.tell(VENDOR, "The browser asks the restarted node where to go on.")
    promised, kept = part.acknowledged_bytes, await one.browser.offset(part)
    await one.browser.send(part, kept)
    for path in one.bid.files[1:]:
        another = await one.browser.begin(path)
        await one.browser.send(another, 0)
        one.parts.append(another)
    seen = {file["id"]: file["sha256"] for file in (await one.browser.state())["files"]}
    equal = all(seen[p.name] == hashlib.sha256(p.content).hexdigest() for p in one.parts)
    world.story.promise(
        "after-kill-9-the-offset-is-the-truth",
        equal and kept >= promised > 0,
        "{kept} of {whole} were durable; {count} files are whole, digests equal",
        kept=size_text(kept),
        whole=size_text(len(part.content)),
        count=len(one.parts),
    )


async def bring(one: Visit) -> None:
    """Send every file of the bid over a good line, and submit."""
    for path in one.bid.files:
        part = await one.browser.begin(path)
        await one.browser.send(part, 0)
        one.parts.append(part)
    await _submit(one, one.bid, one.parts)


async def hand_in(one: Visit) -> None:
    """Submit the files, twice, as an impatient vendor does: one submission, one receipt."""
    receipt = await _submit(one, one.bid, one.parts, resumed=True)
    again = await one.browser.submit(one.parts, expect=200)
    same = await one.browser.get(f"{again['receipt']}.txt")
    one.world.story.promise(
        "submitting-twice-is-one-bid",
        same.content == receipt and again["number"] == 1,
        "submission {number}, the same receipt byte for byte",
        number=again["number"],
    )


async def replace_bid(one: Visit) -> None:
    """Another bid at the same address takes the place of the first, which stays."""
    bid = one.next_bid()
    part = await one.browser.begin(bid.files[0])
    await one.browser.send(part, 0)
    await _submit(one, bid, [part])
    listed = (await one.browser.state())["submissions"]
    kept = [await one.browser.get(f"{row['receipt']}.txt") for row in listed]
    one.world.story.tell(VENDOR, "The vendor replaces the bid; the first one stays.")
    one.world.story.promise(
        "a-replaced-bid-keeps-its-receipt",
        [answer.content for answer in kept] == [handed.receipt for handed in one.handed]
        and [row["replaces"] for row in listed] == [None, 1],
        "submission {newer} replaces {older}; both receipts are there",
        newer=listed[-1]["number"],
        older=listed[-1]["replaces"],
    )


async def come_too_late(one: Visit) -> None:
    """A file that begins after the deadline is refused, and the vendor fetches the proof."""
    one.world.story.tell(VENDOR, "A vendor comes too late with a browser, too.")
    refused = await one.browser.try_begin(one.bid.files[0], expect=(403,))
    attempts = (await one.browser.state())["attempts"]
    proof = (await one.browser.get(attempts[0]["proof"])).content
    one.bid.proof.write_bytes(proof)
    one.world.vendors.attempts.append((one.bid, proof))
    checked = await papers.check(one.node, one.browser, one.bid.proof)
    one.world.story.promise(
        "a-late-upload-by-http-leaves-a-proof",
        checked["valid"] and checked["kind"] == "ATTEMPT" and len(attempts) == 1,
        "{error}, {reason}, {size} received; the proof verifies with the published key",
        error=refused.json()["code"],
        reason=checked["reason"],
        size=size_text(attempts[0]["received_bytes"]),
    )


async def _submit(one: Visit, bid: Bid, parts: Sequence[Part], *, resumed: bool = False) -> bytes:
    """Hand in and keep the receipt."""
    linked = await one.node.is_linked()
    answer = await one.browser.submit(parts)
    receipt = (await one.browser.get(f"{answer['receipt']}.txt")).content
    said = (await one.browser.get(f"{answer['receipt']}.json")).json()
    bid.receipt.write_bytes(receipt)
    handed = Handed(
        bid=bid,
        receipt=receipt,
        verdict=str(said["verdict"]),
        commitment=bytes.fromhex(said["commitment"]),
        link_down=not linked and not await one.node.is_linked(),
        resumed=resumed,
    )
    one.handed.append(handed)
    one.world.vendors.handed.append(handed)
    return receipt
