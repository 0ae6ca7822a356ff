"""Pacitan, March 2015: the national upgrade, the outage, and what became of the deadlines.

Owns the order of events and the promises of this scenario. The acts themselves live beside it
(`upgrade`, `declaration`, `vendors`).
"""

from __future__ import annotations

from functools import partial
from typing import Final

from deploy.demo import declaration, handover, online, papers, scrubbing, upgrade
from deploy.demo.federation import LKPP, Federation
from deploy.demo.node import Node
from deploy.demo.together import together
from deploy.demo.tools import error_code
from deploy.demo.vendors import Bid
from lpse.federation.v1 import records_pb2 as records
from lpse.terminal.plain import plain
from lpse.terminal.words import say, size_text

HOME: Final = "lpse-pacitan"
FAR: Final = "lpse-papua"  # its link is cut, too, and stays cut longest
SLOW: Final = "lpse-jakarta"  # its bytes are cut in the middle of a file
ROTTEN: Final = "lpse-kalbar"  # a bit flips on its disk
_BIG_BYTES: Final = 24_000_000
_TORN_BYTES: Final = 13_000_000
_UPLOAD_BYTES: Final = 12_000_000
_PAGE_BYTES: Final = (8_000_000, 60_000)  # two files of a bid that comes over HTTP
VENDOR: Final = "Penyedia"
DUE: Final = ("1001236", "1002236", "1003236", "1004236")
REASON: Final = "Perpanjangan sesuai penetapan gangguan nasional 27–30 Maret 2015"


async def play(world: Federation) -> None:
    """The whole story, from Thursday morning to Tuesday noon."""
    await _before(world)
    rollout = await _upgrade(world)
    refused, visit = await _alone(world)
    await _together(world, visit)
    await _declared(world)
    await _decided(world, refused, visit)
    await _released(world, rollout)


async def _before(world: Federation) -> None:
    """Thursday 26 March: bids come in; one package closes before anything happens."""
    story, vendors, nodes = world.story, world.vendors, world.nodes
    story.title(say("Thursday: vendors upload, one package closes"))
    home = nodes[HOME]
    bids = [
        vendors.bid(home, "1005236"),
        vendors.bid(home, "1001236"),
        vendors.bid(home, "1003236"),
    ]
    await vendors.upload_all(bids)
    story.tell(
        VENDOR,
        "{count} bids are uploaded at {node}; each gets a receipt.",
        count=len(bids),
        node=HOME,
    )
    await world.step("2015-03-26T15:05")
    late = vendors.bid(home, "1005236")
    words = await vendors.attempt(late)
    story.promise("a-closed-stage-stays-closed", "FED-5011" in words, error_code(words))


async def _upgrade(world: Federation) -> str:
    """Thursday evening: 3.6 goes out in waves; one node holds because of a deadline."""
    world.story.title(say("Thursday evening: SPSE 3.6 goes out in waves"))
    await world.step("2015-03-26T18:00")
    rollout = await upgrade.begin(world)
    busy = upgrade.upload_meanwhile(world, world.nodes["lpse-kalsel"], "4001063")
    await together((upgrade.follow(world, rollout), busy))
    return rollout


async def _alone(world: Federation) -> tuple[Bid, online.Visit]:
    """Friday to Monday: the centre is dead, a link is cut, and vendors upload everywhere."""
    story, vendors, nodes = world.story, world.vendors, world.nodes
    story.title(say("Friday to Monday: the centre fails, uploads go on"))
    await world.step("2015-03-27T08:00")
    await world.centre.kill()
    await world.links.cut(FAR)
    story.tell(LKPP, "The centre is killed (kill -9), and the link of {node} is cut.", node=FAR)
    await world.until("every node has noticed that it is alone", partial(_everybody_alone, world))
    home = nodes[HOME]
    bids = [vendors.bid(home, "1001236", sizes=(90_000, 40_000)), vendors.bid(home, "1004236")]
    bids += [
        vendors.bid(node, node.facts.packages[0].code)
        for node in nodes.values()
        if node is not home
    ]
    bids.append(vendors.bid(nodes[SLOW], "2001031", sizes=(_BIG_BYTES,)))
    await vendors.upload_all(bids)
    story.tell(
        VENDOR,
        "{count} bids are uploaded at {nodes} nodes without the centre.",
        count=len(bids),
        nodes=len(nodes),
    )
    refused, visit = await _friday(world, home)
    await world.step("2015-03-30T09:00")
    await vendors.upload_all([vendors.bid(home, "1002236"), vendors.bid(nodes[FAR], "5001091")])
    return refused, visit


async def _friday(world: Federation, home: Node) -> tuple[Bid, online.Visit]:
    """Bad lines, a killed daemon, and two vendors who come too late."""
    story, vendors = world.story, world.vendors
    await world.step("2015-03-27T09:20")
    one, other = await _online(world, home)
    torn = vendors.bid(home, "1001236", sizes=(_UPLOAD_BYTES,))
    sent = await online.send_until(one, partial(vendors.interrupt, torn))
    story.tell(
        HOME,
        "The node's daemon is killed (kill -9) after {size} of a bid, and while a browser sends.",
        size=size_text(sent),
    )
    await home.start(story.legal)
    resumed = await vendors.upload(torn, resumed=True)
    story.promise(
        "an-interrupted-upload-is-finished-with-the-same-key",
        resumed.verdict == "ON_TIME",
        f"{size_text(torn.size_bytes)}, {resumed.verdict}",
    )
    await _handed_in(one, other)
    await world.step("2015-03-27T10:05")
    refused = vendors.bid(home, "1001236")
    words = await vendors.attempt(refused)
    story.tell(
        VENDOR,
        "A vendor comes too late for package {code} and gets a proof of the attempt ({error}).",
        code="1001236",
        error=error_code(words),
    )
    await online.come_too_late(other)
    await other.browser.close()
    return refused, one


