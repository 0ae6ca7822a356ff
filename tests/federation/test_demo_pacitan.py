"""The demonstration of Pacitan 2015: one run with real processes, and the contract of its JSON."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.federation.demonstration import FORM, SECONDS_MAX, Played, left_behind, play, unlike

pytestmark = pytest.mark.timeout(SECONDS_MAX + 60)

WORKED_EXAMPLE = {
    "2015-03-27T10:00:00+07:00": "2015-03-31T10:00:00+07:00",
    "2015-03-30T10:00:00+07:00": "2015-04-06T10:00:00+07:00",
    "2015-03-31T12:00:00+07:00": "2015-04-06T12:00:00+07:00",
    "2015-04-01T16:00:00+07:00": "2015-04-06T16:00:00+07:00",
}
BROWSER = {
    "a-broken-line-loses-only-what-did-not-arrive",
    "a-file-has-one-writer",
    "after-kill-9-the-offset-is-the-truth",
    "submitting-twice-is-one-bid",
    "a-receipt-of-the-page-verifies-offline",
    "a-replaced-bid-keeps-its-receipt",
    "the-page-knows-what-the-centre-lacks",
    "before-opening-an-address-tells-nothing-of-others",
    "a-late-upload-by-http-leaves-a-proof",
    "the-page-sees-it-arrive",
    "a-replaced-bid-is-handed-over-too",
    "a-receipt-becomes-a-proof-after-opening",
    "one-changed-byte-is-noticed",
}
UNCHANGED = {"2015-03-26T15:00:00+07:00", "2015-04-07T10:00:00+07:00"}


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        yield play("pacitan-2015", Path(folder))


def test_the_story_keeps_every_promise(played: Played) -> None:
    """Played from a cold start, the story ends well, and its status and `ok` say so."""
    assert played.status == 0, played.stderr[-6000:]
    assert played.document["ok"] is True
    assert "BROKEN PROMISE" not in played.stderr


def test_the_document_has_the_form_of_the_contract(played: Played) -> None:
    """Standard output is exactly one document with exactly the keys and types of the contract."""
    assert not unlike(played.document, FORM)
    assert played.document["scenario"] == "pacitan-2015"
    assert played.document["seed"] == 7


def test_five_nodes_in_three_zones_run_the_new_version(played: Played) -> None:
    """The upgrade reached every node, in waves, and one of them waited for its deadline."""
    nodes, rollout = played.document["nodes"], played.document["rollout"]
    assert len(nodes) >= 5
    assert len({node["zone"] for node in nodes}) >= 3
    assert {node["version_before"] for node in nodes} == {"3.0"}
    assert {node["version_after"] for node in nodes} == {"3.6"}
    assert {(node["service"], node["link"]) for node in nodes} == {("NORMAL", "CONNECTED")}
    assert (rollout["from"], rollout["to"], rollout["rolled_back"]) == ("3.0", "3.6", 0)
    assert (rollout["applied"], rollout["held"]) == (len(nodes), 1)
    assert rollout["waves"] >= 2


def test_no_upload_is_lost_or_doubled(played: Played) -> None:
    """Invariants 2 and 4: what was accepted without the centre is there, once, byte for byte."""
    uploads = played.document["uploads"]
    assert uploads["accepted"] == uploads["at_centre"] >= 10
    assert uploads["accepted_while_link_down"] >= 5
    assert uploads["resumed"] >= 3  # by the same key, by HTTP, and on the way to the centre
    assert (uploads["lost"], uploads["duplicated"]) == (0, 0)


def test_vendors_upload_over_http(played: Played) -> None:
    """Invariants 1 and 6: what a browser was promised holds, before and after the opening."""
    kept = [line.split()[1].rstrip(":") for line in played.stderr.splitlines() if "  ✓ " in line]
    assert not BROWSER - set(kept)
    opening = kept.index("the-handover-of-1001236-is-complete")
    assert kept.index("before-opening-an-address-tells-nothing-of-others") < opening
    assert kept.index("a-receipt-becomes-a-proof-after-opening") > opening


def test_a_rotten_disk_is_healed(played: Played) -> None:
    """Invariant 9: the node found the flipped bit by itself, and the centre knows the decision."""
    (run,) = [one for one in played.document["reconciliation"] if one["trigger"] == "SCRUB"]
    assert run["node_id"] == "lpse-kalbar"
    assert "✓ a-flipped-bit-is-found-and-healed" in played.stderr


def test_proposals_are_those_of_the_worked_example(played: Played) -> None:
    """Each row of the worked example is a package of its own, with exactly that new end."""
    rows = [one for one in played.document["compensations"] if one["node_id"] == "lpse-pacitan"]
    assert {one["old_end"]: one["proposed_end"] for one in rows} == WORKED_EXAMPLE
    assert {one["rule_set"] for one in rows} == {"perka-1-2015"}
    assert {one["stage"] for one in rows} == {"Upload Dokumen Penawaran"}
    assert "ACCEPTED" in {one["state"] for one in rows}
    everywhere = {one["old_end"] for one in played.document["compensations"]}
    assert not everywhere & UNCHANGED


def test_the_outage_reaches_every_node_and_one_of_them_late(played: Played) -> None:
    """A node that was cut off applies the declaration when it comes back, and says so."""
    (outage,) = played.document["outages"]
    assert outage["scope"] == "NATIONAL"
    assert outage["start_time"] == "2015-03-27T00:00:00+07:00"
    assert outage["end_time"] == "2015-03-31T00:00:00+07:00"
    assert outage["nodes_received"] == len(played.document["nodes"])
    assert outage["nodes_applied_late"] == 1


def test_every_node_was_reconciled_with_equal_heads(played: Played) -> None:
    """Every reconnect is a run that ends with equal heads; nothing differed."""
    runs = played.document["reconciliation"]
    again = {run["node_id"] for run in runs if run["trigger"] == "RECONNECT"}
    assert again == {node["node_id"] for node in played.document["nodes"]}
    assert all(run["heads_equal"] and run["different"] == 0 for run in runs)
    lost = [run for run in runs if run["link_down_seconds"] > 0]
    assert lost
    assert all(run["attempts"] >= 1 for run in lost)


def test_nothing_is_left_running(played: Played) -> None:
    """Daemons, services and the proxy end with the demonstration."""
    assert not left_behind(played.folder)
