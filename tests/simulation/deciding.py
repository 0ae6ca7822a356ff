"""Persons who choose between two histories of a node, through the doors that production has.

Owns what a drawn `decide` begins: every hour somebody reads the log for branches that wait, plans
the choice, has it approved and applies it. Rules: what was decided is asked of the centre each
time, because a restored centre may have forgotten it; whoever goes on by a choice has to settle as
any other node; one that must take an identity of its own waits only from when its own disk says
so. Leaves out taking that identity (real programs prove it elsewhere) and whether promises held.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import recovery_pb2 as recovery
from lpse.operator.v1 import reconciliations_pb2 as wire
from lpse.operator.v1.reconciliations_pb2_grpc import ReconciliationsStub
from tests.simulation.gathering import opened

if TYPE_CHECKING:
    from tests.simulation.machines import SimNode
    from tests.simulation.plan import Event
    from tests.simulation.runs import Run

OFFERED: Final = "CONTINUE_OFFERED"
STORED: Final = "CONTINUE_STORED"
LOOK_SECONDS: Final = 3_600.0
_BRANCH: Final = "branches/"


async def decide(run: Run, event: Event) -> None:
    """Look now and every hour until the run is over."""
    run.world.later(LOOK_SECONDS, lambda: decide(run, event))
    choice = str(event.with_.get("choice", OFFERED))
    for found in await _waiting(run):
        await run.operators.resolve(found.node_id, (found.run, found.number), choice)
        _chosen(run, found.node_id)
    for name in {one.about["node"] for one in run.operators.acts if one.kind == "decision"}:
        if _told(run.world.nodes[name]):
            run.waiting.add(name)


async def _waiting(run: Run) -> list[log.LogEntry]:
    """Entries about a branch that no person answered, each branch once."""
    request = wire.ListEntriesRequest()
    request.filter.states.append(log.ENTRY_STATE_NEEDS_PERSON)
    answer = await ReconciliationsStub(run.operators.door("budi")).ListEntries(request)
    found = {(one.node_id, one.entry.object): one for one in answer.entries}
    return [one for (_, what), one in sorted(found.items()) if what.startswith(_BRANCH)]


def _chosen(run: Run, node: str) -> None:
    """From now on no choice is missing: this node is judged as every other one."""
    run.waiting.discard(node)
    run.restored.discard(node)


def _told(node: SimNode) -> bool:
    """Whether the machine itself knows that it needs another identity."""
    database = opened(node.disk.image(), Path("evidence"), "told")
    ((advice,),) = database.execute("SELECT advice FROM recovery_state").fetchall()
    database.close()
    return bool(advice == recovery.RECOVERY_ADVICE_REIMPORT)
