"""What can go wrong with machines, disks, clocks and roads, by kind of event.

Owns the table `FAULTS`: kind -> what is done to the world. Rules: a fault goes through the ports of
machines and roads, never into the code under test; what is broken for a while is mended by the
event itself; a fault whose machine does not run is passed over. Before a machine stands as an older
copy, what dies with its disk is written down (`Run.excuse`), because no program could save it.
Leaves out persons (`meddling`) and frames (`frames`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from central.assembly import HEAD_FILE
from tests.simulation import frames
from tests.simulation.disk import Fault
from tests.simulation.machines import SimMachine, SimNode
from tests.simulation.plan import CENTRE, EVERYWHERE, Event

if TYPE_CHECKING:
    from tests.simulation.roads import Road
    from tests.simulation.runs import Run


def _kill(run: Run, event: Event) -> None:
    run.machine(event).kill()


def _power(run: Run, event: Event) -> None:
    run.machine(event).cut_power(all_lost=bool(event.with_.get("all_lost")))


def _crash_step(run: Run, event: Event) -> None:
    """Killed at an await: before its n-th next turn."""
    life = run.machine(event).life
    if life is not None and not life.over:
        life.crash_at = life.steps + int(event.number("after", 100))


def _crash_store(run: Run, event: Event) -> None:
    """Killed inside a storage call of the database."""
    operation = str(event.with_.get("operation", "sync"))
    fault = Fault(operation, "CRASH", after=int(event.number("after")))
    run.machine(event).disk.faults.append(fault)


def _crash_file(run: Run, event: Event) -> None:
    """Killed inside a call on a file: a blob, a key, a record."""
    operation = str(event.with_.get("operation", "rename"))
    fault = Fault(operation, "CRASH", after=int(event.number("after")))
    run.machine(event).folder.faults.append(fault)


def _eio(run: Run, event: Event) -> None:
    """The disk fails a few calls, in the database or in files."""
    machine = run.machine(event)
    after, times = int(event.number("after")), int(event.number("times", 1))
    operation = str(event.with_.get("operation", "write"))
    fault = Fault(operation, "EIO", after=after, times=times)
    (machine.folder if event.with_.get("files") else machine.disk).faults.append(fault)


def _full(run: Run, event: Event) -> None:
    """No room for a while, neither in the database nor for files."""
    machine = run.machine(event)
    machine.disk.full, before = True, machine.folder.free
    machine.folder.free = 0

    def room() -> None:
        machine.disk.full, machine.folder.free = False, before

    run.world.later(event.number("seconds", 600.0), room)


def _jump(run: Run, event: Event) -> None:
    run.machine(event).clock.jump(event.number("seconds"))


def _drift(run: Run, event: Event) -> None:
    run.machine(event).clock.run_at(event.number("rate"))


def _cut(run: Run, event: Event) -> None:
    """A partition of a node, a province or the nation."""
    roads = run.roads(event)
    run.world.roads.cut(roads)
    run.world.later(event.number("seconds", 600.0), lambda: run.world.roads.heal(roads))


def _reset(run: Run, event: Event) -> None:
    run.world.roads.reset(run.roads(event))


def _slow(run: Run, event: Event) -> None:
    roads = run.roads(event)
    for road in roads:
        road.delay = event.number("delay", 0.3)
        road.jitter = event.number("jitter", 0.2)
        road.bytes_per_second = event.number("bytes_per_second")

    def fast() -> None:
        for road in roads:
            road.delay = road.jitter = road.bytes_per_second = 0.0

    run.world.later(event.number("seconds", 3_600.0), fast)


def _meddle(
    make: Callable[[Run, Event], frames.Meddler], *, keeps: bool = False
) -> Callable[[Run, Event], None]:
    """A hand on the frames of some roads, for a while.

    One that `keeps` frames back may leave with one in it: no transport loses a frame and goes on,
    so its calls break then.
    """

    def do(run: Run, event: Event) -> None:
        roads = run.roads(event)
        for road in roads:
            road.meddler = make(run, event)

        def leave() -> None:
            for road in roads:
                road.meddler = None
            if keeps:
                run.world.roads.reset(roads)

        run.world.later(event.number("seconds", 3_600.0), leave)

    return do


def _restore(run: Run, event: Event) -> None:
    """The machine stands as it was `back` seconds ago; `marked`: by `backup restore`.

    A backup of the centre has no head file, see `lkpp-central backup`; a disk that was put back
    whole has one that agrees with its journal.
    """
    machine = run.machine(event)
    copy = run.copies.get(id(event))
    if copy is None:
        return
    machine.restarts = False
    machine.kill()
    run.excuse(machine, copy)
    if not event.with_.get("marked"):
        run.restored.add(machine.name)
    machine.stand_as(copy)
    if event.with_.get("marked"):
        machine.mark_restored()
        (machine.folder.path / HEAD_FILE).unlink(missing_ok=True)
    machine.restarts = True
    if not machine.running:
        machine.start()


def _clone(run: Run, event: Event) -> None:
    """A second machine with the same identity lives for a while; people decide afterwards."""
    node = run.machine(event)
    if not isinstance(node, SimNode) or not node.running:
        return
    run.waiting.add(node.identity)
    twin = run.world.clone(node)
    twin.start()

    def end() -> None:
        twin.restarts = False
        twin.kill()

    run.world.later(event.number("seconds", 7_200.0), end)


def _service(run: Run, event: Event) -> None:
    """The local service is silent or unwell for a while."""
    node = run.machine(event)
    if not isinstance(node, SimNode):
        return
    node.host.trouble = str(event.with_.get("trouble", "silent"))

    def well() -> None:
        node.host.trouble = ""

    run.world.later(event.number("seconds", 1_800.0), well)


def _hook(run: Run, event: Event) -> None:
    """A hook of the next upgrades fails."""
    node = run.machine(event)
    if isinstance(node, SimNode):
        node.host.failing_hooks.add(str(event.with_.get("hook", "apply hook")))


FAULTS: Final[dict[str, Callable[[Run, Event], None]]] = {
    "kill": _kill,
    "power": _power,
    "crash_step": _crash_step,
    "crash_store": _crash_store,
    "crash_file": _crash_file,
    "eio": _eio,
    "full": _full,
    "jump": _jump,
    "drift": _drift,
    "cut": _cut,
    "reset": _reset,
    "slow": _slow,
    "malformed": _meddle(frames.malformed),
    "duplicated": _meddle(frames.duplicated),
    "reordered": _meddle(frames.reordered, keeps=True),
    "older_peer": _meddle(frames.older_peer),
    "restore": _restore,
    "clone": _clone,
    "service": _service,
    "hook": _hook,
}


def roads_of(run: Run, event: Event) -> list[Road]:
    """The roads to the centre that an event speaks of."""
    world = run.world
    nodes = [
        node
        for node in world.nodes.values()
        if event.where in (EVERYWHERE, "", node.name, node.province)
    ]
    return [world.roads.between(node.name, CENTRE) for node in nodes]


def machine_of(run: Run, event: Event) -> SimMachine:
    """The machine that an event speaks of; a name that a smaller country lacks is its first node.

    Shrinking takes nodes away: what happened to them then happens to one that is left.
    """
    world = run.world
    if event.where == CENTRE:
        return world.centre
    found = world.nodes.get(event.where)
    return found if found is not None else next(iter(world.nodes.values()))
