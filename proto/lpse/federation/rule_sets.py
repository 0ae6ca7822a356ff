"""Rule sets: how lost time is counted and given back, as versioned data with a citation.

A rule set belongs to a package from its announcement on; it is never a property of the program, so
a tender keeps the rules under which it began. Owns the JSON form, its strict reading and the rule
sets that ship with the program. Absent `couplings` and an empty list differ: absent means that the
stages' order decides (see `stages`), an empty list means that no stage follows another. Leaves out
the arithmetic itself (`compensation`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from lpse.federation import documents
from lpse.federation.errors import NotFound
from lpse.federation.limits import COUPLINGS_MAX, MIN_USABLE_HOURS_MAX, STAGES_MAX

ALL_STAGES = "all"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
_REQUIRED = (
    "id",
    "citation",
    "counting",
    "day_kind",
    "end_on_working_day",
    "min_usable_hours",
    "compensable_stages",
)
_OPTIONAL = ("effective_from", "couplings")


class Counting(StrEnum):
    """What is counted of an outage."""

    TOUCHED_DAYS = "touched_days"  # distinct local dates that it touches
    STARTED_24H = "started_24h"  # its whole duration in blocks of 24 hours, rounded up once
    EXACT = "exact"  # its whole duration


class DayKind(StrEnum):
    """Which days a counting rule in days counts and adds."""

    CALENDAR = "calendar"
    WORKING = "working"


@dataclass(frozen=True, slots=True)
class Coupling:
    """The start of `stage` moves with the end of `follows` and keeps its gap."""

    stage: str
    follows: str


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one package, with the law they come from."""

    id: str
    citation: str
    counting: Counting
    day_kind: DayKind
    end_on_working_day: bool | tuple[str, ...]
    min_usable_hours: int
    compensable_stages: str | tuple[str, ...] = ALL_STAGES
    effective_from: date | None = None
    couplings: tuple[Coupling, ...] | None = None

    def must_end_on_working_day(self, stage: str) -> bool:
        """Whether a moved end of that stage rolls forward to a working day."""
        if isinstance(self.end_on_working_day, bool):
            return self.end_on_working_day
        return stage in self.end_on_working_day

    def is_compensable(self, stage: str) -> bool:
        """Whether time lost in that stage is given back; other stages may still be moved along."""
        return self.compensable_stages == ALL_STAGES or stage in self.compensable_stages

    @property
    def counts_working_dates(self) -> bool:
        """Whether a touched date counts only if it is a working day."""
        return self.counting is Counting.TOUCHED_DAYS and self.day_kind is DayKind.WORKING

    def named_stages(self) -> frozenset[str]:
        """Every stage name that the rules mention."""
        names: set[str] = set()
        for listed in (self.end_on_working_day, self.compensable_stages):
            names.update(listed if isinstance(listed, tuple) else ())
        for coupling in self.couplings or ():
            names.update((coupling.stage, coupling.follows))
        return frozenset(names)

    def document(self) -> dict[str, object]:
        """The JSON form; `parse_rule_set` gives the same rule set back."""
        fields: dict[str, object] = {
            "id": self.id,
            "citation": self.citation,
            "counting": self.counting.value,
            "day_kind": self.day_kind.value,
            "end_on_working_day": _listed(self.end_on_working_day),
            "min_usable_hours": self.min_usable_hours,
            "compensable_stages": _listed(self.compensable_stages),
        }
        if self.effective_from is not None:
            fields["effective_from"] = self.effective_from.isoformat()
        if self.couplings is not None:
            fields["couplings"] = [
                {"stage": coupling.stage, "follows": coupling.follows}
                for coupling in self.couplings
            ]
        return fields


BUILT_IN: Mapping[str, RuleSet] = MappingProxyType(
    {
        rules.id: rules
        for rules in (
            RuleSet(
                id="perka-1-2015",
                citation="Peraturan Kepala LKPP Nomor 1 Tahun 2015 tentang E-Tendering",
                counting=Counting.TOUCHED_DAYS,
                day_kind=DayKind.CALENDAR,
                end_on_working_day=True,
                min_usable_hours=0,
            ),
        )
    }
)


