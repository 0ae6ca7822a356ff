"""The checkers are strangers to what they check."""

from __future__ import annotations

import ast
import sqlite3
from pathlib import Path

from lpse.federation.notes import Signer
from tests.simulation.bundle import CI_SEEDS, of_seed
from tests.simulation.checkers import CHECKERS, conduct
from tests.simulation.drawing import draw
from tests.simulation.evidence import Copy, Evidence
from tests.simulation.faults import FAULTS
from tests.simulation.meddling import ACTS
from tests.simulation.plan import Scenario
from tests.simulation.planted import PLANTED

HERE = Path(__file__).parent
JUDGES = [HERE / "evidence.py", *sorted((HERE / "checkers").glob("*.py"))]
ALLOWED = ("lpse.federation", "tests.simulation.checkers", "tests.simulation.evidence")
OURS = ("central", "regional_node", "lpse", "tests")


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for part in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(part, ast.ImportFrom):
            names.add(part.module or "")
        elif isinstance(part, ast.Import):
            names |= {alias.name for alias in part.names}
    return {name for name in names if name.partition(".")[0] in OURS}


def test_checkers_import_nothing_but_the_contract() -> None:
    """Neither the programs nor the simulator can lend a checker their own mistakes."""
    for path in JUDGES:
        strangers = [name for name in _imported(path) if not name.startswith(ALLOWED)]
        assert not strangers, (path.name, strangers)


def test_every_bug_is_caught_by_a_checker_that_exists() -> None:
    """A renamed checker is not forgotten by the bugs that prove it."""
    assert {bug.caught_by for bug in PLANTED.values()} <= set(CHECKERS)


def test_a_queue_that_grows_without_entries_is_told() -> None:
    """Peaks over their bound and tables that outgrow the journals are findings."""
    key = Signer.from_seed("lkpp", bytes(32)).verifier
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE national_entries (idx)")
    database.execute("CREATE TABLE waiting (what)")
    database.execute("INSERT INTO national_entries VALUES (0)")
    centre = Copy("lkpp", "lkpp", database, key)
    bound = conduct.ROWS_FREE + conduct.ROWS_PER_ENTRY
    database.executemany("INSERT INTO waiting VALUES (?)", [(n,) for n in range(bound)])
    evidence = Evidence(centre, {}, peaks={"tasks": 3.0}, bounds={"tasks": 3.0})
    assert list(conduct.bounded(evidence)) == []
    database.execute("INSERT INTO waiting VALUES (0)")
    evidence.peaks["tasks"] = 4.0
    assert [about for about, _ in conduct.bounded(evidence)] == ["tasks", "lkpp"]


def test_every_kind_of_fault_can_be_drawn() -> None:
    """Over many seeds each kind happens, and the same seed draws the same plan."""
    drawn = {event.kind for seed in range(200) for event in draw(Scenario(seed)).events}
    assert drawn == set(FAULTS) | set(ACTS)
    assert draw(Scenario(5)) == draw(Scenario(5)) != draw(Scenario(6))


def test_the_fixed_seeds_restore_and_clone_both_sides() -> None:
    """The bundle of CI holds the disasters, not only small mishaps."""
    events = [event for seed in CI_SEEDS for event in of_seed(seed).events]
    restored = [event for event in events if event.kind == "restore"]
    ways = {(event.where == "lkpp", event.with_["marked"]) for event in restored}
    assert len(ways) == 4, "either side, from a backup and by a disk that was put back"
    kinds = {event.kind for event in events}
    assert {"clone", "power", "crash_step", "crash_store", "cut", "full", "older_peer"} <= kinds
