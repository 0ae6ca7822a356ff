"""The demonstration of Kalimantan Selatan 2021: one run, and the contract of its JSON.

Its folder is then spoilt in several ways, to show that the judge would name a broken promise.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest

from deploy.demo.federation import Federation
from deploy.demo.processes import Processes
from deploy.demo.scenario import read_scenario
from deploy.demo.story import Story
from deploy.demo.vendors import Bid, Handed
from deploy.demo.verification import UploadFigures, judge_uploads
from lpse.federation.notes import Signer, Verifier
from lpse.federation.receipts import verify_receipt
from lpse.runtime.tls import load_signing_key
from tests.federation.demonstration import FORM, SECONDS_MAX, Played, left_behind, play, unlike

pytestmark = pytest.mark.timeout(SECONDS_MAX + 60)

PROPOSED = {
    "2021-06-14T15:00:00+08:00": "2021-06-15T15:00:00+08:00",
    "2021-06-15T10:00:00+08:00": "2021-06-16T10:00:00+08:00",
    "2021-06-17T12:00:00+08:00": "2021-06-18T12:00:00+08:00",
    "2021-06-18T14:00:00+08:00": "2021-06-21T14:00:00+08:00",
}


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        yield play("kalsel-2021", Path(folder))


def test_the_story_keeps_every_promise(played: Played) -> None:
    """Played from a cold start, the story ends well, and its status and `ok` say so."""
    assert played.status == 0, played.stderr[-6000:]
    assert played.document["ok"] is True


def test_the_document_has_the_form_of_the_contract(played: Played) -> None:
    """Exactly one document; a story without a rollout names none and counts zero."""
    assert not unlike(played.document, FORM)
    rollout = played.document["rollout"]
    assert {rollout[key] for key in ("name", "from", "to")} == {None}
    assert {rollout[key] for key in ("waves", "applied", "held", "rolled_back")} == {0}


def test_the_bidding_room_loses_nothing(played: Played) -> None:
    """Invariant 4: ten seats and more upload without the link, and everything arrives once."""
    uploads = played.document["uploads"]
    assert uploads["accepted_while_link_down"] >= 10
    assert uploads["accepted"] == uploads["at_centre"]
    assert (uploads["lost"], uploads["duplicated"]) == (0, 0)


def test_a_seat_of_the_bidding_room_uses_the_page(played: Played) -> None:
    """Staff makes an address, a vendor uploads with it, and the next one there finds nothing."""
    assert "✓ the-next-vendor-at-a-pc-finds-nothing" in played.stderr
    assert played.document["uploads"]["accepted_while_link_down"] >= 13


def test_the_province_alone_is_compensated(played: Played) -> None:
    """A declaration for one province moves the deadlines of its nodes and of no other."""
    (outage,) = played.document["outages"]
    assert outage["scope"] == "PROVINCE"
    assert outage["start_time"] == "2021-06-14T09:00:00+08:00"
    assert outage["end_time"] == "2021-06-14T21:00:00+08:00"
    rows = played.document["compensations"]
    assert {one["old_end"]: one["proposed_end"] for one in rows} == PROPOSED
    provinces = {node["node_id"]: node["province"] for node in played.document["nodes"]}
    assert {provinces[one["node_id"]] for one in rows} == {"ID-KS"}


def test_nothing_is_left_running(played: Played) -> None:
    """Daemons, services and the proxy end with the demonstration."""
    assert not left_behind(played.folder)


def test_the_judge_agrees_with_the_run(played: Played) -> None:
    """Judged again from the folder alone, every promise about uploads holds."""
    story, figures = judge(played.folder)
    assert story.ok, story.promises
    assert figures.accepted == played.document["uploads"]["accepted"]


def lose_a_blob(folder: Path) -> None:
    """One sealed file vanishes from the centre's disk."""
    next(p for p in (folder / "centre/blobs/sha256").rglob("*") if p.is_file()).unlink()


def spoil_a_blob(folder: Path) -> None:
    """One byte of a sealed file changes on a node's disk."""
    blobs = folder / "nodes/lpse-kalsel/data/blobs/sha256"
    blob = next(p for p in blobs.rglob("*") if p.is_file())
    data = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(bytes([data[0] ^ 1]) + data[1:])


def drop_an_entry(folder: Path) -> None:
    """The newest entries of every journal vanish from the centre's ledger."""
    with closing(sqlite3.connect(folder / "centre/central.db")) as database:
        database.execute("DELETE FROM ledger_entries WHERE idx > 5")
        database.commit()


def change_a_receipt(folder: Path) -> None:
    """A vendor holds a receipt of which one character was changed."""
    receipt = next(folder.glob("nodes/lpse-kalsel/vendors/*/details.receipt"))
    receipt.chmod(0o600)
    receipt.write_bytes(receipt.read_bytes().replace(b'"ON_TIME"', b'"PENDING"'))


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lose_a_blob, "no-upload-lost-on-the-way"),
        (spoil_a_blob, "no-upload-lost-at-the-node"),
        (drop_an_entry, "both-copies-of-every-journal-are-equal"),
        (change_a_receipt, "every-receipt-verifies"),
    ],
)
def test_a_broken_promise_names_itself(
    played: Played,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    named: str,
) -> None:
    """What the judge must see, it sees: the promise is named on standard error, and `ok` is off."""
    receipts = receipts_of(played.folder)
    folder = tmp_path / "spoilt"
    shutil.copytree(played.folder, folder, ignore=shutil.ignore_patterns("*.sock", "bundles"))
    spoil(folder)
    story, _ = judge(folder, receipts)
    assert named in {promise.name for promise in story.promises if not promise.kept}
    assert not story.ok
    assert named in capsys.readouterr().err


def judge(folder: Path, commitments: dict[str, bytes] | None = None) -> tuple[Story, UploadFigures]:
    """The judgement of a finished run, from its folder."""
    scenario = read_scenario("kalsel-2021")
    story = Story(StringIO(), scenario.outage.zone, scenario.legal_start)
    world = Federation.make(scenario, folder, Processes(folder, {}), story, seed=7)
    known = commitments or receipts_of(folder)
    for node in world.nodes.values():
        for receipt in sorted(node.vendors.glob("*/details.receipt")):
            place, details = receipt.parent, receipt.with_name("details.json")
            bid = Bid(node, "", "", tuple(sorted(place.glob("*.rhs"))), details)
            commitment = known[place.name]
            world.vendors.handed.append(
                Handed(bid, receipt.read_bytes(), "", commitment, link_down=False, resumed=False)
            )
    keys = {node.id: key_of(folder, node.id) for node in world.nodes.values()}
    return story, judge_uploads(story, world.vendors, world.nodes, world.centre.data, keys)


def receipts_of(folder: Path) -> dict[str, bytes]:
    """The commitment of every receipt, by the number of its bid."""
    found = {}
    for receipt in folder.glob("nodes/*/vendors/*/details.receipt"):
        key = key_of(folder, receipt.parents[2].name)
        found[receipt.parent.name] = verify_receipt(receipt.read_bytes(), key).commitment
    return found


def key_of(folder: Path, node_id: str) -> Verifier:
    """The public half of a node's signing key."""
    identity = folder / "nodes" / node_id / "data" / "identity"
    return Signer(node_id, load_signing_key(identity / "signing.key")).verifier
