"""Damaged journal entries come back from the other side, proved, told and closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpse.storage.journal_check import check_journal_in
from tests.federation.healing import (
    STORY,
    healed,
    read_again,
    rules_at_centre,
    rules_at_node,
    spoil,
)
from tests.federation.rig import CLOCK

FLIPPED = (
    "UPDATE {table} SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'07' AS BLOB)"
    " WHERE idx = ?"
)
OTHER_TYPE = "UPDATE {table} SET bytes = 'text' WHERE idx = ?"
GONE = "DELETE FROM {table} WHERE idx = ?"
HIDDEN = "UPDATE {table} SET bytes = x'0707', leaf_hash = ? WHERE idx = ?"


@pytest.mark.parametrize("damage", [FLIPPED, OTHER_TYPE, GONE], ids=["flipped", "type", "gone"])
async def test_an_own_entry_of_the_node_comes_back_from_the_centre(
    tmp_path: Path, damage: str
) -> None:
    """Flipped or gone: the bytes lead to the node's own signed head, and the log says it all."""
    async with healed(tmp_path) as (_, node, audit):
        await spoil(node.database, damage.format(table="journal_entries"), 11)
        assert await read_again(audit.verify)
        assert await audit.entries.step()
        assert await read_again(audit.verify) == []
        signer = node.authority.nodes[node.node_id]
        await node.database.read(lambda tx: check_journal_in(tx, signer.verifier))
        assert await rules_at_node(node) == STORY
        assert audit.notes() == ()


@pytest.mark.parametrize("damage", [FLIPPED, OTHER_TYPE, GONE], ids=["flipped", "type", "gone"])
async def test_a_national_entry_of_the_node_comes_back_from_the_centre(
    tmp_path: Path, damage: str
) -> None:
    """The copy's only head is the centre's own signature, and the bytes lead to it."""
    async with healed(tmp_path) as (centre, node, audit):
        await spoil(node.database, damage.format(table="national_entries"), 7)
        assert await read_again(audit.verify)
        assert await audit.entries.step()
        assert await read_again(audit.verify) == []
        written = await centre.journal.entries(0, 100)
        held = await node.national.raw_entries(0, 100)
        assert held == [one.data for one in written][: len(held)]
        assert await rules_at_node(node) == STORY


@pytest.mark.parametrize("damage", [FLIPPED, OTHER_TYPE, GONE], ids=["flipped", "type", "gone"])
async def test_the_centres_copy_of_an_entry_comes_back_from_its_node(
    tmp_path: Path, damage: str
) -> None:
    """The node asks what is wanted, and gives it; the centre's own findings tell of it."""
    async with healed(tmp_path) as (centre, _, audit):
        verify = centre.audit.verify
        await spoil(centre.database, damage.format(table="ledger_entries"), 11)
        assert await read_again(verify)
        await centre.audit.entries.step()
        assert centre.audit.notes()
        assert await audit.entries.give() == 1
        while await verify.step(CLOCK.wall()):
            pass  # what was put right is read again by itself
        assert await verify.damaged() == []
        assert rules_at_centre(centre) == STORY
        assert centre.audit.notes() == ()


async def test_a_head_that_nobody_signed_heals_nothing(tmp_path: Path) -> None:
    """A root in a row is no proof: without its writer's signature nothing is asked or taken."""
    async with healed(tmp_path) as (centre, node, audit):
        await spoil(centre.database, "UPDATE ledger_journals SET signature = zeroblob(64)")
        await spoil(centre.database, "UPDATE ledger_entries SET bytes = x'00' WHERE idx = 3")
        assert await read_again(centre.audit.verify)
        await centre.audit.entries.step()
        assert centre.audit.entries.wanted(node.node_id) == []
        assert await audit.entries.give() == 0
        assert rules_at_centre(centre) == STORY[:1]


@pytest.mark.parametrize("damage", [FLIPPED, OTHER_TYPE, GONE], ids=["flipped", "type", "gone"])
async def test_a_national_entry_of_the_centre_comes_back_from_a_node(
    tmp_path: Path, damage: str
) -> None:
    """Any node that holds it will do."""
    async with healed(tmp_path) as (centre, _, audit):
        verify = centre.audit.verify
        await spoil(centre.database, damage.format(table="journal_entries"), 7)
        assert await read_again(verify)
        await centre.audit.entries.step()
        assert await audit.entries.give() == 1
        assert await read_again(verify) == []
        assert rules_at_centre(centre) == STORY
