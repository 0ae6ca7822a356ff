"""Gathering evidence from a world: databases copied off the disks, frames seen, peaks of queues.

Owns `Watch`, which looks on while a world runs, and `gather`, which takes copies afterwards. Rules:
it reads what a stranger with a disk or a wire-tap could read, asks no program, and changes nothing;
a leak is a bid's own words seen outside its node before the published deadline. Leaves out judging
(`checkers`).
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.simulation.evidence import Copy, Evidence, Promise
from tests.simulation.observe import Sight, unsettled
from tests.simulation.plan import CENTRE
from tests.simulation.time_and_chance import START

if TYPE_CHECKING:
    from tests.simulation.disk import SimDisk
    from tests.simulation.machines import SimMachine
    from tests.simulation.vendors import Promises
    from tests.simulation.world import World

LOOK_SECONDS: Final = 1_800.0
READ_SECONDS: Final = 6 * 3_600.0
# What a sound country stays far below: per machine, per road, and in all.
BOUNDS: Final = {
    "tasks of a machine": 200.0,
    "calls on a road": 64.0,
    "messages that wait on a road": 256.0,
    "bytes under way in a call": 16.0 * 2**20,
    "bytes of a log": 64.0 * 2**20,
}
_WORDS: Final = re.compile(rb"sim-(\d{8})")  # in every bid's details, and nowhere else


class Watch:
    """Looks on; begin it once everybody is built."""

    def __init__(self, world: World, promises: Promises) -> None:
        self._world = world
        self._promises = promises
        self._leaks: dict[str, str] = {}
        self.peaks: Counter[str] = Counter()

    def begin(self) -> None:
        """Tap every road to the centre, and look around now and then."""
        for name in self._world.nodes:
            self.tap(name)
        self._again(LOOK_SECONDS, self._look)
        self._again(READ_SECONDS, self._read)

    def tap(self, name: str) -> None:
        """Listen on a machine's road to the centre."""

        def heard(side: str, data: bytes) -> bytes:
            if b"sim-" in data:
                self._seen(data, f"a frame of {name}'s link")
            return data

        self._world.roads.between(name, CENTRE).tap = heard

    @property
    def leaks(self) -> list[tuple[str, str]]:
        """Whose bid could be read where."""
        return sorted(self._leaks.items())

    def _seen(self, data: bytes, where: str) -> None:
        now = START + timedelta(seconds=self._world.now)
        for number in {int(one) for one in _WORDS.findall(data)}:
            key = f"sim-{number:08}"
            package = self._promises.package_of.get(key, "")
            tender = self._promises.tenders.get(package)
            if tender is not None and now < tender.due:
                self._leaks.setdefault(key, f"readable in {where} {tender.due - now} too early")

    def _look(self) -> None:
        world, peaks = self._world, self.peaks
        tasks = Counter(
            getattr(getattr(task, "life", None), "name", "")
            for task in asyncio.all_tasks(world.loop)
        )
        tasks.pop(world.loop.world.name, None)
        _raise(peaks, "tasks of a machine", max(tasks.values(), default=0))
        for road in world.roads.all():
            if CENTRE in road.ends:
                _raise(peaks, "calls on a road", len(road.calls))
            _raise(peaks, "messages that wait on a road", len(road.held))
            for call in road.calls.values():
                way = getattr(call, "up", None), getattr(call, "down", None)
                _raise(
                    peaks, "bytes under way in a call", max(p.under_way if p else 0 for p in way)
                )
        for machine in world.machines:
            for name, file in machine.disk.files.items():
                if name.endswith("-wal"):
                    _raise(peaks, "bytes of a log", len(file.data))

    def _read(self) -> None:
        """Whoever holds the centre's disk."""
        for name, data in self._world.centre.disk.image().items():
            self._seen(data, f"the centre's {name}")

    def _again(self, seconds: float, act: Callable[[], None]) -> None:
        def do() -> None:
            act()
            self._world.later(seconds, do)

        self._world.later(seconds, do)


def gather(world: World, watch: Watch, promises: Promises, waiting: set[str]) -> Evidence:
    """Copies of everything, once the run is over; machines may go on running."""
    folder = Path("evidence")
    folder.mkdir(exist_ok=True)
    evidence = Evidence(
        centre=_copy(world.centre, CENTRE, folder),
        nodes={name: _copy(node, node.identity, folder) for name, node in world.nodes.items()},
        doubled=promises.doubled,
        due={code: tender.due for code, tender in promises.tenders.items()},
        node_of={code: tender.node for code, tender in promises.tenders.items()},
        handed_over=promises.opened,
        handed_at={code: START + timedelta(seconds=at) for code, at in promises.opened_at.items()},
        leaks=watch.leaks,
        peaks=dict(watch.peaks),
        bounds=BOUNDS,
        complaints=list(world.loop.complaints),
        waiting=waiting,
    )
    for key, (wish, receipt, when) in promises.receipts.items():
        evidence.promises.append(Promise(wish.node, key, wish.package, receipt, when))
    evidence.unsettled = [_told(one) for one in unsettled(world) if one.name not in waiting]
    return evidence


def database_of(disk: SimDisk, folder: Path, name: str) -> sqlite3.Connection:
    """A disk's database, copied out and opened by the standard library."""
    return opened(disk.image(), folder, name)


def opened(image: dict[str, bytes], folder: Path, name: str) -> sqlite3.Connection:
    """A copy of database files, opened by the standard library."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    for file in place.iterdir():
        file.unlink()
    for file_name, data in image.items():
        (place / file_name).write_bytes(data)
    (found,) = [one for one in image if one.endswith(".db")]
    return sqlite3.connect(place / found)


def _copy(machine: SimMachine, identity: str, folder: Path) -> Copy:
    connection = database_of(machine.disk, folder, machine.name)
    return Copy(machine.name, identity, connection, machine.signer.verifier)  # type: ignore[attr-defined]  # both kinds have one


def _raise(peaks: Counter[str], name: str, value: int) -> None:
    peaks[name] = max(peaks[name], value)


def _told(seen: Sight) -> str:
    """A node that differs, in a line."""
    own = seen.own.size if seen.own is not None else None
    life = "present" if seen.present else "absent" if seen.running else "not running"
    return (
        f"{seen.name} {life} {seen.quarantine} has {own}, acknowledged {seen.stored}, at the centre"
        f" {seen.at_centre}, national {seen.national}"
    )
