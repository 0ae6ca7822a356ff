"""One node, one centre and everything between them that can break, made for one campaign.

Owns what the faults act on: parties on disks of their own where that is possible, a road, a
messenger where wanted, a disk that errs on command. Rule: `heal` ends every fault that does not end
by itself, and whatever was started, mounted or opened is gone after `close`. Leaves out which fault
comes when (`blows`, `campaign`).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.faults import disk as faulty_disk
from tests.faults.disks import Disk
from tests.faults.messenger import Messenger
from tests.faults.road import Road
from tests.faults.world import Centre, Founding, Node, Party, call, package

SUBJECT = "lpse-pacitan"
LEGAL_TIME = "legal-time.json"
STAYS, CLOSES = "7781013", "7781099"  # packages due in a week, and tomorrow


@dataclass(frozen=True)
class Wishes:
    """What a scene is made with."""

    disks: bool = True  # disks of their own, so that power can be cut
    journal: bool = True  # whether those file systems have a journal
    messenger: bool = False  # frames can be misdelivered
    erring: bool = False  # the node's calls to its disk can fail


class Scene:
    """Everything stands and nothing runs; `open` starts it."""

    def __init__(self, founding: Founding, wishes: Wishes, chance: random.Random) -> None:
        # A short path: the name of a Unix socket has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="lpse-"))
        self.wishes = wishes
        self.chance = chance
        self.disks: dict[str, Disk] = {}
        self.messenger: Messenger | None = None
        self.road = Road(0)
        self.plan_of_errors = self.folder / "errors.json"
        self.centre: Centre
        self.node: Node
        self._founding = founding

    async def open(self) -> None:
        """Make it and start both parties."""
        await self.road.start()
        self.centre, nodes = self._founding.copy(self.folder, self.road.port)
        self.node = nodes[SUBJECT]
        self.road.target_port = self.centre.ports[0]
        if self.wishes.disks:
            for party in self.parties:
                self._move(party)
        if self.wishes.erring:
            faulty_disk.faulty(self.node, self.plan_of_errors)
        if self.wishes.messenger:
            target = f"127.0.0.1:{self.centre.ports[0]}"
            confusion = random.Random(self.chance.random())
            self.messenger = Messenger(self.centre.data, self.node.data, target, confusion)
            await self.messenger.start()
            self.road.target_port = self.messenger.port
        await asyncio.gather(*(party.start() for party in self.parties))
        await self.announce(CLOSES, due_days=1)

    @property
    def parties(self) -> list[Party]:
        """Both of them."""
        return [self.node, self.centre]

    async def announce(self, code: str, *, due_days: int) -> None:
        """SPSE hands over another package."""
        file = self.folder / f"{code}.json"
        file.write_text(json.dumps([package(code, due_days=due_days)]), "utf-8")
        words = ("package", "import", str(file))
        await asyncio.to_thread(call, "lpse-node", *words, environment=self.node.environment)

    async def step_legal_time(self, by: timedelta) -> None:
        """Legal time of both moves on, as in any exercise; they are off meanwhile."""
        await asyncio.gather(*(party.kill() for party in self.parties if party.is_running))
        for party in self.parties:
            with (party.data / LEGAL_TIME).open("w", encoding="utf-8") as file:
                json.dump({"offset_seconds": by.total_seconds()}, file)
                file.flush()
                os.fsync(file.fileno())
        await self.revive()

    async def cut_power(self, victims: list[Party]) -> None:
        """What the device did not have is gone; the machines are off afterwards."""
        for party in victims:
            if party.is_running:
                party.pause()
        for party in victims:
            await asyncio.to_thread(self.disks[party.name].copy_at_once)
        for party in victims:
            if party.is_running:
                await party.kill()
            await asyncio.to_thread(self.disks[party.name].come_back)

    async def revive(self) -> None:
        """Start what is not running."""
        await asyncio.gather(*(party.start() for party in self.parties if not party.is_running))

    async def heal(self) -> None:
        """End every fault: the road is whole and quick, disks have room and obey."""
        self.road.mend()
        self.road.bytes_per_second = 0.0
        if self.messenger is not None:
            self.messenger.rate = 0.0
        for party in self.parties:
            self.filler(party).unlink(missing_ok=True)
        if self.wishes.erring:
            faulty_disk.arm(self.plan_of_errors, [])
        await self.revive()

    def filler(self, party: Party) -> Path:
        """A foreign file that takes all room on a party's disk."""
        return self.disks[party.name].place / "filler" if self.disks else self.folder / "filler"

    async def close(self) -> None:
        """Nothing of it is left."""
        for party in self.parties:
            party.end()
        await self.road.stop()
        if self.messenger is not None:
            await self.messenger.stop()
        for disk in self.disks.values():
            disk.unmount()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _move(self, party: Party) -> None:
        """Onto a disk of its own."""
        disk = Disk(self.folder, party.name[:6], journal=self.wishes.journal)
        self.disks[party.name] = disk
        party.data = disk.take(party.data)
        party.log_folder = self.folder  # a log outlives the power
        party.environment[f"{party.prefix}DATA"] = str(party.data)
