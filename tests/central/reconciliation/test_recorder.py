"""What the centre finds out by itself stands in the national journal, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from central.national.restoring import Restorers
from central.national.rules import Gate
from central.reconciliation import passed_store
from central.reconciliation.recorder import CentralRuns
from lpse.federation.entries import decode_entry
from lpse.federation.limits import FINDINGS_PER_NODE_DAY_MAX
from lpse.federation.reconciliation_replay import replay
from lpse.federation.reconciliation_rules import entry, evidence
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import ManualClock
from lpse.runtime.sqlite import Transaction
from tests.federation.rig import LOG, Authority, Centre, running

NODE = "lpse-pacitan"
RECONNECT = records.RECONCILIATION_TRIGGER_RECONNECT


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(Authority(tmp_path / "identities"), tmp_path / "centre")


def _clone(size: int) -> records.ReconciliationEntry:
    sides = evidence(size=size), evidence(size=9)
    return entry("R-CLONE-SUSPECT", "regional journal", *sides, "quarantined", 1)


def _runs(centre: Centre, clock: ManualClock | None = None) -> CentralRuns:
    used = clock or ManualClock(datetime(2026, 11, 22, 3, tzinfo=UTC))
    return CentralRuns(centre.database, centre.national, used, LOG, software_version="test")


async def _journalled(centre: Centre) -> list[records.ReconciliationRecorded]:
    rows = await centre.journal.entries(0, centre.journal.head.size)
    entries = [decode_entry(row.data) for row in rows]
    return [
        records.ReconciliationRecorded.FromString(one.payload)
        for one in entries
        if one.kind == "reconciliation.recorded"
    ]


async def test_a_finding_is_a_signed_run_that_can_be_replayed(centre: Centre) -> None:
    """Invariant 9: it names the node, the rule, both sides' evidence, and its inputs."""
    async with running(centre):
        await _runs(centre).record(NODE, RECONNECT, [_clone(3)])
        (run,) = await _journalled(centre)
        assert (run.run, run.node_id) == ("recon/lkpp/1", NODE)
        assert run.entries[0].rule == "R-CLONE-SUSPECT/1"
        assert replay(run).complete


async def test_the_same_finding_is_written_once(centre: Centre) -> None:
    """Invariant 3: a node that says hello every second adds nothing; another finding does."""
    async with running(centre):
        runs = _runs(centre)
        for size in (3, 3, 3, 4):
            await runs.record(NODE, RECONNECT, [_clone(size)])
        await _runs(centre).record(NODE, RECONNECT, [_clone(3)])
        await runs.record("lpse-kalsel", RECONNECT, [_clone(3)])
        named = [(one.run, one.node_id) for one in await _journalled(centre)]
        assert named == [
            ("recon/lkpp/1", NODE),
            ("recon/lkpp/2", NODE),
            ("recon/lkpp/3", "lpse-kalsel"),
        ]


async def _rage(runs: CentralRuns, first: int, last: int) -> None:
    for size in range(first, last):
        await runs.record(NODE, RECONNECT, [_clone(size)])


async def test_a_raging_node_adds_a_bounded_number_of_runs_a_day(centre: Centre) -> None:
    """Invariant 12: one node cannot fill the national journal; what is beyond becomes a number."""
    clock = ManualClock(datetime(2026, 11, 22, 3, tzinfo=UTC))
    most = FINDINGS_PER_NODE_DAY_MAX
    async with running(centre):
        runs = _runs(centre, clock)
        await _rage(runs, 0, most + 5)
        await _rage(runs, 0, most + 5)  # known ones, and the passed ones again: each counts once
        written = await _journalled(centre)
        assert len(written) == most
        assert [len(one.entries) for one in written] == [1] * (most - 1) + [2]
        assert written[-1].entries[1].rule == "R-FINDINGS-LIMITED/1"
        clock.advance(timedelta(days=1).total_seconds())
        await _rage(runs, most, most + 1)
        (run,) = (await _journalled(centre))[most:]
        assert [one.rule for one in run.entries] == ["R-CLONE-SUSPECT/1", "R-FINDINGS-COUNTED/1"]
        told = run.entries[1]
        assert told.count == 5 and told.words["rules"] == "R-CLONE-SUSPECT/1 × 5"
        assert "of 2026-11-22" in told.reason and replay(run).complete
        assert await runs.close_days() == 0, "told once"