def built_in(identifier: str) -> RuleSet:
    """The rule set that ships under that id; FED-4042 when there is none."""
    if identifier not in BUILT_IN:
        raise NotFound(
            "FED-4042",
            f"there is no built-in rule set {identifier[:64]!a}",
            remedy="give a rule-set file, or use " + ", ".join(sorted(BUILT_IN)),
        )
    return BUILT_IN[identifier]


def parse_rule_set(document: object) -> RuleSet:
    """A rule set from its JSON form; every unknown, missing or contradictory key is an error."""
    fields = documents.as_object(document, "rule set", _REQUIRED, _OPTIONAL)
    counting = documents.as_choice(fields["counting"], "rule set.counting", list(Counting))
    day_kind = documents.as_choice(fields["day_kind"], "rule set.day_kind", list(DayKind))
    since = fields.get("effective_from")
    return RuleSet(
        id=rule_set_id(fields["id"], "rule set.id"),
        citation=documents.as_text(fields["citation"], "rule set.citation"),
        counting=Counting(counting),
        day_kind=DayKind(day_kind),
        end_on_working_day=_true_false_or_stages(fields["end_on_working_day"]),
        min_usable_hours=documents.as_count(
            fields["min_usable_hours"], "rule set.min_usable_hours", most=MIN_USABLE_HOURS_MAX
        ),
        compensable_stages=_all_or_stages(fields["compensable_stages"]),
        effective_from=None
        if since is None
        else documents.as_date(since, "rule set.effective_from"),
        couplings=_couplings(fields.get("couplings")),
    )


def rule_set_id(value: object, where: str) -> str:
    """An identifier such as `perka-1-2015`: letters, digits, dots, slashes, hyphens."""
    text = documents.as_text(value, where)
    if not _ID.fullmatch(text):
        documents.refuse(where, f"is {text[:64]!a}, not an identifier like perka-1-2015")
    return text


def _true_false_or_stages(value: object) -> bool | tuple[str, ...]:
    where = "rule set.end_on_working_day"
    if isinstance(value, bool):
        return value
    if not isinstance(value, list):
        documents.refuse(where, "must be true, false or a list of stage names")
    return _stage_names(value, where)


def _all_or_stages(value: object) -> str | tuple[str, ...]:
    where = "rule set.compensable_stages"
    if value == ALL_STAGES:
        return ALL_STAGES
    if not isinstance(value, list):
        documents.refuse(where, 'must be "all" or a list of stage names')
    return _stage_names(value, where)


def _stage_names(value: object, where: str) -> tuple[str, ...]:
    """Distinct names of stages, in their order."""
    items = documents.as_list(value, where, items_max=STAGES_MAX)
    names = tuple(documents.as_text(item, f"{where}[{n}]") for n, item in enumerate(items))
    if len(set(names)) != len(names):
        documents.refuse(where, "names a stage twice")
    return names


def _couplings(value: object) -> tuple[Coupling, ...] | None:
    """Couplings in their order; a stage can keep its gap to one other stage only."""
    if value is None:
        return None
    where = "rule set.couplings"
    items = documents.as_list(value, where, items_max=COUPLINGS_MAX)
    couplings = tuple(_coupling(item, f"{where}[{n}]") for n, item in enumerate(items))
    if len({coupling.stage for coupling in couplings}) != len(couplings):
        documents.refuse(where, "lets a stage follow two others; it can keep only one gap")
    return couplings


def _coupling(value: object, where: str) -> Coupling:
    fields = documents.as_object(value, where, ("stage", "follows"))
    coupling = Coupling(
        stage=documents.as_text(fields["stage"], f"{where}.stage"),
        follows=documents.as_text(fields["follows"], f"{where}.follows"),
    )
    if coupling.stage == coupling.follows:
        documents.refuse(where, "lets a stage follow itself")
    return coupling


def _listed(value: bool | str | tuple[str, ...]) -> object:
    """A tuple as the list that JSON knows."""
    return list(value) if isinstance(value, tuple) else value
