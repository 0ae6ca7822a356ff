"""The reconcile bench measures what it says: every part runs, and its goals are those agreed."""

from __future__ import annotations

from pathlib import Path

from tests.bench import reconcile, reconcile_ledger, reconcile_state


def test_the_goals_are_those_that_were_agreed() -> None:
    """Equal ≤ 400 bytes, one difference ≤ 4 kB, ingest ≥ 50,000/s, reading again ≥ 200,000/s."""
    assert (reconcile.EQUAL_BYTES_GOAL, reconcile_state.BYTES_GOAL) == (400.0, 4_096.0)
    assert reconcile_ledger.INGEST_GOAL == 50_000.0
    assert reconcile_ledger.VERIFY_GOAL == 200_000.0
    full = reconcile.Scale()
    assert (full.nodes, full.objects, full.hellos) == (700, 1_000_000, 10_000)
    assert (full.days_entries, full.days_blobs) == (600, 4)


async def test_a_small_country_reconciles(tmp_path: Path) -> None:
    """Every part runs at a small scale, and what does not depend on speed meets its goal."""
    report = await reconcile.measure(tmp_path, 1, reconcile.QUICK)
    figures = {one.name: one.median for one in report.figures}
    assert figures["all equal, bytes, ours"] <= 400
    assert figures["all equal, trips, ours"] == 1
    assert figures["one difference in 4,000 objects, bytes"] <= 4_096
    assert figures["  timed out"] == figures["  not welcomed, over mTLS"] == 0
    assert figures["four days behind, bytes of entries per node"] > 0
