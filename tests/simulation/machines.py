"""A machine of the country: what survives a life (disk, folder, clock, keys), and its lives.

Owns starting the real node and the real centre over simulated ports, and every way in which a life
ends: in order, killed, without power. Rules: what is started is what production starts
(`open_machine`, `open_node`, `open_centre`, the same workers); only listeners and signals are the
simulator's own; a program that leaves because its disk failed is started again, as a service
manager would. Leaves out who does something with it (`people`) and when (`world`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import central.assembly
from central.assembly import Centre, open_centre
from central.config import CentralSettings
from central.doors import doors
from central.enrolment import genesis
from lpse.federation.notes import Signer
from lpse.runtime.channels import ErrorInterceptor
from lpse.runtime.sqlite import Database
from lpse.storage.backup_manifest import RESTORED
from lpse.storage.blobs import BlobStore
from lpse.storage.disk_care import DiskCare
from lpse.terminal.daemon import Work, end_all, keep_working
from regional_node import app as node_app
from regional_node.assembly import Node, Roads, open_node
from regional_node.config import NodeSettings
from regional_node.identity import Identity
from regional_node.identity.escrow import open_escrow
from regional_node.link.stream import GrpcStream
from regional_node.opening import Ground, open_machine
from tests.simulation.disk import SimDisk
from tests.simulation.files import Folder
from tests.simulation.host import SimHost
from tests.simulation.kernel import Life
from tests.simulation.rpc import SimServer
from tests.simulation.sql import SimGround
from tests.simulation.time_and_chance import SimClock, SimEntropy

if TYPE_CHECKING:
    from tests.simulation.world import World

RESTART_SECONDS: Final = 5.0  # a service manager's patience
CENTRE: Final = "lkpp"


@dataclass
class Snapshot:
    """A copy of everything that a machine holds."""

    files: dict[str, bytes]
    folder: Path


class SimMachine:
    """What both kinds of machines share."""

    def __init__(self, world: World, name: str, grain: float) -> None:
        self.world = world
        self.name = name
        self.grain = grain
        self.clock = SimClock(world.loop, name)
        self.entropy = SimEntropy(world.seed, name, self.clock)
        self.chance = random.Random(f"machine {world.seed} {name}")
        self.disk = SimDisk(f"{name}.0", world.watch)
        self.folder = Folder(Path(name), world.watch)
        self.life: Life | None = None
        self.lives = 0
        self.ends: list[str] = []  # why lives ended
        self.failure: BaseException | None = None  # why the program could not open
        self.restarts = True  # a service manager looks after it
        self.dark = True  # the machine boots at its next start; a killed program does not boot it
        self._task: asyncio.Task[None] | None = None
        world.vfs.attach(self.disk)
        world.files.add(self.folder)

    # --- lives ---

    @property
    def running(self) -> bool:
        """Whether a program runs here now."""
        return self.life is not None and not self.life.over

    def start(self) -> None:
        """Power on, or start the program again."""
        assert not self.running
        self.lives += 1
        phase = self.chance.random() * self.grain
        self.life = Life(f"{self.name}.{self.lives}", slack=self.grain, phase=phase)
        self._rename(self.disk.after_kill(self.life.name))
        self.folder.over = False
        if self.dark:
            self.clock.boot()
            self.dark = False
        for port in (self.disk, self.folder):
            port.on_crash = self.kill
        self.life.on_crash = self.kill
        self.world.loop.trace.event(self.world.loop.time(), "start", self.life.name)
        self._task = self.world.loop.start(self.life, self._live())
        self._task.add_done_callback(self._broke)

    def _broke(self, task: asyncio.Task[None]) -> None:
        """The program ended by itself: it could not open, as a daemon that leaves with an error."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.failure = error
            self.world.errors.append(f"{self.world.now:.3f} {self.name} did not open: {error!r}")
            self.world.later(0.0, self._leave)

    def start_again(self) -> None:
        """What a service manager does, unless somebody was faster."""
        if not self.running and self.restarts:
            self.start()

    def kill(self) -> None:
        """Kill -9 of the program; the disk keeps everything that was written."""
        if self.life is None or self.life.over:
            return
        self._end("killed")

    def cut_power(self, *, all_lost: bool = False) -> None:
        """The machine goes dark: unsynced bytes are lost, torn or kept as the dice fall."""
        if self.life is None or self.life.over:
            return
        chance, self.dark = None if all_lost else self.chance, True
        self._end("power cut", disk=self.disk.after_cut(f"{self.life.name}-cut", chance))
        self.folder.cut()

    async def stop(self) -> None:
        """An orderly stop; returns when the program has ended."""
        if self.life is None or self.life.over:
            return
        stopping = self.world.loop.start(self.life, self._stop())
        await asyncio.wait([stopping])
        self._end("stopped")

    def _leave(self) -> None:
        if self.running:
            self._end("left")

    def _end(self, why: str, disk: SimDisk | None = None) -> None:
        life = self.life
        assert life is not None
        self.ends.append(why)
        self.folder.over = True
        left = disk or self.disk.after_kill(f"{life.name}-left")
        life.over = True  # from here on its ports are dead
        self.world.roads.ended(life)
        self.world.loop.end(life)
        self._rename(left)
        self._forget()
        self.world.ended(self, why)

    def _rename(self, disk: SimDisk) -> None:
        """The files under another name: whoever still holds the old ones reaches nobody."""
        disk.faults, disk.full = self.disk.faults, self.disk.full
        self.world.vfs.detach(self.disk)
        self.disk = disk
        self.world.vfs.attach(disk)

    # --- copies ---

    def snapshot(self) -> Snapshot:
        """A copy of the machine as it is, for a backup or a clone; costs memory, no time."""
        self.world.copies += 1
        target = Path("copies") / f"{self.name}-{self.world.copies}"
        target.parent.mkdir(exist_ok=True)
        self.folder.copy_to(target)
        return Snapshot(self.disk.image(), target)

    def stand_as(self, snapshot: Snapshot) -> None:
        """Hold what the copy holds; the program must not run."""
        assert not self.running
        self.dark = True
        self.disk.put(snapshot.files)
        self.folder.stand_as(snapshot.folder)

    def mark_restored(self) -> None:
        """What `backup restore` leaves: the program opens a new epoch at its next start."""
        (self.folder.path / RESTORED).write_text("{}", "utf-8")

    # --- what the kinds add ---

    async def _live(self) -> None:
        raise NotImplementedError

    async def _stop(self) -> None:
        raise NotImplementedError

    def _forget(self) -> None:
        raise NotImplementedError

    async def _work(self, workers: Mapping[str, Work], failed: list[asyncio.Event]) -> None:
        """Every worker, until the disk fails."""
        self.tasks = [
            asyncio.create_task(keep_working(name, work, self.clock))
            for name, work in workers.items()
        ]
        watched = [asyncio.create_task(one.wait()) for one in failed]
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        # From outside: a life cannot end itself.
        self.world.later(0.0, self._leave)
        await asyncio.Event().wait()

    def _ground(self) -> SimGround:
        assert self.life is not None
        return SimGround(self.world.loop, self.life, self.disk)


