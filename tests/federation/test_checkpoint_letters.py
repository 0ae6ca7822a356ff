"""Checkpoints travel: in letters and in the node's status, with whatever contradicts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpse.federation import found_heads
from lpse.federation.checkpoints import sign_head
from lpse.intake.v1 import node_pb2 as api
from regional_node.cli.outage_report import report_document, report_lines
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.witness.checking import Checking
from regional_node.witness.pages import CheckpointPage
from regional_node.witness.store import WitnessStore
from regional_node.witness.telling import Telling
from tests.federation.rig import CLOCK, LOG, Authority, Centre, Node, eventually, running
from tests.federation.test_witnesses import shown

NODE, OTHER = "lpse-pacitan", "lpse-kalsel"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


def _telling(node: Node, authority: Authority) -> Telling:
    page = CheckpointPage(node.national, authority.nodes[NODE], CLOCK)
    return Telling(page, WitnessStore(node.database), node.state)


def _outage() -> dict[str, object]:
    names = (
        "name zone scope cause attribution start_time end_time source probes_failed evidence"
        " differences reason"
    )
    return dict.fromkeys(names.split()) | {"name": "outages/2015-0001", "zone": "Asia/Jakarta"}


async def test_a_letter_names_the_national_history_that_it_was_written_under(
    authority: Authority, tmp_path: Path
) -> None:
    """Whoever holds the letter can compare its checkpoint, indentation and all."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(node):
            await eventually(lambda: node.settled() and node.national.head is not None)
            status = api.GetNodeStatusResponse()
            await _telling(node, authority).fill(status)
            document = report_document(NODE, _outage(), [])
            document["national_checkpoint"] = status.national_checkpoint
            letter = "\n".join(report_lines(document)).encode()
            [found] = found_heads.find_heads(letter, "letter")
            assert found.head == node.national.head
            assert found_heads.verified(found, {"lkpp": [authority.centre.verifier]})
            del document["national_checkpoint"]
            assert "Titik periksa" not in "\n".join(report_lines(document))


async def test_a_status_tells_what_contradicts_the_copy(
    authority: Authority, tmp_path: Path
) -> None:
    """Both heads and the witness stand in every status until a person has dealt with it."""
    centre = Centre(authority, tmp_path / "centre")
    authority.node(OTHER)
    async with running(centre):
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(node):
            await eventually(lambda: node.settled() and node.national.head is not None)
            held = node.national.head
            assert held is not None
            runs = DecidedRuns(
                node.database,
                node.journal,
                CLOCK,
                (lambda: node.state.stored_head, lambda: node.national.head),
                software_version="test",
            )
            other = sign_head(authority.centre, held.epoch, held.size, bytes(31) + b"x")
            checking = Checking(node.database, node.national, runs, CLOCK, LOG)
            await checking.took_witnessed([shown(other, authority.nodes[OTHER])])
            status = api.GetNodeStatusResponse()
            await _telling(node, authority).fill(status)
            [told] = status.contradictions
            assert (told.held_head, told.shown_head) == (held.message(), other.message())
            assert (told.witness, told.relation) == (OTHER, "forked")
