"""An admin of the node notes what was decided about the node's own runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lpse.federation.acts import Deed, verify_act
from lpse.federation.errors import Conflict, Denied, FederationError
from lpse.federation.reconciliation_replay import replay
from lpse.federation.reconciliation_rules import entry, evidence
from lpse.federation.reconciliation_sets import Sets, sets_of
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import resolutions_pb2 as api
from lpse.runtime.sqlite import Database
from lpse.runtime.tls import public_bytes
from regional_node.reconciliation.resolutions_store import ResolutionStore, resolved_in
from regional_node.reconciliation.resolving import ACT, resolution_digest
from regional_node.reconciliation.store import ReconciliationStore
from regional_node.restored import RestoredEntry
from tests.regional_node.reconciliation.deciding import (
    LOST,
    MIGRATIONS,
    NODE,
    RUN,
    SCRUB,
    Node,
)


async def test_an_admins_decision_stands_signed_in_the_journal(node: Node) -> None:
    """Run, object, rule, choice and reason are one entry with the person's signature."""
    found = await node.resolve()
    assert found.name == "resolutions/1"
    ((index, journalled),) = await node.entries()
    record = records.ReconciliationResolved.FromString(journalled.payload)
    assert (index, record) == (found.index, found.record)
    assert (record.node_id, record.object) == (NODE, "blob 12ab")
    assert (record.rule, record.choice) == ("R-BLOB-NODE-MISSING/1", "ACKNOWLEDGE")
    request = api.ResolveEntryRequest(run=RUN, choice=record.choice, reason=record.reason)
    deed = Deed(NODE, ACT, resolution_digest(request))
    verify_act(record.acts[0], public_bytes(node.keys["tono"]), deed)
    answer = await node.service.ListResolutions(api.ListResolutionsRequest(run=RUN), None)  # type: ignore[arg-type] # the handler reads no context
    assert list(answer.resolutions) == [found]


async def test_the_same_signed_act_again_changes_nothing(node: Node) -> None:
    """Invariant 3: a repeated request is answered alike."""
    request = api.ResolveEntryRequest(run=RUN, choice="KEEP_BOTH", reason="seen")
    request.act.CopyFrom(node.sign("tono", resolution_digest(request)))
    assert await node.send(request) == await node.send(request)
    assert len(await node.entries()) == 1


async def test_a_correction_points_back(node: Node) -> None:
    """The first answer stays; only a correction that names it answers again."""
    await node.resolve()
    with pytest.raises(Conflict, match="FED-7016"):
        await node.resolve(choice="KEEP_BOTH")
    corrected = await node.resolve(choice="KEEP_BOTH", corrects="resolutions/1")
    assert (corrected.name, corrected.record.corrects) == ("resolutions/2", "resolutions/1")
    assert len(await node.entries()) == 2


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"entry": 1}, "FED-7014"),  # waits for nobody
        ({"choice": "CONTINUE_OFFERED"}, "FED-7014"),  # the federation's question
        ({"entry": 2}, "FED-7012"),
        ({"run": "recon/lpse-kalsel/1"}, "FED-7001"),
        ({"run": "recon/lpse-pacitan/9"}, "FED-7001"),
        ({"reason": " "}, "FED-3113"),
        ({"who": "wati"}, "FED-3104"),
    ],
)
async def test_what_cannot_be_decided_here_is_refused(
    node: Node, fields: dict[str, Any], code: str
) -> None:
    """Nothing is journalled, and a signature that was refused can be used once more."""
    before = node.journal.head
    with pytest.raises(FederationError, match=code):
        await node.resolve(**fields)
    assert node.journal.head == before


async def test_a_signature_for_something_else_counts_for_nothing(node: Node) -> None:
    """What was signed is what is journalled."""
    request = api.ResolveEntryRequest(run=RUN, choice="ACKNOWLEDGE", reason="seen")
    with pytest.raises(Denied, match="FED-3111"):
        await node.send(request)
    request.act.CopyFrom(node.sign("tono", resolution_digest(request)))
    request.reason = "something else"
    with pytest.raises(Denied, match="FED-3101"):
        await node.send(request)


async def test_decisions_come_back_with_the_journal(node: Node, tmp_path: Path) -> None:
    """Invariant 3: a restored node knows its decisions again, once."""
    await node.resolve()
    ((index, one),) = await node.entries()
    record = records.ReconciliationResolved.FromString(one.payload)
    restored = await Database.open(tmp_path / "restored.db", MIGRATIONS)
    entry_back = RestoredEntry(
        node.journal.epoch, index, one.kind, record, one.entry_id, one.record_time
    )
    for _ in range(2):
        await restored.write(lambda tx: resolved_in(tx, entry_back))
    (found,) = await ResolutionStore(restored, node.journal, node.clock).page(99, 9)
    assert (found.record, found.index) == (record, index)
    await restored.close()


async def test_decided_runs_carry_their_inputs_and_sets(node: Node) -> None:
    """Invariant 9: a run of findings can be replayed, and a recovery's branches close."""
    there = evidence(epoch="aa", size=15)
    found = [
        entry("R-TAIL-RETURNED", "journals/lpse-pacitan", b"{}", there, "", 5),
        entry("R-BRANCH-KEPT", "journals/lpse-pacitan", b"{}", there, "", 2),
        entry("R-EPOCH-CONTINUED", "journals/lpse-pacitan", b"{}", there, "", 1),
    ]
    trigger = records.RECONCILIATION_TRIGGER_RESTORE
    await node.database.write(lambda tx: node.runs.decided_in(tx, trigger, found))
    row = await ReconciliationStore(node.database).get(2)
    assert row is not None and replay(row.record).complete
    assert sets_of(row.record) == Sets(10, 2, 5, 0, 17)
    row.record.only_node_count, row.record.union_count = 3, 18
    assert [one.field for one in replay(row.record).differences] == ["sets"]


async def test_more_decisions_than_a_record_holds_are_several_runs(node: Node) -> None:
    """Invariant 12: nothing is left out, and every run stays within an entry."""
    await node.database.write(lambda tx: node.runs.decided_in(tx, SCRUB, [LOST] * 120))
    rows = await ReconciliationStore(node.database).page(before=99, limit=9)
    assert [len(row.record.entries) for row in rows] == [20, 50, 50, 2]
