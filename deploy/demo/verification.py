"""The final judgement: what vendors hold against what lies on both disks, byte for byte.

Owns the comparison of receipts, journals and blobs, and the figures of the uploads. Rule: every
figure is counted here from the disks and the vendors' own files; no program of the federation is
asked. Leaves out the scenario's other promises.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from deploy.demo.evidence import copy_at_centre, own_journal, stored_digests
from deploy.demo.node import Node
from deploy.demo.story import Story
from deploy.demo.vendors import Bid, Handed, Vendors
from lpse.federation.errors import FederationError
from lpse.federation.notes import Verifier
from lpse.federation.receipts import verify_receipt


@dataclass(frozen=True, slots=True)
class UploadFigures:
    """The document's `uploads`."""

    accepted: int
    accepted_while_link_down: int
    at_centre: int
    lost: int
    duplicated: int
    resumed: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _Side:
    """How often each commitment occurs on one side, and which blobs lie there."""

    commitments: Counter[bytes]
    blobs: set[bytes]


def judge_uploads(
    story: Story, vendors: Vendors, nodes: dict[str, Node], centre: Path, keys: dict[str, Verifier]
) -> UploadFigures:
    """Every receipt against both sides; the promises about uploads."""
    at_node, at_centre = _sides(story, nodes, centre)
    false = [one for one in vendors.handed if not _is_true(one, keys[one.bid.node.id])]
    story.promise(
        "every-receipt-verifies",
        not false,
        "{count} of {all} receipts verify against the node's key and the vendor's own files",
        count=len(vendors.handed) - len(false),
        all=len(vendors.handed),
    )
    broken = [bid for bid, proof in vendors.attempts if not _proves(bid, proof, keys)]
    story.promise(
        "every-refused-attempt-has-a-proof",
        not broken,
        "{count} of {all} refused attempts are proven by a signed note",
        count=len(vendors.attempts) - len(broken),
        all=len(vendors.attempts),
    )
    lost_here = [one for one in vendors.handed if not _lies_in(one, at_node[one.bid.node.id])]
    lost_there = [one for one in vendors.handed if not _lies_in(one, at_centre[one.bid.node.id])]
    doubled = sum(
        count - 1
        for side in (*at_node.values(), *at_centre.values())
        for count in side.commitments.values()
    )
    _judge_bytes(story, len(vendors.handed), (len(lost_here), len(lost_there), doubled))
    handed = {one.commitment for one in vendors.handed}
    known = {c for side in at_centre.values() for c in side.commitments}
    story.promise(
        "nothing-was-invented",
        known == handed,
        "{count} submissions at the centre, {all} receipts in vendors' hands",
        count=len(known),
        all=len(handed),
    )
    return UploadFigures(
        accepted=len(vendors.handed),
        accepted_while_link_down=sum(one.link_down for one in vendors.handed),
        at_centre=len(vendors.handed) - len(lost_there),
        lost=len({id(one) for one in (*lost_here, *lost_there)}),
        duplicated=doubled,
        resumed=sum(one.resumed for one in vendors.handed) + vendors.torn_transfers,
        bytes=sum(one.bid.size_bytes for one in vendors.handed),
    )


def _judge_bytes(story: Story, accepted: int, counts: tuple[int, int, int]) -> None:
    lost_here, lost_there, doubled = counts
    story.promise(
        "no-upload-lost-at-the-node",
        lost_here == 0,
        "{count} of {all} accepted uploads lie at their nodes, digests equal",
        count=accepted - lost_here,
        all=accepted,
    )
    story.promise(
        "no-upload-lost-on-the-way",
        lost_there == 0,
        "{count} of {all} accepted uploads lie at the centre, digests equal",
        count=accepted - lost_there,
        all=accepted,
    )
    story.promise(
        "no-upload-duplicated", doubled == 0, "{count} entries occur twice", count=doubled
    )


def _sides(
    story: Story, nodes: dict[str, Node], centre: Path
) -> tuple[dict[str, _Side], dict[str, _Side]]:
    """Both copies of every journal; they must be equal byte for byte."""
    blobs = stored_digests(centre)
    here, there, unequal, entries = {}, {}, [], 0
    for node in nodes.values():
        own, copy = own_journal(node.data), copy_at_centre(centre, node.id)
        if own.entries != copy.entries or own.root != copy.root:
            unequal.append(node.id)
        entries += len(own.entries)
        here[node.id] = _Side(
            Counter(one.commitment for one in own.uploads()), stored_digests(node.data)
        )
        there[node.id] = _Side(Counter(one.commitment for one in copy.uploads()), blobs)
    story.promise(
        "both-copies-of-every-journal-are-equal",
        not unequal,
        "{count} entries of {nodes} nodes, byte for byte, trees computed anew; unequal: {unequal}",
        count=entries,
        nodes=len(nodes),
        unequal=", ".join(unequal) or "–",
    )
    return here, there


def _lies_in(handed: Handed, side: _Side) -> bool:
    digests = [hashlib.sha256(file.read_bytes()).digest() for file in handed.bid.files]
    return bool(side.commitments[handed.commitment]) and side.blobs.issuperset(digests)


def _is_true(handed: Handed, key: Verifier) -> bool:
    try:
        verified = verify_receipt(handed.receipt, key, _contents(handed.bid))
    except FederationError:
        return False
    return verified.accepted and verified.commitment == handed.commitment


def _proves(bid: Bid, proof: bytes, keys: dict[str, Verifier]) -> bool:
    try:
        return not verify_receipt(proof, keys[bid.node.id]).accepted
    except FederationError:
        return False


def _contents(bid: Bid) -> list[tuple[int, bytes]]:
    return [(file.stat().st_size, hashlib.sha256(file.read_bytes()).digest()) for file in bid.files]