async def test_a_day_that_nothing_follows_is_closed_by_a_run_of_its_own(centre: Centre) -> None:
    """Nothing vanishes without a number, even if the node falls silent and the centre restarts."""
    clock = ManualClock(datetime(2026, 11, 22, 3, tzinfo=UTC))
    most = FINDINGS_PER_NODE_DAY_MAX
    async with running(centre):
        await _rage(_runs(centre, clock), 0, most + 3)
        assert await _runs(centre, clock).close_days() == 0, "the day is not over"
    async with running(centre):
        clock.advance(timedelta(days=2).total_seconds())
        runs = _runs(centre, clock)
        assert (await runs.close_days(), await runs.close_days()) == (1, 0)
        run = (await _journalled(centre))[-1]
        assert (run.node_id, len(run.entries)) == (NODE, 1)
        assert (run.entries[0].count, replay(run).complete) == (3, True)


async def test_each_node_has_a_number_of_its_own(centre: Centre) -> None:
    """Telling what was counted of one node takes nothing from another."""
    clock = ManualClock(datetime(2026, 11, 22, 3, tzinfo=UTC))

    def counted(tx: Transaction) -> None:
        for node, day in (("lpse-ngawi", "2026-11-20"), (NODE, "2026-11-21")):
            passed_store.count_in(tx, node, day, _clone(1), b"1")

    async with running(centre):
        await centre.database.write(counted)
        assert await _runs(centre, clock).close_days() == 2
        told = [(one.node_id, one.entries[0].count) for one in await _journalled(centre)]
        assert told == [("lpse-ngawi", 1), (NODE, 1)]


async def test_the_count_of_a_day_needs_bounded_room(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: beyond the distinct ones every time counts, in one row."""
    monkeypatch.setattr(passed_store, "FINDINGS_PASSED_DISTINCT_MAX", 2)
    clock = ManualClock(datetime(2026, 11, 22, 3, tzinfo=UTC))
    most = FINDINGS_PER_NODE_DAY_MAX
    async with running(centre):
        runs = _runs(centre, clock)
        await _rage(runs, 0, most + 2)
        for _ in range(2):
            await _rage(runs, most, most + 5)
        rows = await centre.database.read(
            lambda tx: tx.execute("SELECT count(*), sum(times) FROM recon_central_passed")
        )
        assert rows == [(3, 2 + 2 * 3)]


async def test_a_finding_waits_for_the_gate_and_survives_a_restart(centre: Centre) -> None:
    """Invariant 1: while the centre may not append, nothing is lost and nothing is published."""
    async with running(centre):
        await centre.national.witnessed(NODE, contained=False, head=centre.national.head)
        assert centre.national.gate is Gate.CONTRADICTED
        runs = _runs(centre)
        await runs.record(NODE, RECONNECT, [_clone(3)])
        assert await runs.step() == 0
        assert await _journalled(centre) == []
    async with running(centre):
        await centre.national.witnessed(NODE, contained=True, head=centre.national.head)
        runs = _runs(centre)
        assert await runs.step() == 1
        assert await runs.step() == 0
        assert [one.run for one in await _journalled(centre)] == ["recon/lkpp/1"]


async def test_a_restored_centre_takes_its_runs_up_and_numbers_on(
    centre: Centre, tmp_path: Path
) -> None:
    """Invariant 3: runs that nodes gave back are known again, by number and by finding."""
    async with running(centre):
        await _runs(centre).record(NODE, RECONNECT, [_clone(3)])
        given = [(row.index, row.data) for row in await centre.journal.entries(0, 2)]
    restored = Centre(Authority(tmp_path / "others"), tmp_path / "restored")
    async with running(restored):
        runs = _runs(restored)
        restorers = Restorers(runs.handlers())
        for _ in range(2):
            for index, data in given:
                work = partial(restorers.restore_in, index=index, data=data)
                left = await restored.database.write(work)
                assert left is None
        await runs.record(NODE, RECONNECT, [_clone(3)])
        await runs.record(NODE, RECONNECT, [_clone(4)])
        assert [one.run for one in await _journalled(restored)] == ["recon/lkpp/2"]
