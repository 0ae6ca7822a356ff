"""What the node did without knowing of what it had lost, and what came back, stand side by side."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lpse.federation.desired_state import NodeFacts
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import SeededEntropy
from regional_node.officers.rules import ADD, addition_digest
from regional_node.outages.rules import Kind, ProbeState
from regional_node.restored import RestoredEntry
from tests.regional_node.recovery.restored_world import PACKAGES, Areas, Day, rows_of
from tests.regional_node.schedule.world import at, package

FACTS = NodeFacts("lpse-pacitan", "ID-JI", "Asia/Jakarta")
START = datetime(2015, 3, 24, 1, 0, tzinfo=UTC)
CODE = PACKAGES[0]


async def rewound(folder: Path) -> tuple[Areas, Areas, int]:
    """A node, a copy of it as it was some time ago, and the size that both share."""
    (folder / "node").mkdir()
    (folder / "old").mkdir()
    node = await Areas(folder / "node", FACTS, START).open(1)
    await Day(node, 1).begin()
    await node.database.copy_to(folder / "old" / "node.db")
    old = await Areas(folder / "old", FACTS, START + timedelta(hours=5)).open(2)
    old.national = node.national
    return node, old, node.journal.head.size


async def give_back(node: Areas, old: Areas, known: int) -> list[RestoredEntry]:
    """The lost tail comes back."""
    tail = await node.own_entries(known)
    await old.restore(tail, old.restorers)
    await node.close()
    return tail


async def test_of_two_revisions_the_later_end_counts(tmp_path: Path) -> None:
    """Invariant 5: a deadline that was published once is not earlier after a loss."""
    node, old, known = await rewound(tmp_path)
    await node.load(package(CODE, "2015-04-07 10:00"))
    await old.load(package(CODE, "2015-04-02 10:00"))
    tail = await give_back(node, old, known)
    assert await old.deadline(CODE) == at("2015-04-07 10:00")
    newest = (await old.entries("package.scheduled"))[-1]
    assert isinstance(newest, records.PackageScheduled)
    assert (newest.revision, newest.origin) == (3, "recovery")
    await old.restore(tail, old.restorers)  # again: nothing more
    assert (await old.case(CODE)).package.revision == 3
    (told,) = await old.database.write(old.restorers.told_in)
    assert told.classification == records.CLASSIFICATION_DIFFERENT
    await old.close()


async def test_the_same_import_made_again_is_no_contradiction(tmp_path: Path) -> None:
    """SPSE imported the same schedule once more: one revision, nothing to ask."""
    node, old, known = await rewound(tmp_path)
    await node.load(package(CODE, "2015-04-07 10:00"))
    await old.load(package(CODE, "2015-04-07 10:00"))
    await give_back(node, old, known)
    assert (await old.case(CODE)).package.revision == 2
    assert not await old.database.write(old.restorers.told_in)
    await old.close()


async def test_measured_outages_with_one_number_are_both_kept(tmp_path: Path) -> None:
    """The lost outage gets a free number, and its end and confirmation find it there."""
    node, old, known = await rewound(tmp_path)
    for areas in (node, old):
        state = ProbeState(3, areas.clock.now(), "no answer", False)
        started = await areas.outages.start(Kind.SERVICE, state)
        areas.clock.advance(600)
        assert started.open_number == 1
        if areas is node:
            await areas.outages.end(1, started, areas.clock.now())
            statement = records.OutageConfirmed(
                outage="measured/1",
                cause=directives.OUTAGE_CAUSE_POWER,
                attribution=directives.OUTAGE_ATTRIBUTION_REGION,
                reason="padam",
            )
            await areas.outages.confirm(statement, areas.clock.now())
    await give_back(node, old, known)
    first, second = await old.outages.measured()
    assert (first.number, second.number) == (2, 1)
    assert first.interval.end is not None and first.confirmation is not None
    assert second.interval.end is None and second.confirmation is None
    await old.close()


async def test_an_outage_that_was_open_when_it_was_lost_ends_where_the_next_began(
    tmp_path: Path,
) -> None:
    """Two outages of one kind are never open at once."""
    node, old, known = await rewound(tmp_path)
    for areas in (node, old):
        await areas.outages.start(
            Kind.SERVICE, ProbeState(3, areas.clock.now(), "no answer", False)
        )
    await give_back(node, old, known)
    lost, live = await old.outages.measured()
    assert lost.interval.end == live.interval.start and live.interval.end is None
    await old.close()


async def test_runs_with_one_number_are_both_listed(tmp_path: Path) -> None:
    """A run of the link that went on meanwhile keeps its number; the lost one stands behind it."""
    node, old, known = await rewound(tmp_path)
    for areas, day in ((node, Day(node, 1)), (old, Day(old, 2))):
        await day.reconcile()
        areas.clock.advance(5)
    await give_back(node, old, known)
    runs = rows_of(old.folder)["recon_runs"]
    assert [row[0] for row in runs] == [1, 2]
    await old.close()


async def test_a_lost_decision_meets_the_same_proposal_made_again(tmp_path: Path) -> None:
    """The node computed the proposal anew; the Pokja's decision that came back is about it."""
    node, old, known = await rewound(tmp_path)
    declared = Day(node, 3)
    await declared.declare()  # the national journal reaches both
    for areas in (node, old):
        await areas.step(at("2015-03-26 10:00"))
    decided = await node.decide(CODE, records.DECISION_ACCEPT)
    await give_back(node, old, known)
    case = await old.case(CODE)
    assert case.last is not None and case.last.decision is not None
    assert case.package.stages == decided.case.package.stages
    await old.close()


async def test_a_person_registered_twice_stays_and_is_told(tmp_path: Path) -> None:
    """Another key under the same name is a question for people, not a silent exchange."""
    node, old, known = await rewound(tmp_path)
    key = SeededEntropy(1).token(32)
    for areas, mine in ((node, key), (old, bytes(reversed(key)))):
        day = Day(areas, 1)
        signed = day._signed(ADD, addition_digest("sri", "pokja", mine))
        await areas.officers.add("sri", "pokja", mine, signed)
    await give_back(node, old, known)
    assert (await old.officers.get("sri")).signing_key == bytes(reversed(key))
    assert len(await old.database.write(old.restorers.told_in)) == 1
    await old.close()


async def test_moved_entries_are_found_at_their_new_place(tmp_path: Path) -> None:
    """After the branch was written again, receipts' proofs are made from the new places."""
    node, old, known = await rewound(tmp_path)
    accepted = await old.upload("key-branch-1", CODE, {"a.rhs": b"x"})
    assert accepted is not None
    branch = await old.own_entries(known)
    moved = [replace(one, epoch=b"n" * 16, index=one.index + 70) for one in branch]
    for one in moved:
        await old.database.write(lambda tx, one=one: old.restorers.moved_in(tx, one))  # type: ignore[misc] # mypy cannot type a lambda with defaults
    stored = await old.intake_store.submission("key-branch-1")
    assert stored is not None
    assert (stored.journal_epoch, stored.journal_index) == (b"n" * 16, moved[-1].index)
    await node.close()
    await old.close()
