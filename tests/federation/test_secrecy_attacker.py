"""Invariant 6: what a bidder and the centre can infer before the opening, and what not.

A bidder of one package looks at everything it may see, again and again, while others bid now for
the same package and now for another one. Allowed and asserted: the centre sees how many submissions
a node has in all, when, and how large the sealed bytes are. Not possible: to tell from own
receipts, numbers, ids, codes, states or refusals whether the others bid for the bidder's package,
or from the ledger for which package, by whom, or how many for one package an entry is.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx
import pytest

from lpse.federation.acts import canonical
from lpse.federation.entries import decode_entry
from lpse.federation.receipts import verify_receipt
from lpse.federation.v1.records_pb2 import UploadAccepted
from lpse.intake.v1 import grants_pb2 as grants
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1.grants_pb2_grpc import GrantsStub
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
from lpse.runtime.channels import open_local_channel
from tests.faults.asking import drained
from tests.faults.checker import centre_at, node_at
from tests.faults.foundings import shared_founding
from tests.faults.scene import CLOSES, STAYS, Scene, Wishes
from tests.faults.world import Founding

pytestmark = pytest.mark.timeout(300)  # a story of real processes, told once for all tests

SIZE = 4_000  # of every bid: sizes are public, so they must not be what is compared
OTHERS = 4  # bids of others between two looks
TUS = {"Tus-Resumable": "1.0.0"}
# What differs between two bids of one bidder whoever else bids: times, fresh randomness, and when
# the link last heard the centre's time, which it asks by its own beat.
FREE = {
    "accept_time", "accept_time_local", "begin_time", "commitment", "details", "monotonic_seconds",
    "salt", "national", "clock_error_seconds", "clock_measure_time", "clock_offset_seconds",
    "submit_time", "submit_time_local",
}  # fmt: skip


@dataclass
class Look:
    """Everything a bidder sees at one time."""

    number: int
    receipt: dict[str, Any]
    file_id: str
    state: dict[str, Any]
    refusals: list[tuple[int, str]]
    queue: int


@dataclass
class Story:
    """Looks before and after others bid, and what is stored in the end."""

    looks: list[Look] = field(default_factory=list)
    ledger: list[bytes] = field(default_factory=list)
    others: dict[str, list[bytes]] = field(default_factory=dict)  # package -> commitments
    total: int = 0


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A bidder looks, rivals bid, it looks, strangers bid, it looks."""
    return asyncio.run(_play(shared_founding(tmp_path_factory)))


def test_own_receipts_do_not_count_rivals(story: Story) -> None:
    """Invariant 6: two own receipts differ alike whether rivals or strangers bid in between."""
    one, two, three = (look.receipt for look in story.looks)
    assert set(one) == set(two) == set(three)
    rivals = {key for key in one if one[key] != two[key]}
    strangers = {key for key in one if two[key] != three[key]}
    assert rivals | strangers <= FREE, (rivals | strangers) - FREE
    assert not any("index" in key or "size" in key for key in one), "a position counts bids"


def test_own_numbers_count_own_submissions_alone(story: Story) -> None:
    """Invariant 6: submission numbers go 1, 2, 3 whatever others do."""
    assert [look.number for look in story.looks] == [1, 2, 3]


def test_file_ids_tell_no_order(story: Story) -> None:
    """Invariant 6: ids of files are long, random and share no counter."""
    ids = [bytes.fromhex(look.file_id) for look in story.looks]
    assert all(len(one) >= 16 for one in ids)
    for place in range(0, 16, 4):
        words = [int.from_bytes(one[place : place + 4]) for one in ids]
        assert min(abs(a - b) for a in words for b in words if a is not b) > 1_000, "a counter"


def test_own_state_shows_own_deeds_alone(story: Story) -> None:
    """Invariant 6: the page's state changes with own uploads and time, and with nothing else."""
    for number, look in enumerate(story.looks, start=1):
        assert len(look.state["submissions"]) == len(look.state["files"]) == number
        assert set(look.state) == set(story.looks[0].state)
    fixed = [_without(look.state, "now", "submissions", "files", "centre") for look in story.looks]
    assert fixed[0] == fixed[1] == fixed[2]


def test_refusals_do_not_depend_on_others(story: Story) -> None:
    """Invariant 6: wrong requests get the same answers however many others have bid."""
    assert story.looks[0].refusals == story.looks[1].refusals == story.looks[2].refusals
    assert len({code for _, code in story.looks[0].refusals}) > 1


def test_ledger_shows_totals_and_nothing_per_package(story: Story) -> None:
    """Invariant 6: the centre counts a node's submissions; entries of two packages look alike."""
    accepted = [UploadAccepted.FromString(decode_entry(one).payload) for one in story.ledger]
    assert len(accepted) == story.total, "the total of a node is known, as is allowed"
    lengths = {len(one) for one in story.ledger}
    assert max(lengths) - min(lengths) <= 8, "an entry's length tells of its details"
    assert {tuple(blob.size_bytes for blob in one.blobs) for one in accepted} == {(SIZE,)}
    fields = {tuple(name.name for name, _ in one.ListFields()) for one in accepted}
    assert fields == {("commitment", "blobs", "accept_time", "sealed_details")}
    assert len({len(one.sealed_details) for one in accepted}) == 1, "an escrow's length tells"
    beginnings = {one.sealed_details[:12] for one in accepted}
    assert len(beginnings) == len(accepted), "two escrows under one nonce can be compared"
    by_package = {
        package: {len(one) for one in story.ledger if _commitment(one) in commitments}
        for package, commitments in story.others.items()
    }
    assert all(by_package.values())


