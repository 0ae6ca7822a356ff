"""Whoever gives bytes is believed in nothing: hash and path lead to a signed head, or it stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from central.audit import entries as entries_module
from central.audit.objects import fields_in
from lpse.federation.entries import decode_entry, encode_entry
from lpse.federation.errors import FederationError, NotFound, Refused, Unavailable
from lpse.federation.limits import HEALED_ENTRIES_MAX
from lpse.federation.state_objects import UPLOAD, ObjectKey
from lpse.federation.v1 import healing_pb2 as wire
from lpse.runtime.sqlite import Database
from lpse.storage import entry_copies
from lpse.storage.entry_copies import OthersCopies, OwnCopies
from lpse.storage.healing_backoff import Backoff
from regional_node.audit.client import open_healing_calls
from tests.federation.audits import commitment_of
from tests.federation.healing import DAMAGED, healed, read_again, rules_at_centre, spoil

Twist = Callable[[wire.HeldEntries], None]


def _other_bytes(held: wire.HeldEntries) -> None:
    entry = decode_entry(held.entries[0].data)
    held.entries[0].data = encode_entry(replace(entry, entry_id=bytes(16)))


def _other_path(held: wire.HeldEntries) -> None:
    held.entries[0].path[0] = bytes(32)


def _other_entry(held: wire.HeldEntries) -> None:
    held.entries[0].index += 1


def _other_size(held: wire.HeldEntries) -> None:
    held.size -= 1


def _larger_size(held: wire.HeldEntries) -> None:
    held.size += 1


def _no_size(held: wire.HeldEntries) -> None:
    held.size = 0


def _twice(held: wire.HeldEntries) -> None:
    held.entries.append(held.entries[0])


def _too_long(held: wire.HeldEntries) -> None:
    held.entries[0].data += bytes(1 << 17)


TWISTS = [
    _other_bytes,
    _other_path,
    _other_entry,
    _other_size,
    _larger_size,
    _no_size,
    _twice,
    _too_long,
]


async def _rows(database: Database, table: str) -> list[tuple[object, ...]]:
    return await database.read(lambda tx: tx.execute(f"SELECT * FROM {table} ORDER BY 1, 2"))


def _twisting(monkeypatch: pytest.MonkeyPatch, copies: type, twist: Twist) -> None:
    """What copies of this class show is twisted on its way."""
    true = copies.show  # type: ignore[attr-defined] # both kinds have it

    async def show(self: object, *asked: object) -> wire.HeldEntries:
        held: wire.HeldEntries = await true(self, *asked)
        twist(held)
        return held

    monkeypatch.setattr(copies, "show", show)


async def test_a_lying_centre_changes_nothing_at_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a byte is stored, the damage stays known, and the next attempt waits a while."""
    async with healed(tmp_path, 10) as (_, node, audit):
        await spoil(node.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx = 4")
        assert await read_again(audit.verify)
        before = await _rows(node.database, "journal_entries WHERE idx < 5")
        for twist in TWISTS:
            audit.entries._backoff = Backoff()
            with monkeypatch.context() as lying:
                _twisting(lying, OthersCopies, twist)
                assert not await audit.entries.step(), twist
            assert await _rows(node.database, "journal_entries WHERE idx < 5") == before, twist
            assert "FED-7081" in audit.notes()[0]
        assert not await audit.entries.step()  # not at once again, also of an honest one


async def test_a_lying_node_changes_nothing_at_the_centre(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it gives is refused; an honest one is listened to at any time."""
    async with healed(tmp_path, 10) as (centre, _, audit):
        await spoil(centre.database, "UPDATE ledger_entries SET bytes = x'00' WHERE idx = 4")
        assert await read_again(centre.audit.verify)
        await centre.audit.entries.step()
        before = await _rows(centre.database, "ledger_entries")
        for twist in TWISTS:
            with monkeypatch.context() as lying:
                _twisting(lying, OwnCopies, twist)
                try:
                    assert await audit.entries.give() == 0, twist
                except FederationError as error:
                    assert error.code == "FED-2426", twist
            assert await _rows(centre.database, "ledger_entries") == before, twist
        assert rules_at_centre(centre) == [DAMAGED]
        assert await audit.entries.give() == 1


async def test_what_nobody_wants_is_not_taken(tmp_path: Path) -> None:
    """A sound journal takes no entry, not even a true one; an unknown one is not looked for."""
    async with healed(tmp_path, 5) as (centre, node, audit):
        wanted = wire.WantedEntries(epoch=node.journal.epoch, size=5, indexes=[2])
        held = await OwnCopies(centre.database, node.journal, _unchecked).show(wanted)
        async with open_healing_calls(audit.entries._road.connect) as calls:
            assert (await calls.give(held)).taken == 0
            held.epoch = bytes(16)
            assert (await calls.give(held)).taken == 0
            assert await calls.wanted() == []


async def _unchecked(_: object) -> None:
    """Whoever gives does not check its own signature."""


async def test_questions_are_bounded(tmp_path: Path) -> None:
    """Invariant 12: too many entries, places that cannot be, and no question at all are refused."""
    async with healed(tmp_path, 5) as (_, node, audit):
        epoch = node.journal.epoch
        many = list(range(HEALED_ENTRIES_MAX + 1))
        wrong = [
            wire.WantedEntries(),
            wire.WantedEntries(epoch=epoch, size=5),
            wire.WantedEntries(epoch=epoch, size=5, indexes=[5]),
            wire.WantedEntries(epoch=epoch, size=5, indexes=[1, 1]),
            wire.WantedEntries(epoch=epoch, size=99, indexes=many),
            wire.WantedEntries(epoch=epoch[:3], size=5, indexes=[1]),
        ]
        async with open_healing_calls(audit.entries._road.connect) as calls:
            for one in wrong:
                with pytest.raises(Refused) as caught:
                    await calls.fetch(one)
                assert caught.value.code == "FED-7076"
            with pytest.raises(FederationError) as unknown:
                await calls.fetch(wire.WantedEntries(epoch=bytes(16), size=5, indexes=[1]))
            assert unknown.value.code == "FED-7078"


async def test_a_damaged_ledger_decides_nothing_about_state(tmp_path: Path) -> None:
    """An object whose entry is gone is not projected again from the rest; healed, it is."""
    async with healed(tmp_path, 10) as (centre, node, audit):
        key, name = ObjectKey(UPLOAD, commitment_of(6).hex()), node.node_id
        true = await centre.database.read(lambda tx: fields_in(tx, name, key))
        spoiled = "UPDATE audit_objects SET fields = '{}' WHERE name = ?"
        await centre.database.write(lambda tx: tx.run(spoiled, (key.name,)))
        rows = await node.journal.entries(0, 100)
        (index,) = (row.index for row in rows if commitment_of(6) in row.data)
        await spoil(centre.database, "DELETE FROM ledger_entries WHERE idx = ?", index)
        with pytest.raises(Unavailable) as caught:
            await centre.audit.service._examining.examine(name, [key])
        assert caught.value.code == "FED-2428"
        assert await centre.database.read(lambda tx: fields_in(tx, name, key)) == {}
        assert await read_again(centre.audit.verify)
        await centre.audit.entries.step()
        assert await audit.entries.give() == 1
        await centre.audit.service._examining.examine(name, [key])
        assert await centre.database.read(lambda tx: fields_in(tx, name, key)) == true


async def test_a_node_is_asked_for_its_own_journal_and_the_national_one_alone(
    tmp_path: Path,
) -> None:
    """Nobody learns of, reads or heals another node's journal; a short copy shuts out no other."""
    async with healed(tmp_path, 10) as (centre, node, audit):
        await spoil(centre.database, "UPDATE ledger_entries SET bytes = x'00' WHERE idx = 4")
        await spoil(centre.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx = 9")
        assert len(await read_again(centre.audit.verify)) == 2
        entries, epoch = centre.audit.entries, node.journal.epoch
        await entries.step()
        assert [one.national for one in entries.wanted("lpse-ngawi")] == [True]
        assert [one.national for one in entries.wanted(node.node_id)] == [True, False]
        with pytest.raises(NotFound):
            await entries.show("lpse-ngawi", wire.WantedEntries(epoch=epoch, size=9, indexes=[1]))
        held = await OwnCopies(node.database, node.journal, _unchecked).show(
            wire.WantedEntries(epoch=epoch, size=centre.stored(node.node_id), indexes=[4])
        )
        assert (await entries.take("lpse-ngawi", held)).taken == 0
        short = wire.HeldEntries(national=True, epoch=centre.journal.epoch, size=1)
        assert (await entries.take("lpse-ngawi", short)).taken == 0
        assert await audit.entries.give() == 2


async def test_only_so_much_damage_is_in_memory_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has no room waits its turn; who never comes gives the place away after a while."""
    monkeypatch.setattr(entries_module, "HEALING_LEAVES_MAX", 1)
    async with healed(tmp_path, 10) as (centre, node, audit):
        await spoil(centre.database, "UPDATE ledger_entries SET bytes = x'00' WHERE idx = 4")
        await spoil(centre.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx = 9")
        await read_again(centre.audit.verify)
        entries = centre.audit.entries
        await entries.step()
        await entries.step()
        assert [one.national for one in entries.wanted(node.node_id)] == [True]
        next(iter(entries._open.values())).until = 0.0
        await entries.step()
        assert [one.national for one in entries.wanted(node.node_id)] == [False]
        assert await audit.entries.give() == 1
        entries._backoff = Backoff()
        await entries.step()
        assert await audit.entries.give() == 1
        assert await read_again(centre.audit.verify) == []


async def test_questions_of_many_nodes_hold_the_hashes_of_one_journal_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: nodes that all ask at once do not fill the centre's memory with leaf hashes."""
    walk, walking, most = entry_copies._kept_leaves, 0, 0

    async def counted(*asked: Any) -> list[bytes]:
        nonlocal walking, most
        walking += 1
        most = max(most, walking)
        try:
            return await walk(*asked)
        finally:
            walking -= 1

    monkeypatch.setattr(entry_copies, "_kept_leaves", counted)
    async with healed(tmp_path, 5) as (centre, _, _):
        wanted = wire.WantedEntries(
            national=True, epoch=centre.journal.epoch, size=centre.journal.head.size, indexes=[1]
        )
        asking = [centre.audit.entries.show(f"lpse-{one}", wanted) for one in range(20)]
        assert all(len(one.entries) == 1 for one in await asyncio.gather(*asking))
    assert most == 1


async def test_nodes_that_give_nothing_hold_no_journal_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: only an entry that was taken gives a journal more time in the memory."""
    async with healed(tmp_path, 10) as (centre, _, _):
        await spoil(centre.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx = 9")
        assert await read_again(centre.audit.verify)
        entries = centre.audit.entries
        await entries.step()
        (before,) = (one.until for one in entries._open.values())
        size, epoch = centre.journal.head.size, centre.journal.epoch
        nothing = wire.HeldEntries(national=True, epoch=epoch, size=size)
        monkeypatch.setattr(entries_module, "HEALING_HELD_SECONDS_MAX", 1e9)
        assert (await entries.take("lpse-ngawi", nothing)).taken == 0
        assert [one.until for one in entries._open.values()] == [before]
