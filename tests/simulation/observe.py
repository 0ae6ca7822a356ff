"""What a world looks like from outside: heads, acknowledged sizes, whether all is settled.

Owns read-only questions to running machines, for checkers and for conditions of `World.until`.
Rule: it asks the programs' own ports and tables, decides nothing, and changes nothing. Leaves out
what people were promised (`vendors`) and what must hold (`checkers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lpse.federation.checkpoints import Head

if TYPE_CHECKING:
    from tests.simulation.machines import SimNode
    from tests.simulation.world import World


@dataclass(frozen=True)
class Sight:
    """One node beside the centre."""

    name: str
    running: bool
    present: bool  # a session is open and not quarantined
    quarantine: str
    own: Head | None  # the node's journal
    stored: int  # entries of its present epoch that the centre acknowledged
    at_centre: int  # and that the centre holds
    national: int  # entries of the national journal that it holds

    def settled(self, national: int) -> bool:
        """Both journals are the same on both sides."""
        own = self.own.size if self.own is not None else -1
        return self.present and own == self.stored == self.at_centre and self.national == national


def sight(world: World, node: SimNode) -> Sight:
    """A node as it is now."""
    opened = node.node
    centre = world.centre.centre
    if opened is None:
        return Sight(node.name, False, False, "", None, 0, 0, 0)
    machine = opened.machine
    session = machine.link.session
    position = centre.ledger.current(node.name) if centre is not None else None
    same = position is not None and position.epoch == machine.journal.epoch
    return Sight(
        name=node.name,
        running=node.running,
        present=session is not None and not session.quarantine_code,
        quarantine=session.quarantine_code if session is not None else "",
        own=machine.journal.head,
        stored=machine.link.stored_size,
        at_centre=position.tree.size if position is not None and same else 0,
        national=machine.national.head.size if machine.national.head else 0,
    )


def unsettled(world: World) -> list[Sight]:
    """Every node that differs from the centre now; all of them while the centre does not run."""
    centre = world.centre.centre
    sights = [sight(world, node) for node in world.nodes.values()]
    if centre is None:
        return sights
    return [one for one in sights if not one.settled(centre.national.head.size)]


def settled(world: World) -> bool:
    """Whether nothing is on its way anywhere."""
    return not unsettled(world)
