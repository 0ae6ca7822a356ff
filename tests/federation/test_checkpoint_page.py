"""The node's public page shows a national checkpoint that anybody can check and compare."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.requests import Request

from lpse.federation.checkpoints import cosignatures_of, head_from_note
from lpse.federation.found_heads import find_heads, verified
from regional_node.witness.pages import CheckpointPage
from tests.federation.rig import CLOCK, Authority, Centre, Node, eventually, running

NODE = "lpse-pacitan"
REQUEST = Request({"type": "http", "method": "GET", "path": "/checkpoint", "headers": []})


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


async def test_the_page_shows_the_newest_national_checkpoint_with_the_nodes_word(
    authority: Authority, tmp_path: Path
) -> None:
    """Signed by the centre, cosigned by the node, the same bytes when asked again."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(node):
            signer = authority.nodes[NODE]
            page = CheckpointPage(node.national, signer, CLOCK)
            await eventually(lambda: node.settled() and node.national.head is not None)
            answer = await page.show(REQUEST)
            assert answer.status_code == 200
            body = bytes(answer.body)
            head = head_from_note(body, authority.centre.verifier)
            assert head == node.national.head
            assert len(cosignatures_of(body, head, [signer.verifier])) == 1
            assert bytes((await page.show(REQUEST)).body) == body
            [found] = find_heads(body, "page")
            assert verified(found, {"lkpp": [authority.centre.verifier]})
            assert NODE + "/" not in body.decode(), "its own journal's size would count bids"


async def test_before_the_first_contact_there_is_no_checkpoint(
    authority: Authority, tmp_path: Path
) -> None:
    """A node that never met the centre says so."""
    node = Node(authority, tmp_path / "node", NODE, 1)
    async with running(node):
        page = CheckpointPage(node.national, authority.nodes[NODE], CLOCK)
        assert (await page.show(REQUEST)).status_code == 404
