"""What one shown entry proves of a damaged journal, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lpse.federation.errors import FederationError
from lpse.federation.merkle import leaf_hash
from lpse.federation.v1 import healing_pb2 as wire
from lpse.storage.entry_copies import OthersCopies, OwnCopies
from lpse.storage.entry_healing import Damaged, look, prove, took
from lpse.storage.healing_backoff import Backoff
from tests.federation.audits import AuditedCentre
from tests.federation.healing import healed, read_again, spoil
from tests.federation.rig import CLOCK, Node

HIDDEN = "UPDATE journal_entries SET bytes = ?, leaf_hash = ? WHERE idx = ?"
OTHER = b"other bytes"


async def _shown(centre: AuditedCentre, node: Node, size: int, *indexes: int) -> wire.HeldEntries:
    """What a centre that holds only so much shows of the node's journal."""
    wanted = wire.WantedEntries(epoch=node.journal.epoch, size=size, indexes=indexes)
    return await centre.audit.entries.show(node.node_id, wanted)


async def _looked(node: Node, copies: OwnCopies) -> Damaged:
    (head,) = await copies.heads()
    return await look(node.database, copies, head, CLOCK)


async def _earlier(node: Node) -> int:
    """The size of the signed head before the newest one."""
    rows = await node.database.read(
        lambda tx: tx.execute("SELECT size FROM journal_heads ORDER BY size DESC LIMIT 2")
    )
    return int(rows[1][0])


async def test_an_earlier_head_that_nobody_signed_proves_nothing(tmp_path: Path) -> None:
    """Where the other side holds less, the kept head of that size must be signed as well."""
    async with healed(tmp_path, 10) as (centre, node, audit):
        copies, earlier = audit.entries._held.own, await _earlier(node)
        await spoil(node.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx = 4")
        held = await _shown(centre, node, earlier, 4)
        damaged = await _looked(node, copies)
        assert [one.index for one in await prove(copies, damaged, held)] == [4]
        unsigned = "UPDATE journal_heads SET signature = zeroblob(64) WHERE size = ?"
        await spoil(node.database, unsigned, earlier)
        with pytest.raises(FederationError):
            await prove(copies, damaged, held)


async def test_hidden_damage_behind_what_is_shared_is_known_to_lie_there(tmp_path: Path) -> None:
    """No row contradicts itself and all that the other side holds is right: a person is told."""
    async with healed(tmp_path, 10) as (centre, node, audit):
        copies, earlier = audit.entries._held.own, await _earlier(node)
        await spoil(node.database, HIDDEN, OTHER, leaf_hash(OTHER), node.journal.head.size - 1)
        damaged = await _looked(node, copies)
        assert damaged.wanted() == [0]
        held = await _shown(centre, node, earlier, 0)
        assert await prove(copies, damaged, held) == []
        await took(damaged, held)
        assert not damaged.sound and damaged.unheld() == [earlier] and damaged.wanted() == []


async def test_an_entry_that_is_damaged_on_both_sides_is_not_shown(tmp_path: Path) -> None:
    """The centre says that it has none, so that a person hears of it; the others come back."""
    async with healed(tmp_path, 10) as (centre, node, audit):
        await spoil(node.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx IN (4, 6)")
        await spoil(centre.database, "UPDATE ledger_entries SET bytes = x'01' WHERE idx = 4")
        held = await _shown(centre, node, node.journal.head.size, 4, 6)
        assert [one.index for one in held.entries] == [6]
        assert await read_again(audit.verify)
        assert not await audit.entries.step()
        assert "FED-2427" in audit.entries.notes()[0]
        rows = await node.journal.entries(4, 7)
        assert [row.data for row in rows if leaf_hash(row.data) != row.leaf_hash] == [b"\0"]


async def test_what_the_centre_lacks_too_is_asked_for_once_and_told_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer without entries ends the attempt; the note goes with the damage."""
    async with healed(tmp_path, 10) as (centre, node, audit):
        wrong, true = "UPDATE {} SET bytes = ? WHERE idx = 4", (await node.journal.entries(4, 5))[0]
        await spoil(node.database, wrong.format("journal_entries"), b"\0")
        await spoil(centre.database, wrong.format("ledger_entries"), b"\1")
        asked = _counted(monkeypatch, OthersCopies)
        assert await read_again(audit.verify)
        assert not await audit.entries.step()
        assert asked == [1] and audit.entries.notes()
        await spoil(centre.database, wrong.format("ledger_entries"), true.data)
        audit.entries._backoff = Backoff()
        assert await audit.entries.step()
        assert await read_again(audit.verify) == []
        await audit.entries.step()
        assert audit.entries.notes() == ()


async def test_a_node_that_lacks_what_the_centre_wants_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty gift ends the attempt; the centre goes on waiting."""
    async with healed(tmp_path, 10) as (centre, node, audit):
        await spoil(node.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx = 4")
        await spoil(centre.database, "UPDATE ledger_entries SET bytes = x'01' WHERE idx = 4")
        assert await read_again(centre.audit.verify)
        await centre.audit.entries.step()
        given = _counted(monkeypatch, OwnCopies)
        assert await audit.entries.give() == 0
        assert given == [1]
        (wanted,) = centre.audit.entries.wanted(node.node_id)
        assert list(wanted.indexes) == [4]


async def test_without_a_sound_session_nothing_is_tried_and_no_time_is_lost(
    tmp_path: Path,
) -> None:
    """The first attempt comes with the session, not after a pause."""
    async with healed(tmp_path, 5) as (_, node, audit):
        await spoil(node.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx = 4")
        assert await read_again(audit.verify)
        road = audit.entries._road
        audit.entries._road = replace(road, is_open=lambda: False)
        assert not await audit.entries.step()
        audit.entries._road = road
        assert await audit.entries.step()


async def test_what_another_node_gave_meanwhile_is_passed_over(tmp_path: Path) -> None:
    """Two nodes were asked for the same national entry: the later one is not called a liar."""
    async with healed(tmp_path, 5) as (centre, node, audit):
        await spoil(
            centre.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx IN (9, 12)"
        )
        assert await read_again(centre.audit.verify)
        entries, head = centre.audit.entries, node.national.head
        assert head is not None
        await entries.step()
        wanted = wire.WantedEntries(national=True, epoch=head.epoch, size=head.size, indexes=[9])
        held = await audit.entries._held.show(wanted)
        assert (await entries.take(node.node_id, held)).taken == 1
        later = await entries.take("lpse-ngawi", held)
        assert (later.taken, list(later.wanted.indexes)) == (0, [12])
        assert await audit.entries.give() == 1
        assert await read_again(centre.audit.verify) == []


def _counted(monkeypatch: pytest.MonkeyPatch, copies: type) -> list[int]:
    """How often copies of this class are asked to show something."""
    calls, true = [0], copies.show  # type: ignore[attr-defined] # both kinds have it

    async def show(self: object, *asked: object) -> object:
        calls[0] += 1
        return await true(self, *asked)

    monkeypatch.setattr(copies, "show", show)
    return calls
