"""What the entries of a branch say about who made them, without a clock, a disk or a wire.

Rule: a branch in which nobody acted - the node alone noted its clock, a run, a directive - is what
a machine writes that was started from an old copy; one with the act of a vendor or an officer may
be the work of a second machine, and a person must look. Leaves out the entries' verification.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.entries import decode_entry
from lpse.federation.errors import FederationError

# Kinds that a node writes by itself when it starts and looks around.
MACHINE_KINDS: Final = frozenset(
    {
        "epoch.opened",
        "clock.stepped",
        "reconciliation.recorded",
        "centre.contradicted",
        "directive.applied",
        "outage.measured",
    }
)


def is_of_machine(data: bytes) -> bool:
    """Whether nobody's act stands in this entry; one that cannot be read counts as an act."""
    try:
        return decode_entry(data).kind in MACHINE_KINDS
    except FederationError:
        return False
