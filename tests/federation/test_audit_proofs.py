"""Proofs at random, both ways: what was acknowledged can be shown, or a person hears of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from central.audit.challenging import Challenging
from lpse.federation.errors import Refused, Unavailable
from lpse.federation.limits import CHALLENGES_PER_NODE_MAX
from lpse.federation.reconciliation_rules import needs_person
from lpse.federation.v1 import audit_pb2 as wire
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database
from regional_node.audit.client import open_calls
from regional_node.audit.proofs import OwnProofs
from regional_node.audit.worker import AuditWorker
from tests.federation.audits import AuditedCentre, audited
from tests.federation.rig import CLOCK, ENTROPY, LOG, Node, eventually

DEMAND = records.RECONCILIATION_TRIGGER_DEMAND
Entries = Sequence[records.ReconciliationEntry]


async def _spoil(database: Database, sql: str, *values: bytes | int) -> None:
    assert await database.write(lambda tx: tx.run(sql, values))


async def _proofs(node: Node, worker: AuditWorker) -> list[records.ReconciliationEntry]:
    """The rows about proofs of one audit."""
    told = await worker.audit(DEMAND)
    run = await node.runs.store.get(int(told.run))
    assert run is not None
    return [one for one in run.record.entries if one.rule.startswith("R-PROOF")]


async def test_the_centre_shows_what_it_acknowledged(tmp_path: Path) -> None:
    """Entries of both journals, drawn at random, with bytes, leaf and path; one row says so."""
    async with audited(tmp_path, 200) as (_, node, worker):
        (row,) = await _proofs(node, worker)
        assert row.rule == "R-PROOF-GIVEN/1"
        assert row.count >= 2


async def test_a_centre_that_lost_bytes_cannot_prove_them(tmp_path: Path) -> None:
    """Kept hashes do not help: what is shown is computed from the bytes, and a person hears."""
    async with audited(tmp_path, 20) as (centre, node, worker):
        await _spoil(centre.database, "UPDATE ledger_entries SET bytes = x'00'")
        rows = await _proofs(node, worker)
        refused = [row for row in rows if row.rule == "R-PROOF-REFUSED/1"]
        assert refused
        assert all(row.object.startswith("regional ") and needs_person(row) for row in refused)


async def test_entries_that_are_gone_are_a_refused_proof(tmp_path: Path) -> None:
    """A centre that answers 'not here' has not shown anything."""
    async with audited(tmp_path, 20) as (centre, node, worker):
        await _spoil(centre.database, "DELETE FROM ledger_entries WHERE idx > ?", 1)
        (given, refused) = sorted(await _proofs(node, worker), key=lambda row: row.rule)
        assert given.rule == "R-PROOF-GIVEN/1"  # the national ones
        assert "FED-7078" in refused.reason


async def test_a_node_that_asks_too_often_is_told_to_come_back(tmp_path: Path) -> None:
    """Invariant 12: proofs cost the centre a walk, so one node gets a few per minute."""
    async with audited(tmp_path, 5) as (_, node, worker):
        head = node.journal.head
        request = wire.ProveRequest(epoch=head.epoch, size=head.size, indexes=[0], nonce=bytes(16))
        async with open_calls(worker._connect) as calls:
            for _ in range(CHALLENGES_PER_NODE_MAX):
                await calls.prove(request)
            with pytest.raises(Unavailable) as caught:
                await calls.prove(request)
        assert caught.value.code == "FED-7077"
        assert caught.value.retry_after_seconds


async def test_an_older_centre_that_knows_no_audit_is_no_finding(tmp_path: Path) -> None:
    """A mixed pair goes on: the audit waits for the upgrade, and nothing is written down."""
    async with audited(tmp_path, 5) as (centre, node, worker):
        centre.audit_port = centre.port  # the link's own listener: it has no service Audit
        before = node.journal.head
        with pytest.raises(Refused) as caught:
            await worker.audit(DEMAND)
        assert caught.value.code == "FED-2298"
        worker._due = CLOCK.wall()
        assert await worker.step(CLOCK.wall()) is None
        assert worker._due > CLOCK.wall() + timedelta(hours=23)
        assert node.journal.head == before


async def test_an_audit_that_is_due_waits_for_the_link(tmp_path: Path) -> None:
    """Without a session nothing is asked; with one the due audit is one run of the schedule."""
    async with audited(tmp_path, 5) as (_, node, worker):
        assert await worker.step(CLOCK.wall()) is None  # the first one comes at a random moment
        session, node.state.session = node.state.session, None
        worker._due = CLOCK.wall()
        assert await worker.step(CLOCK.wall()) is None
        node.state.session = session
        told = await worker.step(CLOCK.wall())
        assert told is not None
        run = await node.runs.store.get(int(told.run))
        assert run is not None
        assert run.record.trigger == records.RECONCILIATION_TRIGGER_SCHEDULE
        assert await worker.step(CLOCK.wall()) is None


class Written:
    """What the centre would journal."""

    def __init__(self) -> None:
        self.entries: list[records.ReconciliationEntry] = []

    async def record(self, node_id: str, _trigger: object, entries: Entries) -> None:
        self.entries += entries


async def _asked(centre: AuditedCentre, node: Node) -> tuple[Challenging, Written, link.Challenge]:
    written = Written()
    challenging = Challenging(written, CLOCK, ENTROPY, LOG, mean_seconds=0.0)
    held = centre.ledger.current(node.node_id)
    assert held is not None and held.head is not None
    await challenging.due(node.node_id, held.head)
    question = await challenging.due(node.node_id, held.head)
    assert question is not None
    return challenging, written, question


async def test_a_sound_node_answers_a_challenge(tmp_path: Path) -> None:
    """Leaf and path lead to the head that the centre holds: nothing is written down."""
    async with audited(tmp_path, 100) as (centre, node, _):
        challenging, written, question = await _asked(centre, node)
        answer = await OwnProofs(node.journal).answer(question)
        await challenging.answered(node.node_id, question, answer)
        assert written.entries == []


async def test_a_node_that_lost_an_entry_is_found_out_and_goes_on(tmp_path: Path) -> None:
    """The finding waits for a person; the session, and with it intake, goes on."""
    async with audited(tmp_path, 100) as (centre, node, _):
        challenging, written, question = await _asked(centre, node)
        await _spoil(
            node.database,
            "UPDATE journal_entries SET bytes = x'00' WHERE idx = ?",
            question.index,
        )
        answer = await OwnProofs(node.journal).answer(question)
        assert answer.reason == "CORRUPT"
        await challenging.answered(node.node_id, question, answer)
        (row,) = written.entries
        assert row.rule == "R-PROOF-REFUSED/1"
        assert needs_person(row)
        assert node.state.session is not None and not node.state.session.quarantine_code


async def test_a_forged_answer_is_no_proof(tmp_path: Path) -> None:
    """A leaf of another entry, or a path that leads elsewhere, is written down with its code."""
    async with audited(tmp_path, 100) as (centre, node, _):
        challenging, written, question = await _asked(centre, node)
        answer = await OwnProofs(node.journal).answer(question)
        answer.leaf_hash = bytes(32)
        await challenging.answered(node.node_id, question, answer)
        assert "FED-2101" in written.entries[0].reason


async def test_challenges_travel_on_the_link(tmp_path: Path) -> None:
    """The centre asks after a heartbeat, the node answers from its disk, the centre judges."""
    async with audited(tmp_path, 20) as (centre, node, _):
        asked, answered = [], []

        class Listening(Challenging):
            async def answered(
                self, node_id: str, question: link.Challenge, answer: link.ChallengeAnswer
            ) -> None:
                asked.append(question)
                answered.append(answer)
                await super().answered(node_id, question, answer)

        written = Written()
        listening = Listening(written, CLOCK, ENTROPY, LOG, mean_seconds=0.0)
        object.__setattr__(centre.parts, "challenges", listening)
        object.__setattr__(node.parts, "challenged", OwnProofs(node.journal))
        centre.heartbeat_seconds = 1
        object.__setattr__(
            centre.parts, "settings", type(centre.parts.settings)("test", False, 60, 1)
        )
        node.worker.demand_run()
        await eventually(lambda: bool(answered))
        assert answered[0].leaf_hash
        assert written.entries == []
