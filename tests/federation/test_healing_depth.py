"""Damage that hides, damage everywhere, damage that nobody can heal: told, and in no one's way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from lpse.federation.errors import NotFound
from lpse.federation.merkle import leaf_hash
from lpse.federation.v1 import audit_pb2 as wire
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import records_pb2 as records
from lpse.storage.journal_check import check_journal_in
from lpse.storage.start_check import check_database
from lpse.storage.verify_pass import VerifyPass
from regional_node.audit.client import open_calls
from tests.federation.healing import (
    DAMAGED,
    PUT_BACK,
    SOUND,
    STORY,
    audit_of,
    healed,
    read_again,
    rules_at_centre,
    rules_at_node,
    settled,
    spoil,
)
from tests.federation.rig import CLOCK, Node, eventually, running

OTHER = b"other bytes"


async def _sound(node: Node) -> None:
    signer = node.authority.nodes[node.node_id]
    await node.database.read(lambda tx: check_journal_in(tx, signer.verifier))


async def test_damage_with_its_own_hash_is_found_branch_by_branch(tmp_path: Path) -> None:
    """No row contradicts itself; proved paths lead to the three that are wrong, and to no other."""
    async with healed(tmp_path, 100) as (centre, node, audit):
        forged = "UPDATE {} SET bytes = ?, leaf_hash = ? WHERE idx IN (3, 64, 99)"
        await spoil(node.database, forged.format("journal_entries"), OTHER, leaf_hash(OTHER))
        await spoil(centre.database, forged.format("ledger_entries"), OTHER, leaf_hash(OTHER))
        await spoil(node.database, forged.format("national_entries"), OTHER, leaf_hash(OTHER))
        assert len(await read_again(audit.verify)) == 2
        await audit.entries.step()  # the centre's copy of the own journal is no help
        assert len(await read_again(audit.verify)) == 1
        assert (await rules_at_node(node)).count(PUT_BACK) == 1


async def test_hidden_damage_of_the_own_journal_is_healed_entry_by_entry(tmp_path: Path) -> None:
    """As many runs as answers were needed; entries that were right are not counted as healed."""
    async with healed(tmp_path, 100) as (_, node, audit):
        forged = "UPDATE journal_entries SET bytes = ?, leaf_hash = ? WHERE idx IN (3, 64, 99)"
        await spoil(node.database, forged, OTHER, leaf_hash(OTHER))
        await read_again(audit.verify)
        assert await audit.entries.step()
        await _sound(node)
        assert await read_again(audit.verify) == []
        rows = await node.database.read(lambda tx: tx.execute("SELECT record FROM recon_runs"))
        told = [records.ReconciliationRecorded.FromString(data) for (data,) in rows]
        healed_rows = [one for run in told for one in run.entries if one.rule == PUT_BACK]
        assert sum(one.count for one in healed_rows) == 3


async def test_a_kept_hash_alone_is_put_right_without_asking_anybody(tmp_path: Path) -> None:
    """The bytes give the signed root, so they are the proof; on either side."""
    async with healed(tmp_path) as (centre, node, audit):
        wrong = "UPDATE {} SET leaf_hash = zeroblob(32) WHERE idx < 20"
        await spoil(node.database, wrong.format("journal_entries"))
        await spoil(centre.database, wrong.format("ledger_entries"))
        assert await read_again(audit.verify) and await read_again(centre.audit.verify)
        await audit.entries.step()
        await centre.audit.entries.step()
        assert await read_again(audit.verify) + await read_again(centre.audit.verify) == []
        await _sound(node)
        assert (await rules_at_node(node)).count(PUT_BACK) == 2  # sixteen at a time
        assert rules_at_centre(centre)[-1] == SOUND


async def test_many_damaged_entries_come_back_in_bounded_answers(tmp_path: Path) -> None:
    """Forty of them, gone and changed, on both sides of the link at different places."""
    async with healed(tmp_path, 120) as (centre, node, audit):
        await spoil(node.database, "DELETE FROM journal_entries WHERE idx BETWEEN 10 AND 29")
        await spoil(node.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx > 99")
        assert await read_again(audit.verify)
        assert await audit.entries.step()
        await _sound(node)
        await spoil(centre.database, "DELETE FROM ledger_entries WHERE idx BETWEEN 40 AND 79")
        assert await read_again(centre.audit.verify)
        await centre.audit.entries.step()
        assert await audit.entries.give() == 40
        assert await read_again(centre.audit.verify) == []


async def test_what_was_never_delivered_waits_for_a_person(tmp_path: Path) -> None:
    """Nobody else holds it: it is not sent, intake goes on, the admin reads which entry it is."""
    async with healed(tmp_path) as (centre, node, audit):
        await read_again(audit.verify)
        size = node.journal.head.size
        await centre.stop()
        await eventually(lambda: node.state.session is None)
        await node.journal.append(records.HoldEnded(package="p", reason="whole"))
        late = (await node.journal.append(records.HoldEnded(package="p", reason="late")))[0]
        await spoil(node.database, "DELETE FROM journal_entries WHERE idx = ?", late)
        await centre.start()
        await eventually(lambda: centre.stored(node.node_id) == late > size)
        await eventually(lambda: bool(node.journal.met_damage))
        again = audit_of(node, centre)
        assert not await again.entries.step()
        assert len(await _found(again.verify)) == 1
        assert not await again.entries.step()
        assert any("FED-2427" in one and str(late) in one for one in again.notes())
        assert (await rules_at_node(node)) == [DAMAGED]
        await node.journal.append(records.HoldEnded(package="p", reason="after it"))
        assert node.state.session is not None and not node.state.session.quarantine_code
        assert centre.stored(node.node_id) == late


async def test_a_damaged_national_entry_is_not_sent_until_it_is_healed(tmp_path: Path) -> None:
    """A node that lacks it is not told a contradiction; another node's copy heals the centre."""
    async with healed(tmp_path) as (centre, _, audit):
        await read_again(centre.audit.verify)
        centre.frames._frames.clear()  # what was encoded before the damage
        await spoil(centre.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx = 9")
        other = Node(centre.authority, tmp_path / "other", "lpse-ngawi", centre.port)
        async with running(other):
            await eventually(lambda: bool(centre.journal.met_damage))
            await eventually(lambda: other.state.session is not None)
            await centre.audit.entries.step()
            assert len(await _found(centre.audit.verify)) == 1
            await centre.audit.entries.step()
            assert await audit.entries.give() == 1
            await other.journal.append(records.HoldEnded(package="p", reason="a word"))
            await centre.national.publish(directives.PolicyPublished(guard_window_seconds=99_000))
            await eventually(
                lambda: (
                    other.national.head is not None
                    and other.national.head.size == centre.journal.head.size
                )
            )
        assert await read_again(centre.audit.verify) == []


async def test_damage_on_either_side_stops_neither_intake_nor_link(tmp_path: Path) -> None:
    """While it stands, new entries of both journals are written, delivered and acknowledged."""
    async with healed(tmp_path) as (centre, node, audit):
        await spoil(node.database, "DELETE FROM journal_entries WHERE idx = 12")
        await spoil(node.database, "UPDATE national_entries SET bytes = x'00' WHERE idx = 5")
        await spoil(centre.database, "UPDATE ledger_entries SET bytes = x'00' WHERE idx = 30")
        await spoil(centre.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx = 9")
        assert len(await read_again(audit.verify)) == 2
        assert len(await read_again(centre.audit.verify)) == 2
        await node.journal.append(records.HoldEnded(package="p", reason="meanwhile"))
        await settled(centre, node)
        await audit.entries.step()
        await centre.audit.entries.step()
        assert await audit.entries.give() == 2
        assert await read_again(audit.verify) + await read_again(centre.audit.verify) == []


async def test_a_restarted_centre_knows_its_damage_and_is_healed(tmp_path: Path) -> None:
    """Damage done while it was stopped is found by its next pass; what was known stays known."""
    async with healed(tmp_path) as (centre, node, _):
        await spoil(centre.database, "DELETE FROM ledger_entries WHERE idx = 3")
        assert await read_again(centre.audit.verify)
        await spoil(centre.database, "UPDATE ledger_entries SET bytes = x'01' WHERE idx = 4")
        await centre.stop()
        await centre.start()
        await eventually(lambda: node.state.session is not None)
        await centre.audit.verify.step(CLOCK.wall())  # what was found before is known again
        await centre.audit.entries.step()
        assert await audit_of(node, centre).entries.give() == 2
        assert await read_again(centre.audit.verify) == []


async def test_an_entry_that_was_parked_for_its_damage_is_projected_when_it_comes(
    tmp_path: Path,
) -> None:
    """The centre could not read it when it was its turn; healed, it is nobody's matter any more."""
    async with healed(tmp_path) as (centre, node, audit):
        centre.recorder.poison = lambda record: isinstance(record, records.HoldEnded)
        await node.journal.append(records.HoldEnded(package="p", reason="parked"))
        await settled(centre, node)
        index = node.journal.head.size - 1
        await spoil(centre.database, "UPDATE ledger_entries SET bytes = x'01' WHERE idx = ?", index)
        centre.recorder.poison = lambda _: False
        assert await centre.projector.replay() == (0, 1)
        assert await read_again(centre.audit.verify)
        await centre.audit.entries.step()
        assert await audit.entries.give() == 1
        applied = await centre.ledger.applied(node.node_id, node.journal.epoch)
        assert applied.parked_count == 0
        assert [one.reason for one in await centre.recorder.seen(records.HoldEnded)] == ["parked"]


async def test_a_proof_that_cannot_be_given_has_the_journal_read_at_once(tmp_path: Path) -> None:
    """Whoever meets damage does not wait for the night: either side, own entry or other's."""
    async with healed(tmp_path) as (centre, node, audit):
        await read_again(audit.verify)
        await read_again(centre.audit.verify)
        head = node.journal.head
        await spoil(centre.database, "UPDATE ledger_entries SET bytes = x'00' WHERE idx = 5")
        await spoil(centre.database, "DELETE FROM journal_entries WHERE idx = 6")
        await spoil(node.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx = 7")
        question = link.Challenge(number=1, epoch=head.epoch, index=7, size=head.size)
        assert (await audit.proofs.answer(question)).reason == "CORRUPT"
        national = node.national.head
        assert national is not None
        own = wire.ProveRequest(epoch=head.epoch, size=head.size, indexes=[5], nonce=bytes(16))
        theirs = wire.ProveRequest(
            national=True, epoch=national.epoch, size=national.size, indexes=[6], nonce=bytes(16)
        )
        async with open_calls(audit.entries._road.connect) as calls:
            await calls.prove(own)
            with pytest.raises(NotFound):
                await calls.prove(theirs)
        found = await _found(audit.verify), await _found(centre.audit.verify)
        assert [len(one) for one in found] == [1, 2]


async def _found(verify: VerifyPass) -> list[str]:
    """What the pass finds without being told to read anything again."""
    while await verify.step(CLOCK.wall()):
        pass
    return [one.found for one in await verify.damaged()]


async def test_an_older_centre_that_knows_no_healing_stops_nothing(tmp_path: Path) -> None:
    """The journal stays damaged and known, the attempt is put off, the session goes on."""
    async with healed(tmp_path) as (centre, node, audit):
        await spoil(node.database, "UPDATE journal_entries SET bytes = x'00' WHERE idx = 7")
        await read_again(audit.verify)
        older = SimpleNamespace(audit_port=centre.port)  # its listener serves the link alone
        late = audit_of(node, older)  # type: ignore[arg-type] # the port is all that is asked
        await late.verify.step(CLOCK.wall())
        assert not await late.entries.step()
        late.entries._ask_at = 0.0
        assert not await late.entries.step()
        assert "FED-7081" in late.notes()[0]
        assert node.state.session is not None
        assert await audit.entries.step()


async def test_a_node_that_was_stopped_starts_on_damaged_bytes_and_is_healed(
    tmp_path: Path,
) -> None:
    """Whether it stopped in order or not: nothing is acknowledged from them, and nobody waits."""
    async with healed(tmp_path) as (centre, node, audit):
        await read_again(audit.verify)
        await node.stop()
        with closing(sqlite3.connect(node.folder / "node.db")) as raw:
            raw.execute("UPDATE journal_entries SET bytes = x'00' WHERE idx IN (4, 20)")
            raw.commit()
        await node.start()
        assert await check_database(node.database, node.journal.verifier) == node.journal.head.size
        again = audit_of(node, centre)
        await node.journal.append(records.HoldEnded(package="p", reason="at once"))
        await settled(centre, node)
        await again.entries.step()  # what the start met is read again
        assert len(await _found(again.verify)) == 1
        assert await again.entries.step()
        await _sound(node)
        assert await read_again(again.verify) == []
        assert await rules_at_node(node) == STORY
