"""Taking the decisions of a recorded run again, and telling which ones come out otherwise.

Owns the comparison of a record with what its own inputs lead to. Rules: nothing but the record is
looked at; a decision of an older rule is judged by that rule, which the table still holds; what a
record does not contain, or this program does not know, is listed as such and never counted as the
same. Leaves out whether the inputs were true: evidence and signatures answer that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lpse.federation import reconciliation_findings as findings
from lpse.federation import reconciliation_link as link
from lpse.federation.errors import FederationError
from lpse.federation.reconciliation_rules import RULES
from lpse.federation.reconciliation_sets import Sets, sets_of
from lpse.federation.v1 import records_pb2 as records

Record = records.ReconciliationRecorded
Entry = records.ReconciliationEntry

_FIELDS: Final = (
    "object",
    "classification",
    "rule",
    "reason",
    "outcome",
    "count",
    "node_evidence",
    "centre_evidence",
    "hash_after",
    "actor",
)
_SETS: Final = ("both", "only_node", "only_centre", "different", "union")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that comes out otherwise; `entry` is its position, None for the run itself."""

    entry: int | None
    field: str
    recorded: str
    again: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found; `not_recorded` says in words what could not be decided again."""

    same: int
    differences: tuple[Difference, ...]
    not_recorded: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every decision was taken again and came out the same."""
        return not self.differences and not self.not_recorded


def replay(record: Record) -> Replayed:
    """See the module's first lines."""
    judge = _Judge()
    if not record.HasField("inputs"):
        judge.missing.append("inputs: the run was recorded by an older program without them")
    elif record.inputs.method == link.METHOD:
        _replay_link(record, judge)
    elif record.inputs.method == findings.METHOD:
        _replay_findings(record, judge)
    else:
        judge.missing.append(f"method {record.inputs.method!r} is not known to this program")
    if not sets_of(record).closes():
        judge.differs(None, "sets", _told(sets_of(record)), "sets that close")
    return Replayed(judge.same, tuple(judge.differences), tuple(judge.missing))


class _Judge:
    """Collects what the comparison finds."""

    def __init__(self) -> None:
        self.same = 0
        self.differences: list[Difference] = []
        self.missing: list[str] = []

    def differs(self, entry: int | None, field: str, recorded: object, again: object) -> None:
        self.differences.append(Difference(entry, field, _text(recorded), _text(again)))

    def compare(self, number: int, recorded: Entry, again: Entry) -> None:
        """One entry, field by field."""
        known = RULES.get(recorded.rule)
        if known is None:
            self.missing.append(
                f"entry {number}: rule {recorded.rule} is not known to this program"
            )
            return
        if recorded.rule != again.rule and known.id == again.rule.partition("/")[0]:
            self._compare_older(number, recorded)
            return
        fields = [one for one in _FIELDS if getattr(recorded, one) != getattr(again, one)]
        for field in fields:
            self.differs(number, field, getattr(recorded, field), getattr(again, field))
        if not fields:
            self.same += 1

    def _compare_older(self, number: int, recorded: Entry) -> None:
        """The same rule in another version: that version's row is what counts."""
        older = RULES[recorded.rule]
        if recorded.classification != older.classification:
            name = "classification"
            self.differs(number, name, recorded.classification, older.classification)
            return
        self.missing.append(
            f"entry {number}: decided by {recorded.rule}; this program decides by another version"
        )


def _replay_link(record: Record, judge: _Judge) -> None:
    decided = link.decide(record)
    _compare_all(record.entries, decided.decisions, judge)
    recorded = sets_of(record)
    if recorded != decided.sets:
        judge.differs(None, "sets", _told(recorded), _told(decided.sets))
    if record.heads_equal != link.heads_meet(record):
        judge.differs(None, "heads_equal", record.heads_equal, not record.heads_equal)


def _replay_findings(record: Record, judge: _Judge) -> None:
    found = record.inputs.findings
    if len(found) != len(record.entries):
        judge.differs(None, "entries", len(record.entries), len(found))
    for number, (one, entry) in enumerate(zip(found, record.entries, strict=False)):
        try:
            judge.compare(number, entry, findings.decide_again(one, entry))
        except KeyError:
            judge.missing.append(f"entry {number}: rule {entry.rule} is not known to this program")
        except FederationError as error:
            judge.differs(number, "facts", entry.rule, error.message)
    _replay_recovery(record, judge)


def _replay_recovery(record: Record, judge: _Judge) -> None:
    """A run that ended a recovery counts its two branches, and so can be counted again."""
    try:
        again = findings.sets_of_recovery(record.entries)
    except FederationError as error:
        judge.differs(None, "sets", _told(sets_of(record)), error.message)
        return
    recorded = sets_of(record)
    if again is None or again == recorded:
        return
    if recorded == Sets():
        judge.missing.append("sets: the recovery did not count its branches")
    else:
        judge.differs(None, "sets", _told(recorded), _told(again))


def _compare_all(recorded: Sequence[Entry], again: Sequence[Entry], judge: _Judge) -> None:
    if len(recorded) != len(again):
        judge.differs(None, "entries", len(recorded), len(again))
    for number, (one, other) in enumerate(zip(recorded, again, strict=False)):
        judge.compare(number, one, other)


def _told(sets: Sets) -> str:
    return " ".join(f"{name}={getattr(sets, name)}" for name in _SETS)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        printable = value.isascii() and value.decode("ascii").isprintable()
        return value.decode("ascii") if printable else value.hex()
    return str(value)


def lines(replayed: Replayed) -> Iterator[str]:
    """Each difference and gap as one line for logs and machines, in English."""
    for one in replayed.differences:
        place = "run" if one.entry is None else f"entry {one.entry}"
        yield f"{place}: {one.field} is {one.recorded!r}, again it is {one.again!r}"
    yield from replayed.not_recorded
