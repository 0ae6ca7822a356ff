"""Who uploaded, for which package: what logs and the centre must not tell before opening.

Owns two searches over what this run left behind: every word of every log, and every byte of the
entries that lie at the centre. Rule: the names searched for are those of this run, so that a hit is
a leak. Leaves out what happens after an opening, which reveals its package on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deploy.demo.evidence import copy_at_centre
from deploy.demo.story import Story
from deploy.demo.vendors import Bid, Vendors


def judge_secrecy(
    story: Story, vendors: Vendors, logs: Path, centre: Path, opened: Iterable[str]
) -> None:
    """No log names vendor, file, package or address; the centre can read no sealed package."""
    bids = [*(one.bid for one in vendors.handed), *(bid for bid, _ in vendors.attempts)]
    names = {name for bid in bids for name in (*_names(bid), bid.package)}
    names.update(vendors.addresses)
    files = sorted(logs.glob("*.log"))
    found = [path.stem for path in files if _holds(path.read_bytes(), names)]
    story.promise(
        "no-log-names-a-vendor-a-file-or-a-package",
        not found and bool(files),
        "{count} logs searched for {names} names; {hits} with a hit",
        count=len(files),
        names=len(names),
        hits=len(found),
    )
    sealed = {name for bid in bids if bid.package not in set(opened) for name in _names(bid)}
    nodes = sorted({bid.node.id for bid in bids})
    entries = [entry for node in nodes for entry in copy_at_centre(centre, node).entries]
    leaks = sum(_holds(entry, sealed) for entry in entries)
    story.promise(
        "the-centre-cannot-tell-who-uploaded",
        not leaks and bool(entries),
        "{count} entries searched for {names} names of sealed bids; {hits} hits",
        count=len(entries),
        names=len(sealed),
        hits=leaks,
    )


def _names(bid: Bid) -> set[str]:
    return {bid.vendor, bid.key, *(file.name for file in bid.files)}


def _holds(data: bytes, names: Iterable[str]) -> bool:
    return any(name.encode() in data for name in names)
