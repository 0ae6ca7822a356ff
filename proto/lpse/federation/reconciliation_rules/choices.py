"""What a person may choose where a rule asks: a closed list for each kind of question.

Owns the choices and their words. Rules: nothing is ever deleted by a choice; only choices about two
histories of a node change what the centre holds as the node's journal; at a node a person can note
a decision, never take one about the federation. Leaves out carrying a choice out.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from lpse.federation.errors import Conflict, Refused
from lpse.federation.reconciliation_rules.entries import RULES, needs_person
from lpse.federation.v1 import records_pb2 as records


class Choice(Enum):
    """English and Indonesian words of a choice; its name is what is written and typed."""

    CONTINUE_STORED = (
        "the history that the centre stored goes on; the other is kept as a branch",
        "riwayat yang disimpan Pusat dilanjutkan; yang lain disimpan sebagai cabang",
    )
    CONTINUE_OFFERED = (
        "the history that the node offered goes on; the other is kept as a branch",
        "riwayat yang ditawarkan simpul dilanjutkan; yang lain disimpan sebagai cabang",
    )
    KEEP_BOTH = (
        "both sides keep what they have; nothing is carried out",
        "kedua pihak menyimpan yang dimilikinya; tidak ada yang dijalankan",
    )
    ACKNOWLEDGE = (
        "known and dealt with outside of this software; nothing is carried out",
        "diketahui dan ditangani di luar perangkat lunak ini; tidak ada yang dijalankan",
    )

    def __init__(self, english: str, indonesian: str) -> None:
        self.english = english
        self.indonesian = indonesian


_NOTED: Final = (Choice.KEEP_BOTH, Choice.ACKNOWLEDGE)
_HISTORIES: Final = (Choice.CONTINUE_STORED, Choice.CONTINUE_OFFERED, *_NOTED)
_TWO_HISTORIES: Final = frozenset(
    {
        "R-REGIONAL-FORKED",
        "R-CLONE-SUSPECT",
        "R-EPOCH-OLD",
        "R-HEARTBEAT-CONTRADICTED",
    }
)


def choices(entry: records.ReconciliationEntry, *, at_centre: bool) -> tuple[Choice, ...]:
    """What may be chosen about the entry; nothing where it waits for nobody."""
    if not needs_person(entry):
        return ()
    known = RULES.get(entry.rule)
    if at_centre and known is not None and known.id in _TWO_HISTORIES:
        return _HISTORIES
    return _NOTED


def check_choice(entry: records.ReconciliationEntry, choice: str, *, at_centre: bool) -> None:
    """Refused (FED-7014) for an entry that waits for nobody, or a choice that it does not offer."""
    offered = [one.name for one in choices(entry, at_centre=at_centre)]
    if not offered:
        raise Refused("FED-7014", "this entry waits for nobody; there is nothing to decide")
    if choice not in offered:
        raise Refused(
            "FED-7014",
            f"{choice or 'nothing'} cannot be chosen here; one of: {', '.join(offered)}",
            remedy="choose one of the offered ones",
        )


def check_correction(corrects: str, former: str) -> None:
    """Conflict (FED-7016) unless a later answer, and only that, names the one before it."""
    if corrects == former:
        return
    if not former:
        raise Conflict("FED-7016", f"the entry has no answer {corrects} that could be corrected")
    raise Conflict(
        "FED-7016",
        f"the entry was answered already by {former}",
        remedy=f"look at it; to correct it, give --corrects {former}",
    )
