"""The benchmarks measure what they say: real acceptances, durable rows, honest ratios."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from lpse.runtime.sqlite import LiveDatabase, Transaction
from tests.bench import drain, fanout, intake
from tests.bench.__main__ import BENCHES
from tests.bench.figures import ROUNDS_MIN, Report, interleave
from tests.bench.intake_node import AcceptPath
from tests.bench.raw_sqlite import RawGroupCommit


async def test_every_candidate_runs_once_per_round_in_turn() -> None:
    """A warm-up each, then as many rounds as asked, and nobody is always first."""
    order: list[str] = []
    clock = itertools.count()

    async def ours() -> float:
        order.append("ours")
        return float(next(clock))

    async def raw() -> float:
        order.append("raw")
        return float(next(clock))

    found = await interleave({"ours": ours, "raw": raw}, 4)
    assert [len(rounds) for rounds in found.values()] == [4, 4]
    assert order[2:] == ["ours", "raw", "raw", "ours"] * 2


@pytest.mark.parametrize(("at_most", "met"), [(False, False), (True, True)])
def test_a_ratio_is_the_median_of_its_rounds(at_most: bool, met: bool) -> None:
    """What moved both candidates in one round cancels out; a missed goal is said to be missed."""
    report = Report("x", "y")
    report.add("ours", "/s", [10.0, 100.0, 30.0])
    report.compare(
        "ours / raw", [10.0, 100.0, 30.0], [20.0, 100.0, 60.0], goal=0.7, at_most=at_most
    )
    (ratio,) = report.ratios
    assert ratio.value == 0.5
    assert ratio.met is met
    assert ("MISSED" in report.text()) is not met
    assert report.document()["ratios"][0]["met"] is met
    assert report.document()["figures"][0]["median"] == 30.0


async def test_the_accept_path_journals_and_keeps_every_submission(tmp_path: Path) -> None:
    """What is counted per second are receipts with their entry and row, whole uploads too."""
    path = await AcceptPath.open(tmp_path)
    before = (await path.database.read(_counts))[1]
    assert await intake._accept(path, 20, 8) > 0
    upload = await path.begin(5)
    await upload.write(0, b"bytes")
    accepted = await upload.finish()
    assert accepted.stored.receipt.startswith(b"lpse-federation receipt v1\n")
    rows, entries = await path.database.read(_counts)
    assert (rows, entries - before) == (21, 21)
    await path.database.close()


async def test_the_yardstick_is_durable_too(tmp_path: Path) -> None:
    """The plain thread keeps every row it answered for."""
    plain = RawGroupCommit(tmp_path / "raw.db")
    assert await intake._repeat(50, 8, plain.insert) > 0
    await plain.close()
    count = await LiveDatabase(tmp_path / "raw.db").read(
        lambda tx: tx.execute("SELECT count(*) FROM raw")
    )
    assert count == [(50,)]


def test_the_goals_are_those_that_were_agreed() -> None:
    """Intake ≥ 0.7, fan-out ≤ 1.5, a large file ≥ 0.8, over at least five rounds."""
    assert (intake.GOAL, fanout.GOAL, drain.GOAL, ROUNDS_MIN) == (0.7, 1.5, 0.8, 5)
    assert set(BENCHES) == {"intake", "fanout", "drain", "reconcile", "reconcile_log", "uploads"}


def _counts(tx: Transaction) -> tuple[int, int]:
    rows = tx.execute("SELECT count(*) FROM intake_submissions")
    entries = tx.execute("SELECT count(*) FROM journal_entries")
    return int(rows[0][0]), int(entries[0][0])
