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
        assert await read_again(verify) == []
        assert rules_at_centre(centre) == STORY
        assert centre.audit.notes() == ()


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
