"""The country: a centre, nodes, roads and people under one seed, and the hands that drive it.

Owns building (`World.build`), letting time pass (`run`, `until`, `later`), and what a run looks
like from outside. Rules: everything that happens follows from the seed; faults go through the
machines and the roads, never into the code under test; template databases make a new node cheap.
Leaves out what is proved about it (`checkers`).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import sys
import tempfile
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import structlog

from central.assembly import Centre
from central.enrolment import genesis
from central.enrolment.certificates import Issuer
from central.enrolment.codes import Codes
from lpse.federation.notes import Signer
from lpse.runtime import tls
from lpse.runtime.sqlite import Database
from lpse.storage import blob_files
from regional_node import app as node_app
from tests.simulation.files import CountryDisk
from tests.simulation.kernel import LIFE, SimLoop
from tests.simulation.machines import CENTRE, RESTART_SECONDS, SimCentre, SimMachine, SimNode
from tests.simulation.operators import FIRST_VERSION, PERSONS, bundle
from tests.simulation.roads import Roads
from tests.simulation.rpc import Network
from tests.simulation.settings import Options, central_settings, node_settings, provinces_of
from tests.simulation.sql import SimGround, SimVfs
from tests.simulation.time_and_chance import START
from tests.simulation.trace import Trace

T = TypeVar("T")
LOG_LINES: Final = 2_000
_YEARS: Final = timedelta(days=3650)
_OPENING_STEPS: Final = 600


class World:
    """See the module's first lines; `with World(seed, options) as world: world.run(...)`."""

    def __init__(self, seed: int, options: Options | None = None) -> None:
        self.seed = seed
        self.options = options or Options()
        self.trace = Trace()
        self.loop = SimLoop(seed, self.trace)
        self.chance = random.Random(f"world {seed}")
        self.roads = Roads(self.loop, seed)
        self.network = Network(self.loop, self.roads)
        self.vfs = SimVfs(self.loop, seed)
        self.copies = 0
        self.errors: deque[str] = deque(maxlen=LOG_LINES)  # what programs logged as errors
        self.on_end: list[Callable[[SimMachine, str], None]] = []
        self.nodes: dict[str, SimNode] = {}
        self.clones: list[SimNode] = []
        self.people: dict[str, Signer] = {}
        self.people_at_work: set[asyncio.Task[None]] = set()
        self.certificates: dict[str, bytes] = {}

    # --- the folder in memory ---

    def __enter__(self) -> Self:
        self._before = Path.cwd()
        memory = Path("/dev/shm")
        self._root = tempfile.TemporaryDirectory(
            prefix="lpse-sim-", dir=memory if memory.is_dir() else None, ignore_cleanup_errors=True
        )
        os.chdir(self._root.name)  # relative paths: nothing of the host gets into a run
        self._disk = blob_files.disk
        self.files = CountryDisk(Path())
        blob_files.disk = self.files
        structlog.configure(
            processors=[self._note],
            wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
            cache_logger_on_first_use=False,
        )
        self.log: Any = structlog.get_logger()
        gc.disable()  # collected at virtual moments only
        return self

    def __exit__(self, *error: object) -> None:
        for machine in self.machines:
            if machine.life is not None:
                self.loop.end(machine.life)
        gc.enable()
        structlog.reset_defaults()
        blob_files.disk = self._disk
        os.chdir(self._before)
        self.vfs.close()
        self.loop.close()
        self._root.cleanup()

    # --- building ---

    def build(self) -> None:
        """Found the centre, enrol everybody, start every machine, and wait until all are open."""
        self.run_until(self._build())

    async def _build(self) -> None:
        options = self.options
        self.centre = SimCentre(self, lambda data: central_settings(options, data))
        self._found_centre()
        self.centre.start()
        await self._opened(self.centre)
        for name, role in PERSONS:
            await self._invite(name, role)
        template, first = await self._template(), bundle(FIRST_VERSION)
        for number in range(options.nodes):
            province, zone = provinces_of(number)
            me = (f"lpse-{number:03}", province, zone)
            node = SimNode(self, me, lambda data: node_settings(options, data, first))
            node.disk.put(template)
            self.nodes[node.name] = node
            await self._enrol(node)
        for node in self.nodes.values():  # only now: each enrolment is told to whoever is there
            node.start()
        for node in self.nodes.values():
            await self._opened(node)
        gc.collect()
        gc.freeze()

    def _found_centre(self) -> None:
        """The identity folder: the CA is the host's chance, and nothing of it is in the trace."""
        folder = self.centre.settings.data / genesis.IDENTITY
        folder.mkdir(parents=True)
        authority = tls.make_authority("simulated country", START, _YEARS.days)
        tls.write_private(folder / tls.CA_KEY, tls.private_pem(authority.key))
        tls.write_public(folder / tls.CA_CERTIFICATE, tls.pem(authority.certificate))
        self.issuer = Issuer(
            authority,
            node_seconds=round(_YEARS.total_seconds()) // 2,
            operator_seconds=round(_YEARS.total_seconds()) // 2,
        )
        self._request = tls.make_request(tls.new_tls_key())

    async def _template(self) -> dict[str, bytes]:
        """A migrated database without content, of which every node begins with a copy."""
        scratch = SimNode(
            self, ("scratch", "ID-JI", "Asia/Jakarta"),
            lambda data: node_settings(self.options, data),
        )  # fmt: skip
        ground = SimGround(self.loop, self.loop.world, scratch.disk)
        database = await Database.open(
            Path(node_app.DATABASE), node_app.MIGRATIONS, readers=1, ground=ground
        )
        await database.close()
        return scratch.disk.image()

    async def _opened(self, machine: SimCentre | SimNode) -> None:
        for _ in range(_OPENING_STEPS):
            if machine.opened.is_set():
                return
            if machine.failure is not None:
                raise machine.failure
            await asyncio.sleep(1.0)
        raise TimeoutError(f"{machine.name} does not open")

    async def _invite(self, name: str, role: str) -> None:
        signer = Signer.from_seed(name, random.Random(f"{self.seed} {name}").randbytes(32))
        self.people[name] = signer
        await self._redeem(("operator", name), signer, role=role)

    async def _enrol(self, node: SimNode) -> None:
        place = (node.province, node.zone)
        await self._redeem(("node", node.name), node.signer, place=place)
        node.certificate = self.certificates[node.name]
        people = self.centre_now.people
        people.admission.learn(await people.enrolment.node(node.name))

    async def _redeem(self, subject: tuple[str, str], signer: Signer, **more: Any) -> None:
        """By the real stores; only the TLS conversation around them is left out."""
        centre = self.centre
        people, clock = self.centre_now.people, centre.clock
        codes = Codes(people.enrolment, people.facts, clock, centre.entropy)
        code, _ = await codes.create(subject, created_by="", **more)
        expire = self.issuer.expire_time(subject[0], clock.wall())
        await people.enrolment.redeem(code.code_id, signer.public, clock.wall(), expire)
        self.certificates[subject[1]] = self.issuer.issue(
            subject, self._request, signer.public, START
        )

    # --- time ---

    def run(self, seconds: float) -> None:
        """Let so much virtual time pass."""
        self.run_until(asyncio.sleep(seconds))

    def run_days(self, days: float) -> None:
        """Let days pass, and collect memory at each of them."""
        while days > 0:
            self.run(min(days, 1.0) * 86_400)
            gc.collect()
            days -= 1.0

    def run_until(self, work: Awaitable[T]) -> T:
        """Let time pass until `work` (of the world, not of a machine) is done; its value."""

        async def awaited() -> T:
            return await work

        return self.loop.run_until_complete(awaited())

    def until(self, condition: Callable[[], bool], seconds: float, step: float = 10.0) -> bool:
        """Let time pass until a condition holds; False if it does not within `seconds`."""
        end = self.loop.time() + seconds
        while not condition():
            if self.loop.time() >= end:
                return False
            self.run(min(step, max(end - self.loop.time(), 0.001)))
        return True

    def later(self, seconds: float, act: Callable[[], Any]) -> None:
        """Have something done by the world at a moment; a coroutine is started as a task."""

        def do() -> None:
            made = act()
            if asyncio.iscoroutine(made):
                task = self.loop.start(self.loop.world, _quietly(made))
                self.people_at_work.add(task)
                task.add_done_callback(self.people_at_work.discard)

        self.loop.call_exact(self.loop.time() + seconds, do, life=self.loop.world)

    async def pause(self, seconds: float) -> None:
        """Wait, as a person of the world."""
        await asyncio.sleep(seconds)

    @property
    def now(self) -> float:
        """Virtual seconds since the beginning."""
        return self.loop.time()

    # --- who is there ---

    @property
    def machines(self) -> list[SimMachine]:
        """The centre, every node and every clone."""
        return [self.centre, *self.nodes.values(), *self.clones]

    @property
    def centre_now(self) -> Centre:
        """The opened centre; an assertion where it does not run."""
        assert self.centre.centre is not None, "the centre does not run"
        return self.centre.centre

    def cut(self, *nodes: SimNode) -> None:
        """Part these nodes from the centre (all of them where none is named)."""
        self.roads.cut(self._roads_of(nodes))

    def heal(self, *nodes: SimNode) -> None:
        """Open their roads again."""
        self.roads.heal(self._roads_of(nodes))

    def province(self, province: str) -> list[SimNode]:
        """The nodes of a province."""
        return [node for node in self.nodes.values() if node.province == province]

    def clone(self, node: SimNode) -> SimNode:
        """A second machine with the same identity and what the first one holds; not started."""
        self.copies += 1
        me = (f"{node.name}-clone-{self.copies}", node.province, node.zone)
        twin = SimNode(
            self, me, lambda data: node_settings(self.options, data, bundle(FIRST_VERSION))
        )
        twin.identity, twin.signer, twin.certificate = node.identity, node.signer, node.certificate
        twin.stand_as(node.snapshot())
        self.clones.append(twin)
        return twin

    def _roads_of(self, nodes: tuple[SimNode, ...]) -> list[Any]:
        chosen = nodes or tuple(self.nodes.values())
        return [self.roads.between(node.name, CENTRE) for node in chosen]

    # --- what happens ---

    def watch(self, kind: str, words: str) -> None:
        """A disk tells the trace."""
        self.trace.event(self.loop.time(), kind, words)

    def ended(self, machine: SimMachine, why: str) -> None:
        """A life ended; the service manager starts the program again unless it was stopped."""
        for listener in self.on_end:
            listener(machine, why)
        if why == "stopped" or not machine.restarts:
            return
        self.later(RESTART_SECONDS, machine.start_again)

    def _note(self, logger: Any, method: str, event: Any) -> Any:
        life = LIFE.get(self.loop.world).name
        error = event.pop("exc_info", None)
        words = " ".join(f"{key}={event[key]!r}" for key in sorted(event))
        if error:
            words += f" {sys.exc_info()[1]!r}"
        self.errors.append(f"{self.loop.time():.3f} {life} {words}")
        raise structlog.DropEvent


async def _quietly(work: Any) -> None:
    """What a person does may fail; what follows from it is judged elsewhere."""
    with suppress(Exception):
        await work