def test_guessed_details_cannot_be_checked(story: Story) -> None:
    """Invariant 6: whoever guesses every detail still needs the salt to recognise a commitment."""
    known = {_commitment(one) for one in story.ledger}
    assert len(known) == len(story.ledger)
    guesses = {sha256(canonical(look.receipt["details"])).digest() for look in story.looks}
    assert not known & guesses
    assert {bytes.fromhex(look.receipt["commitment"]) for look in story.looks} <= known


async def _play(founding: Founding) -> Story:
    story, chance = Story(), random.Random(9)
    scene = Scene(founding, Wishes(disks=False), chance)
    try:
        await scene.open()
        await drained(scene.node)
        base = await _grant(scene)
        for package in (CLOSES, STAYS, ""):
            story.looks.append(await _look(scene, base, chance))
            for number in range(OTHERS if package else 0):
                key = f"other-{package}-{number}"
                receipt = await _bid(scene, package, key, chance.randbytes(SIZE))
                verified = verify_receipt(
                    receipt, node_at(scene.node.name, scene.node.data).verifier
                )
                story.others.setdefault(package, []).append(verified.commitment)
        story.total = len(story.looks) + 2 * OTHERS
        await drained(scene.node)
        await asyncio.gather(*(party.kill() for party in scene.parties))
        _, copied = centre_at(scene.centre.data).copy_of("ledger", scene.node.name)
        entries = [one for epoch in copied.values() for one in epoch]
        story.ledger = [one for one in entries if decode_entry(one).kind == "upload.accepted"]
    finally:
        await scene.close()
    return story


async def _look(scene: Scene, base: str, chance: random.Random) -> Look:
    """Bid once more, and note everything that can be seen."""
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        name = base64.b64encode(b"penawaran.rhs").decode()
        made = await client.post(
            f"{base}/files",
            headers={
                **TUS,
                "Upload-Length": str(SIZE),
                "Upload-Metadata": f"filename {name}",
                "Content-Type": "application/offset+octet-stream",
            },
            content=chance.randbytes(SIZE),
        )
        file_id = made.raise_for_status().headers["Location"].rpartition("/")[2]
        submit = await client.post(f"{base}/submit", json={"files": [file_id]})
        number = submit.raise_for_status().json()["number"]
        text = await client.get(f"{base}/receipts/{number}.txt")
        verifier = node_at(scene.node.name, scene.node.data).verifier
        receipt = dict(verify_receipt(text.raise_for_status().content, verifier).document)
        refusals = []
        for method, url, body in (
            ("POST", f"{base}/submit", {"files": ["0" * 32]}),
            ("POST", f"{base}/submit", {"files": [file_id, file_id]}),
            ("GET", f"{base}/attempts/1.txt", None),
            ("GET", f"{base[:-1]}0/state", None),
        ):
            answer = await client.request(method, url, json=body)
            refusals.append((answer.status_code, _code(answer)))
        state = (await client.get(f"{base}/state")).raise_for_status().json()
    async with open_local_channel(scene.node.socket) as channel:
        queue = await SubmissionsStub(channel).ListQueue(wire.ListQueueRequest())
    return Look(number, receipt, file_id, state, refusals, int(queue.waiting_count))


async def _bid(scene: Scene, package: str, key: str, content: bytes) -> bytes:
    """Somebody else's bid, over the local API."""
    begin = wire.BeginSubmission(
        intake_key=key,
        package=package,
        details_json=json.dumps({"vendor": f"PT {key * 3}"}).encode(),
        channel=wire.CHANNEL_DIRECT,
        files=[wire.DeclaredFile(name=f"{key}.rhs", size_bytes=len(content))],
    )
    listed = [
        wire.UploadSubmissionRequest(begin=begin),
        wire.UploadSubmissionRequest(chunk=wire.FileChunk(file=0, data=content)),
        wire.UploadSubmissionRequest(finish=wire.FinishSubmission()),
    ]
    async with open_local_channel(scene.node.socket) as channel:
        call: Any = SubmissionsStub(channel).UploadSubmission(iter(listed))
        answers = [answer async for answer in call]
    return bytes(answers[-1].accepted.receipt)


async def _grant(scene: Scene) -> str:
    wish = grants.CreateGrantRequest(
        package=CLOSES, details_json=b'{"vendor": "CV Penasaran"}', channel=wire.CHANNEL_DIRECT
    )
    async with open_local_channel(scene.node.socket) as channel:
        made = await GrantsStub(channel).CreateGrant(wish)
    return f"{scene.node.address}/g/{str(made.url).rstrip('/').rpartition('/')[2]}"


def _commitment(entry: bytes) -> bytes:
    return bytes(UploadAccepted.FromString(decode_entry(entry).payload).commitment)


def _without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return str(answer.headers.get("content-type", ""))
