"""Kalimantan Selatan, June 2021: a submarine cable is cut, and vendors come to the Bidding Room.

Owns the order of events and the promises of this scenario: uploads over the LAN throughout, a
measured link outage that is nobody's fault in the region, a declaration for the province alone.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Final

from deploy.demo import declaration, handover
from deploy.demo.centre import OPERATOR
from deploy.demo.document import items
from deploy.demo.federation import LKPP, Federation
from deploy.demo.node import Node
from deploy.demo.room import STAFF, upload_at
from deploy.demo.vendors import SEATS, Handed
from lpse.terminal.words import duration_text, say

HOME: Final = "lpse-kalsel"
NEIGHBOUR: Final = "lpse-banjar"  # behind the same cable
_REASON: Final = "Perpanjangan karena putusnya kabel laut 14 Juni 2021"


async def play(world: Federation) -> None:
    """The whole story, from Monday morning to Tuesday afternoon."""
    cut = [world.nodes[HOME], world.nodes[NEIGHBOUR]]
    await _morning(world)
    await _cut_off(world, cut)
    await _restored(world, cut)
    await _declared(world, cut)
    await _opened(world)


async def _morning(world: Federation) -> None:
    story, vendors = world.story, world.vendors
    story.title(say("Monday morning: vendors upload over the network"))
    bids = [vendors.bid(node, node.facts.packages[0].code) for node in world.nodes.values()]
    await vendors.upload_all(bids)
    story.tell("Penyedia", "{count} bids are uploaded at {nodes} nodes.", count=5, nodes=5)


async def _cut_off(world: Federation, cut: list[Node]) -> None:
    """Twelve hours without the cable; ten seats in the Bidding Room."""
    story, vendors, home = world.story, world.vendors, world.nodes[HOME]
    story.title(say("The cable is cut; the Bidding Room takes over"))
    await world.step("2021-06-14T09:00")
    for node in cut:
        await world.links.cut(node.id)
    names = ", ".join(node.id for node in cut)
    story.tell(names, "The submarine cable is cut: no link to the centre.")
    for node in cut:
        await world.until(f"{node.id} has noticed that it is alone", node.sees_cut)
    await world.step("2021-06-14T11:00")
    codes = ("4101063", "4102063", "4103063")
    bids = [vendors.bid(home, codes[seat % len(codes)], seat=seat) for seat in range(1, SEATS + 1)]
    handed = await vendors.upload_all(bids)
    story.tell(STAFF, "{count} vendors upload at {seats} seats over the LAN.", count=10, seats=10)
    await world.step("2021-06-14T14:30")
    last = await vendors.upload_all(
        [vendors.bid(home, "4101063", seat=3), vendors.bid(cut[1], "4201163", seat=1)]
    )
    story.tell(STAFF, "The last vendor of package {code} makes it in time.", code="4101063")
    by_page = await upload_at(world, home, "4102063", seat=7)
    _judge_room(world, [*handed, *last, by_page])


def _judge_room(world: Federation, handed: list[Handed]) -> None:
    accepted = [one for one in handed if one.verdict == "ON_TIME" and one.link_down]
    world.story.promise(
        "the-bidding-room-accepts-throughout",
        len(accepted) == len(handed),
        "{count} of {all} uploads accepted on time while the link was down",
        count=len(accepted),
        all=len(handed),
    )


async def _restored(world: Federation, cut: list[Node]) -> None:
    """Monday night: the cable is repaired and everything is sent later."""
    story = world.story
    story.title(say("Monday night: the cable is repaired, everything is sent later"))
    await world.step("2021-06-14T21:00")
    for node in cut:
        await world.links.restore(node.id)
    await world.until("every node is drained", world.all_drained)
    story.tell(LKPP, "Every node is connected; every journal and every byte has arrived.")
    for node in cut:
        await world.until(f"{node.id} has measured its link outage", partial(_measured, node))
        await _judge_measured(world, node)


async def _judge_measured(world: Federation, node: Node) -> None:
    """The node's own probes: the link was away for twelve hours, the service never."""
    seen = items((await node.lpse("outage", "list")).document)
    links = [one for one in seen if one["kind"] == "LINK"]
    spans = [_seconds(one) for one in links]
    world.story.promise(
        f"{node.id}-measured-the-cut",
        any(abs(span - 12 * 3_600) < 120 for span in spans),
        ", ".join(duration_text(span) for span in spans),
    )
    began = min((one["start_time"] for one in links), default="")
    services = [one for one in seen if one["kind"] == "SERVICE" and one["start_time"] >= began]
    world.story.promise(
        f"{node.id}-kept-its-service-level",
        not services and not any(one["counts"] for one in links),
        "{count} service outages measured; link outages never count",
        count=len(services),
    )


async def _declared(world: Federation, cut: list[Node]) -> None:
    """Tuesday morning: a declaration for the province, attributed outside the region."""
    story, nodes = world.story, world.nodes
    story.title(say("Tuesday: the outage is declared for the province, time is compensated"))
    await world.step("2021-06-15T08:00")
    name = await declaration.declare(world)
    await declaration.wait_for_proposals(world, cut)
    await declaration.judge_proposals(world, list(nodes.values()))
    told = (await world.centre.ctl(OPERATOR, "outage", "get", name)).document
    who = told["revision"]["attribution"]
    story.promise("the-fault-lies-outside-the-region", who == "EXTERNAL", str(who))
    story.quote(await nodes[HOME].say("outage", "list"))
    story.quote(await nodes[HOME].say("compensation", "get", "4101063"))


async def _opened(world: Federation) -> None:
    """The Pokja decides, a vendor uses the new time, and the package is handed over."""
    home = world.nodes[HOME]
    await declaration.accept(world, home, ("4101063", "4102063", "4103063"), _REASON)
    await world.vendors.upload(world.vendors.bid(home, "4101063"))
    await world.step("2021-06-15T15:05")
    await handover.open_package(world, home, "4101063")


async def _measured(node: Node) -> bool:
    return bool(await node.link_outages()) and not await node.sees_cut()


def _seconds(outage: dict[str, Any]) -> float:
    start, end = (datetime.fromisoformat(outage[edge]) for edge in ("start_time", "end_time"))
    return (end - start).total_seconds()
