"""A PC of the Bidding Room: staff makes the address, the vendor uploads with the page and leaves.

Owns one visit to a PC over the LAN, from `lpse-node grant create` to the vendor's "Finished". Rule:
what the next vendor at that PC finds is asked of the address itself. Leaves out when it happens.
"""

from __future__ import annotations

from typing import Final

from deploy.demo import online
from deploy.demo.federation import Federation
from deploy.demo.node import Node
from deploy.demo.vendors import Handed

STAFF: Final = "Ruang Bidding"


async def upload_at(world: Federation, node: Node, package: str, seat: int) -> Handed:
    """Make an address for a PC, upload there, finish; the next one finds nothing."""
    bid = world.vendors.bid(node, package, seat=seat)
    words = ("--package", package, "--details", str(bid.details), "--seat", str(seat))
    made = (await node.lpse("grant", "create", *words)).document
    one = online.visit_of(world, bid, made["name"], made["url"])
    page = await one.browser.get(made["url"])
    await online.bring(one)
    handed = one.handed[0]
    await one.browser.finish()
    after = await one.browser.get(made["url"], expect=(200, 404))
    world.story.tell(
        STAFF, "A vendor uploads with the page at PC {seat} and leaves; staff made the address.",
        seat=seat,
    )  # fmt: skip
    world.story.promise(
        "the-next-vendor-at-a-pc-finds-nothing",
        page.status_code == 200 and bid.vendor not in after.text and after.status_code == 404,
        "{verdict}; afterwards the address opens nothing ({status})",
        verdict=handed.verdict,
        status=after.status_code,
    )
    await one.browser.close()
    return handed