class SimCentre(SimMachine):
    """The centre."""

    def __init__(self, world: World, settings: Callable[[Path], CentralSettings]) -> None:
        super().__init__(world, CENTRE, world.options.grain)
        self.settings = settings(self.folder.path)
        self.signer = Signer.from_seed(CENTRE, self.entropy.token(32))
        self.centre: Centre | None = None
        self.opened = asyncio.Event()

    async def _live(self) -> None:
        world, life, log = self.world, self.life, self.world.log
        assert life is not None
        data = self.settings.data
        care = DiskCare(data, self.settings.disk.ballast_bytes, self.clock, log)
        await care.open()
        database = await Database.open(
            data / genesis.DATABASE, genesis.MIGRATIONS, readers=1, ground=self._ground()
        )
        await care.verify_database(database, self.signer.verifier)
        machine = central.assembly.Machine(
            self.settings,
            self.clock,
            self.entropy,
            log,
            self.signer,
            database,
            BlobStore(data / "blobs"),
            care,
        )
        centre = await open_centre(machine)
        behind = doors(centre)
        for door, services in (("nodes", behind.nodes), ("operators", behind.operators)):
            server = SimServer(world.network, life, [ErrorInterceptor(log)])
            for register in services:
                register(server)  # type: ignore[arg-type]  # stands in for grpc.aio.Server
            world.network.listen(f"{CENTRE}/{door}", server)
        self.centre = centre
        self.opened.set()
        workers = {
            "national": centre.national.run,
            "projector": centre.projector.run,
            **centre.workers,
            **centre.areas.workers,
        }
        await self._work(workers, [database.failed, machine.blobs.failed])

    async def _stop(self) -> None:
        centre = self.centre
        if centre is None:
            return
        await centre.sessions.drain("the centre stops")
        await end_all(self.tasks)
        await centre.machine.database.close()
        centre.machine.care.close(centre.machine.database, centre.machine.blobs)

    def _forget(self) -> None:
        self.centre = None
        self.opened = asyncio.Event()