async def _online(world: Federation, home: Node) -> tuple[online.Visit, online.Visit]:
    """Two vendors get addresses; the first has a bad line and two programs."""
    one = await online.visit(world, home, "1001236", sizes=_PAGE_BYTES)
    other = await online.visit(world, home, "1001236")
    world.story.tell(
        f"SPSE {home.id}",
        "asks for {count} upload addresses for package {code}; each vendor gets one.",
        count=2,
        code=one.package,
    )
    await online.break_line(one)
    await online.write_twice(one)
    return one, other


async def _handed_in(one: online.Visit, other: online.Visit) -> None:
    """The first vendor finishes, submits, replaces; the other one learns nothing of it."""
    before = await other.browser.state()
    await online.go_on(one)
    await online.hand_in(one)
    await papers.verify_receipt(one)
    await online.replace_bid(one)
    await papers.look_at_centre(one, arrived=False)
    await papers.compare_pages(one, other, before)


async def _together(world: Federation, visit: online.Visit) -> None:
    """Monday afternoon: the centre is back; everything is sent, one file in two pieces."""
    story = world.story
    story.title(say("Monday afternoon: the centre is back, everything is sent later"))
    await world.step("2015-03-30T16:00")
    slow = world.nodes[SLOW]
    before = await world.links.figures(SLOW)
    await world.links.cut_after(SLOW, _TORN_BYTES)
    await world.restart_centre()
    story.tell(LKPP, "The centre is started again.")

    async def torn() -> bool:
        return (await world.links.figures(SLOW)).cut

    await world.until("the link is cut in the middle of a file", torn)
    middle = await world.links.figures(SLOW)
    story.tell(
        SLOW,
        "The link is cut after {size} of a file of {whole}.",
        size=size_text(middle.up_bytes - before.up_bytes),
        whole=size_text(_BIG_BYTES),
    )
    await world.links.restore(SLOW)
    await world.until(f"{SLOW} is drained", partial(world.is_drained, slow))
    after = await world.links.figures(SLOW)
    again = after.up_bytes - middle.up_bytes
    world.vendors.torn_transfers += again < _BIG_BYTES
    story.promise(
        "a-torn-transfer-goes-on-where-it-stopped",
        again < _BIG_BYTES,
        "{again} after the cut, not {whole}",
        again=size_text(again),
        whole=size_text(_BIG_BYTES),
    )
    others = [node for node in world.nodes.values() if node.id != FAR]
    await together(
        world.until(f"{node.id} is drained", partial(world.is_drained, node)) for node in others
    )
    story.tell(
        LKPP,
        "{count} nodes are connected and drained; {node} is still cut off.",
        count=len(others),
        node=FAR,
    )
    await papers.look_at_centre(visit, arrived=True)


async def _declared(world: Federation) -> None:
    """Tuesday morning: LKPP declares 27–30 March; the far node hears of it later."""
    story, nodes = world.story, world.nodes
    story.title(say("Tuesday: the outage of 27–30 March is declared, time is compensated"))
    await world.step("2015-03-31T08:00")
    rotten = scrubbing.flip_a_bit(world, nodes[ROTTEN])
    name = await declaration.declare(world)
    near = [node for node in nodes.values() if node.id != FAR]
    await declaration.wait_for_proposals(world, near)
    await world.links.restore(FAR)
    story.tell(FAR, "The link is restored; the declaration arrives late.")
    await declaration.wait_for_proposals(world, [nodes[FAR]])
    await world.until(
        "the centre knows who applied it", partial(declaration.is_applied, world, name)
    )
    late = await declaration.late_nodes(world, name)
    story.promise("a-late-declaration-is-applied-and-says-so", late == [FAR], ", ".join(late))
    await declaration.judge_proposals(world, list(nodes.values()))
    await scrubbing.wait_healed(world, nodes[ROTTEN], rotten)
    story.quote(await nodes[HOME].say("compensation", "get", "1003236"))


async def _decided(world: Federation, refused: Bid, visit: online.Visit) -> None:
    """The Pokja decides; the vendor who was too late uploads after all; one package is opened."""
    story, home = world.story, world.nodes[HOME]
    pending = await world.vendors.upload(refused)
    story.promise(
        "held-stages-take-bids-as-pending",
        pending.verdict == "PENDING",
        "package {code}, {verdict}",
        code=refused.package,
        verdict=pending.verdict,
    )
    await handover.refuse_package(world, home, "1001236", "nothing-is-opened-during-a-hold")
    await world.step("2015-03-31T09:00")
    await declaration.accept(world, home, DUE, REASON)
    await world.step("2015-03-31T10:05")
    await handover.open_package(world, home, "1001236")
    handover.judge_replaced(world, home, [one.bid for one in visit.handed])
    await papers.upgrade(visit)
    await visit.browser.close()
    judged = await home.submission(refused.key)
    story.promise(
        "a-pending-bid-is-judged-by-the-new-deadline",
        judged.verdict == records.VERDICT_ON_TIME and judged.judged,
        "package {code}, {verdict}",
        code=refused.package,
        verdict=plain(judged)["verdict"],
    )


async def _released(world: Federation, rollout: str) -> None:
    """Tuesday noon: nothing is due soon at the held node, so it upgrades."""
    world.story.title(say("Tuesday noon: the held node upgrades after its deadlines"))
    await world.step("2015-03-31T12:30")
    await upgrade.finish(world, rollout)


async def _everybody_alone(world: Federation) -> bool:
    return all(await together(node.sees_cut() for node in world.nodes.values()))
