"""What can happen to a federation at work: one short function per fault.

Owns the list. Rule: every blow draws where it strikes from the scene's seeded chance, and returns
when the parties run again; a fault that would go on is ended by the next `heal`. Leaves out load
and proof.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from lpse.federation.limits import BLOB_RESERVE_BYTES_MIN
from tests.faults import disk as faulty_disk
from tests.faults.disk import Fault
from tests.faults.disks import fill
from tests.faults.scene import Scene
from tests.faults.world import Party

Blow = Callable[[Scene], Awaitable[None]]
EXIT_SECONDS: Final = 8.0


async def kill_node(scene: Scene) -> None:
    """kill -9 of the node."""
    await _kill(scene, [scene.node])


async def kill_centre(scene: Scene) -> None:
    """kill -9 of the centre."""
    await _kill(scene, [scene.centre])


async def kill_both(scene: Scene) -> None:
    """kill -9 of both at one time."""
    await _kill(scene, scene.parties)


async def kill_node_at_its_start(scene: Scene) -> None:
    """kill -9 of the node, and again while it repairs itself."""
    await scene.node.kill()
    scene.node.launch()
    await asyncio.sleep(scene.chance.uniform(0.1, 1.5))
    await _kill(scene, [scene.node])


async def power_node(scene: Scene) -> None:
    """The node's machine loses its power."""
    await _power(scene, [scene.node])


async def power_centre(scene: Scene) -> None:
    """The centre's machine loses its power."""
    await _power(scene, [scene.centre])


async def power_both(scene: Scene) -> None:
    """Both lose their power at one time."""
    await _power(scene, scene.parties)


async def power_twice(scene: Scene) -> None:
    """The power goes, comes, and goes again while the node repairs itself."""
    await scene.cut_power([scene.node])
    scene.node.launch()
    await asyncio.sleep(scene.chance.uniform(0.1, 1.5))
    await _power(scene, [scene.node])


async def cut_road(scene: Scene) -> None:
    """The line breaks after some bytes, in the middle of whatever is on it."""
    scene.road.cut_after(scene.chance.randint(1, 600_000))
    await asyncio.sleep(scene.chance.uniform(0.2, 1.0))
    scene.road.sever()
    await asyncio.sleep(scene.chance.uniform(0.0, 0.5))
    scene.road.mend()


async def slow_road(scene: Scene) -> None:
    """The line has 512 kbit/s for a while, and somebody dies meanwhile."""
    scene.road.bytes_per_second = 64_000.0
    await asyncio.sleep(scene.chance.uniform(0.3, 1.0))
    await _kill(scene, [scene.chance.choice(scene.parties)])
    scene.road.bytes_per_second = 0.0


async def misdeliver(scene: Scene) -> None:
    """Frames arrive twice, in the wrong order, or never."""
    assert scene.messenger is not None
    scene.messenger.rate = scene.chance.uniform(0.1, 0.6)
    await asyncio.sleep(scene.chance.uniform(0.5, 2.0))
    if scene.chance.random() < 0.3:
        await _kill(scene, [scene.chance.choice(scene.parties)])
    scene.messenger.rate = 0.0


async def fill_node(scene: Scene) -> None:
    """A foreign program takes all room on the node's disk; sometimes it is killed so."""
    await _fill(scene, scene.node)


async def fill_centre(scene: Scene) -> None:
    """The same at the centre."""
    await _fill(scene, scene.centre)


async def err_on_sync(scene: Scene) -> None:
    """The node's disk fails an fsync, or a commit: it must end itself, and may start again."""
    operation, path = scene.chance.choice(
        [("sync", "*"), ("sql", "COMMIT"), ("rename", "*"), ("write", "*")]
    )
    after, done = scene.chance.randint(0, 20), scene.chance.random() < 0.5
    fault = Fault(operation, "EIO", path, after=after, times=0, done=done)
    faulty_disk.arm(scene.plan_of_errors, [fault])
    before = faulty_disk.fired(scene.plan_of_errors)
    with suppress(TimeoutError):  # nobody made such a call meanwhile
        async with asyncio.timeout(EXIT_SECONDS):
            while faulty_disk.fired(scene.plan_of_errors) == before and scene.node.is_running:
                await asyncio.sleep(0.02)
    await asyncio.sleep(scene.chance.uniform(0.0, 0.3))
    faulty_disk.arm(scene.plan_of_errors, [])
    if scene.node.is_running:
        await scene.node.kill()
    await scene.revive()


KILLS: Final[tuple[Blow, ...]] = (kill_node, kill_centre, kill_both, kill_node_at_its_start)
LINES: Final[tuple[Blow, ...]] = (cut_road, slow_road)
POWER: Final[tuple[Blow, ...]] = (power_node, power_centre, power_both, power_twice)
FULL: Final[tuple[Blow, ...]] = (fill_node, fill_centre)
MESSAGES: Final[tuple[Blow, ...]] = (misdeliver,)
ERRORS: Final[tuple[Blow, ...]] = (err_on_sync,)
ALL: Final = (*KILLS, *LINES, *POWER, *FULL, *MESSAGES, *ERRORS)


def name_of(blow: Blow) -> str:
    """As `--only` takes it."""
    return str(getattr(blow, "__name__", blow)).replace("_", "-")


async def _kill(scene: Scene, victims: list[Party]) -> None:
    await asyncio.gather(*(victim.kill() for victim in victims if victim.is_running))
    await scene.revive()


async def _power(scene: Scene, victims: list[Party]) -> None:
    await scene.cut_power(victims)
    await scene.revive()


async def _fill(scene: Scene, victim: Party) -> None:
    leave = scene.chance.choice([0, 0, BLOB_RESERVE_BYTES_MIN // 2])
    await asyncio.to_thread(fill, scene.filler(victim), leave=leave)
    await asyncio.sleep(scene.chance.uniform(0.2, 1.0))
    assert victim.is_running, f"{victim.name} ended on a full disk:\n{victim.tail()}"
    if scene.chance.random() < 0.3:
        await victim.kill()
        scene.filler(victim).unlink()
        await scene.revive()
    scene.filler(victim).unlink(missing_ok=True)
