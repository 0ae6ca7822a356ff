"""Persons of the centre and SPSE who act at bad moments, by kind of event.

Owns the table `ACTS`: kind -> what somebody does through the operators' door, or SPSE through a
node's. Rules: an act may be refused, as in life, and what follows is judged by the checkers alone;
each act speaks of the newest rollout, release or outage. Leaves out what machines suffer
(`faults`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from lpse.operator.v1 import rollouts_pb2 as rollouts
from lpse.operator.v1.rollouts_pb2_grpc import RolloutsStub
from tests.simulation.deciding import decide
from tests.simulation.machines import SimNode
from tests.simulation.plan import EVERYWHERE, Event

if TYPE_CHECKING:
    from tests.simulation.operators import Operators
    from tests.simulation.runs import Run


async def _rollout(run: Run, event: Event) -> None:
    """A version for everybody, whatever deadlines are near; node by node or all at once."""
    version = str(event.with_.get("version", "3.6"))
    people, names = run.operators, [*run.world.nodes]
    if version not in _results(people, "release"):
        await people.add_release(version)
    waves = [[name] for name in names] if event.with_.get("one_by_one") else [names]
    await people.roll_out(version, waves, failures_max=int(event.number("failures_max")))


async def _approve_late(run: Run, event: Event) -> None:
    """The centre dies between a plan and its approval, and again before it is applied."""
    people, world = run.operators, run.world
    version = str(event.with_.get("version", "3.6"))
    if version not in _results(people, "release"):
        await people.add_release(version)
    spec = rollouts.RolloutSpec(version=version)
    spec.waves.add(wave="wave-0", node_ids=[*world.nodes])
    request = rollouts.PlanRolloutRequest(spec=spec, reason="simulated rollout")
    answer = await RolloutsStub(people.door("budi")).PlanRollout(request)
    world.centre.kill()
    await world.pause(event.number("seconds", 120.0))
    await people.apply(answer.plan)


async def _pause(run: Run, event: Event) -> None:
    await run.operators.pause(_newest(run.operators, "rollout"))


async def _resume(run: Run, event: Event) -> None:
    await run.operators.resume(_newest(run.operators, "rollout"))


async def _stop(run: Run, event: Event) -> None:
    await run.operators.stop(_newest(run.operators, "rollout"))


async def _withdraw(run: Run, event: Event) -> None:
    await run.operators.withdraw(_newest(run.operators, "release"))


async def _declare(run: Run, event: Event) -> None:
    """An outage that began `before` seconds ago and lasts `length`; without a length it is open."""
    begin = run.world.now - event.number("before", 7_200.0)
    length = event.number("length")
    end = begin + length if length else None
    people = run.operators
    if event.where in run.world.nodes:
        await people.declare(begin, end, nodes=[event.where])
    elif event.where in ("", EVERYWHERE):
        await people.declare(begin, end)
    else:
        await people.declare(begin, end, province=event.where)


async def _close(run: Run, event: Event) -> None:
    await run.operators.close(_outage(run.operators), run.world.now)


async def _take_back(run: Run, event: Event) -> None:
    await run.operators.take_back(_outage(run.operators))


async def _shorten(run: Run, event: Event) -> None:
    """SPSE of a node brings a published deadline forward."""
    node = run.machine(event)
    if isinstance(node, SimNode):
        await run.vendors.shorten(node, event.number("seconds", 1_800.0))


ACTS: Final[dict[str, Callable[[Run, Event], Awaitable[None]]]] = {
    "rollout": _rollout,
    "approve_late": _approve_late,
    "pause": _pause,
    "resume": _resume,
    "stop": _stop,
    "withdraw": _withdraw,
    "declare": _declare,
    "close": _close,
    "take_back": _take_back,
    "shorten": _shorten,
    "decide": decide,
}


def _results(people: Operators, kind: str) -> list[str]:
    return [act.result for act in people.acts if act.kind == kind]


def _newest(people: Operators, kind: str) -> str:
    return _results(people, kind)[-1]


def _outage(people: Operators) -> str:
    declared = [a for a in people.acts if a.kind == "outage" and a.about.get("what") == "declare"]
    return declared[-1].result