class SimNode(SimMachine):
    """A regional node with its local service."""

    def __init__(
        self, world: World, me: tuple[str, str, str], settings: Callable[[Path], NodeSettings]
    ) -> None:
        name, self.province, self.zone = me
        super().__init__(world, name, world.options.grain)
        self.settings = settings(self.folder.path)
        self.identity = name  # a clone runs under the name of another
        self.signer = Signer.from_seed(name, self.entropy.token(32))
        self.host = SimHost(self.clock)
        self.certificate = b""
        self.node: Node | None = None
        self.opened = asyncio.Event()

    def channel(self) -> Any:
        """A channel to the centre with this node's certificate."""
        assert self.life is not None
        return self.world.network.channel(self.life, self.name, f"{CENTRE}/nodes", self.certificate)

    def local(self) -> Any:
        """A channel of a program on this machine (SPSE, an officer) to the local socket."""
        world = self.world
        return world.network.channel(world.loop.world, self.name, f"{self.name}/local")

    async def _live(self) -> None:
        world, life, log, settings = self.world, self.life, self.world.log, self.settings
        assert life is not None
        care = DiskCare(settings.data, settings.disk.ballast_bytes, self.clock, log)
        await care.open()
        database = await Database.open(
            settings.data / node_app.DATABASE, node_app.MIGRATIONS, readers=1, ground=self._ground()
        )
        keys = settings.data / node_app.IDENTITY
        keys.mkdir(exist_ok=True)
        centre_key = world.centre.signer.public
        me = Identity(self.identity, self.province, self.zone, "", self.signer.public, centre_key)
        machine = await open_machine(
            Ground(
                settings,
                me,
                self.clock,
                self.entropy,
                log,
                self.signer,
                database,
                BlobStore(settings.data / node_app.BLOBS),
                care,
                escrow=open_escrow(keys, self.entropy),
                host=self.host,
            )
        )
        roads = Roads(channel=self.channel, stream=lambda: GrpcStream(self.channel))
        node = await open_node(machine, roads)
        server = SimServer(world.network, life, [ErrorInterceptor(log)])
        for register in node.services:
            register(server)  # type: ignore[arg-type]  # stands in for grpc.aio.Server
        world.network.listen(f"{self.name}/local", server)
        self.node = node
        self.opened.set()
        workers = {"link": node.link.run, **node.workers}
        await self._work(workers, [database.failed, machine.blobs.failed])

    async def _stop(self) -> None:
        node = self.node
        if node is None:
            return
        await node.link.stop()
        await asyncio.sleep(0)
        await end_all(self.tasks)
        await node.areas.close()
        await node.machine.database.close()
        node.machine.care.close(node.machine.database, node.machine.blobs)

    def _forget(self) -> None:
        self.node = None
        self.opened = asyncio.Event()
