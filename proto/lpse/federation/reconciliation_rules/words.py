"""What a rule may decide, and what a rule consists of.

Owns the closed list of decisions with their words, and the form of a rule. Rules: a decision that
leaves the question to a person says so by itself (`asks`); nothing here knows a clock, so no rule
can let the newer one win. Leaves out the rules themselves (`table`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lpse.federation.v1 import records_pb2 as records


class Decision(Enum):
    """What is done about a finding: English, Indonesian, and whether a person must act."""

    NOTHING = ("none needed", "tidak perlu tindakan", False)
    SEND = ("sent by the node", "dikirim oleh simpul", False)
    RECEIVE = ("received by the node", "diterima oleh simpul", False)
    GIVE_BACK = ("given back by the side that has it", "dikembalikan oleh pihak pemilik", False)
    APPLY_LATE = ("applied retroactively", "diterapkan surut", False)
    KEEP_RAW = ("kept as it came, applied later", "disimpan apa adanya, diterapkan nanti", False)
    DROP_REPEATED = ("the repetition has no effect", "pengulangan tidak berpengaruh", False)
    HEAL = ("healed from the good copy", "dipulihkan dari salinan baik", False)
    REBUILD = ("rebuilt from the owner's journal", "dibangun ulang dari jurnal pemilik", False)
    COUNT = ("counted", "dihitung", False)
    KEEP_BOTH = ("both are kept", "keduanya disimpan", False)
    PARK = ("set aside, a person must look", "disisihkan, seseorang harus memeriksa", True)
    REFUSE = ("refused, a person must look", "ditolak, seseorang harus memeriksa", True)
    ASK_BACK = (
        "asked back from the other side; if it does not come, a person must look",
        "diminta kembali dari pihak lain; bila tidak datang, seseorang harus memeriksa",
        True,
    )
    ASK_KNOWN = (
        "given back; a person must say that this was meant",
        "dikembalikan; seseorang harus menyatakan bahwa ini disengaja",
        True,
    )
    ASK = ("both are kept, a person decides", "keduanya disimpan, seseorang memutuskan", True)

    def __init__(self, english: str, indonesian: str, asks: bool) -> None:
        self.english = english
        self.indonesian = indonesian
        self.asks = asks


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table; words in braces are filled in by what was found."""

    name: str  # id and version, "R-NODE-REWOUND/2"
    classification: records.Classification.ValueType
    decision: Decision
    reason_en: str
    reason_id: str

    @property
    def id(self) -> str:
        """The name without its version: one id answers one question for ever."""
        return self.name.partition("/")[0]

    @property
    def version(self) -> int:
        """Another decision or another wording is a new version; the old one stays in the table."""
        return int(self.name.partition("/")[2])

    @property
    def needs_person(self) -> bool:
        """Whether a finding under this rule waits for a person."""
        return self.decision.asks
