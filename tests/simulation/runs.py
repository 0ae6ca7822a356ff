"""One run of a scenario: the world is built, the plan happens, and evidence is judged.

Owns `play`, from a scenario to its outcome. Rules: everything follows from the scenario; faults
stop when the plan's days are over, then the country has a bounded time to settle; whatever the
checkers find, or a program that cannot open any more, is the outcome and never an exception.
Leaves out drawing plans (`drawing`), shrinking them (`shrink`), many seeds (`bundle`).
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from lpse.federation.errors import FederationError
from lpse.federation.receipts import read_receipt
from tests.simulation.checkers import check
from tests.simulation.checkers.bookkeeping import accepted_in
from tests.simulation.evidence import Finding
from tests.simulation.faults import FAULTS, machine_of, roads_of
from tests.simulation.gathering import Watch, gather, opened
from tests.simulation.machines import SimMachine, Snapshot
from tests.simulation.meddling import ACTS
from tests.simulation.observe import unsettled
from tests.simulation.operators import Operators
from tests.simulation.plan import CENTRE, Event, Scenario
from tests.simulation.roads import Road
from tests.simulation.vendors import DAY, Vendors
from tests.simulation.world import World

SETTLE_SECONDS: Final = 6 * 3_600.0
QUIET_SECONDS: Final = 1_200.0
_SUSPECT: Final = "FED-2214"  # an old token: a restored node always shows one
_CONTRADICTED: Final = "FED-2213"
Planting = Callable[[], AbstractContextManager[object]]


@dataclass
class Outcome:
    """What a run came to."""

    findings: list[Finding] = field(default_factory=list)
    trace: str = ""
    receipts: int = 0
    seconds: float = 0.0  # of the host
    happened: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether every promise was kept."""
        return not self.findings

    def names(self) -> set[str]:
        """The checkers that spoke."""
        return {one.checker for one in self.findings}


class Run:
    """A scenario at work."""

    def __init__(self, world: World, scenario: Scenario) -> None:
        self.world = world
        self.scenario = scenario
        self.chance = random.Random(f"faults {scenario.seed}")
        self.vendors = Vendors(world)
        self.operators = Operators(world)
        self.watch = Watch(world, self.vendors.promises)
        self.copies: dict[int, Snapshot] = {}  # by identity of the event that needs one
        self.waiting: set[str] = set()
        self.restored: set[str] = set()  # behind the program's back
        self.excused: set[bytes] = set()
        self.happened: Counter[str] = Counter()

    def begin(self) -> None:
        """People and faults, from now on."""
        self.vendors.begin()
        self.watch.begin()
        for event in self.scenario.events:
            if "back" in event.with_:
                early = max(0.0, event.at - event.number("back"))
                self.world.later(early, partial(self._take_copy, event))
            self.world.later(event.at, partial(self._happen, event))

    def machine(self, event: Event) -> SimMachine:
        """Whom an event befalls."""
        return machine_of(self, event)

    def roads(self, event: Event) -> list[Road]:
        """Which roads it befalls."""
        return roads_of(self, event)

    def excuse(self, machine: SimMachine, copy: Snapshot) -> None:
        """What dies with the disk that is given up: neither the copy nor the other side has it."""
        lost_centre = machine is self.world.centre
        for node in self.world.nodes.values():
            if machine not in (node, self.world.centre):
                continue
            other = node if lost_centre else self.world.centre
            kept = _submissions(copy.files) | _submissions(other.disk.image())
            for wish, receipt, _ in self.vendors.promises.receipts.values():
                if wish.node == node.name:
                    self.excused |= {read_receipt(receipt).commitment.digest} - kept

    def _take_copy(self, event: Event) -> None:
        self.copies[id(event)] = self.machine(event).snapshot()

    def _happen(self, event: Event) -> object:
        self.happened[event.kind] += 1
        self.world.trace.event(self.world.now, "plan", f"{event.kind} {event.where}")
        if event.kind in ACTS:
            return ACTS[event.kind](self, event)
        FAULTS[event.kind](self, event)
        return None


def play(scenario: Scenario, planting: Planting = nullcontext) -> Outcome:
    """Run it from its first to its last moment and judge it; `planting` puts a bug in meanwhile."""
    begin = time.perf_counter()
    with planting(), World(scenario.seed, scenario.options) as world:
        outcome = _played(world, scenario)
        outcome.trace = world.trace.hash
        outcome.errors = list(world.errors)[-20:]
        outcome.tail = list(world.trace.tail)[-20:]
    outcome.seconds = time.perf_counter() - begin
    return outcome


def _played(world: World, scenario: Scenario) -> Outcome:
    world.build()
    run = Run(world, scenario)
    run.begin()
    world.run(scenario.days * DAY)
    step, bound = max(10.0, scenario.grain), SETTLE_SECONDS + 8 * scenario.grain
    if world.until(lambda: _settled(run), bound, step):
        world.run(QUIET_SECONDS + 4 * scenario.grain)  # what follows from meeting again
        world.until(lambda: _settled(run), bound, step)
    outcome = Outcome(receipts=len(run.vendors.promises.receipts), happened=run.happened)
    try:
        run.waiting |= _forked(run)
        evidence = gather(world, run.watch, run.vendors.promises, run.waiting)
        evidence.excused = run.excused
        outcome.findings = check(evidence)
    except (FederationError, ValueError) as error:
        outcome.findings = [Finding("a database can be read", CENTRE, repr(error))]
    return outcome


def _submissions(image: dict[str, bytes]) -> set[bytes]:
    """Commitments in the journals of a machine's database, its own and those that it received."""
    database = opened(image, Path("evidence"), "copy")
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    found = {
        commitment
        for table in ("journal_entries", "ledger_entries")
        if table in tables
        for commitment in accepted_in(database, table)
    }
    database.close()
    return found


def _forked(run: Run) -> set[str]:
    """Restored nodes that wrote on before anybody saw it, and that the centre took for two.

    No program can tell such a node from a clone: the centre keeps both histories, and a person
    decides. Only what the centre's own tables say counts. Where no token told it (the copy is of
    the same session, or the centre was restored too), the centre has a contradiction, and the other
    history must lie there whole.
    """
    database = opened(run.world.centre.disk.image(), Path("evidence"), "quarantines")
    rows = database.execute(
        "SELECT node_id FROM link_quarantines q WHERE code = ? OR (code = ? AND EXISTS"
        " (SELECT 1 FROM branches b WHERE b.node_id = q.node_id AND b.whole))",
        (_SUSPECT, _CONTRADICTED),
    )
    found = {node for (node,) in rows} & run.restored
    database.close()
    return found


def _settled(run: Run) -> bool:
    return all(one.name in run.waiting for one in unsettled(run.world))
