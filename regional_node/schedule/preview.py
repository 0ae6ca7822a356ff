"""The arithmetic alone: `lpse-node compensation preview`, from documents to a document.

Pure: reads the four JSON documents that the command was given (package, outages, rule set,
calendar), computes with `lpse.federation.compensation` and forms the answer. Needs no running
node, so anyone can check a proposal. What is odd but not wrong (a rule set that names stages the
package lacks, a calendar without the year in question) becomes a notice for people, never a change
of the answer. Leaves out files, flags and printing: the command does those.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lpse.federation import documents
from lpse.federation.calendars import Calendar, local_date, parse_calendar
from lpse.federation.compensation import StageProposal, propose
from lpse.federation.compensation_steps import Step
from lpse.federation.errors import Refused
from lpse.federation.intervals import Interval, indonesian_zone
from lpse.federation.limits import OUTAGE_DAYS_MAX, OUTAGES_MAX, STAGES_MAX
from lpse.federation.rule_sets import DayKind, RuleSet, built_in, parse_rule_set, rule_set_id
from lpse.federation.stages import Stage


class PreviewError(Refused):
    """The documents are each well formed but cannot be computed together (FED-406x)."""


@dataclass(frozen=True, slots=True)
class PreviewInputs:
    """The documents as read from the files named on the command line.

    `rule_set` is a document (bytes), the id of a built-in one (str), or None for the package's
    own. Without a `calendar` only Saturdays and Sundays are days off. `as_of` closes outages that
    are still open; `default_zone` serves a package that names none.
    """

    package: bytes
    outages: bytes
    rule_set: bytes | str | None
    calendar: bytes | None
    as_of: datetime | None
    default_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should look at, in both languages."""

    english: str
    indonesian: str


@dataclass(frozen=True, slots=True)
class Preview:
    """The answer as a JSON document, the proposals behind it, and what to look at."""

    document: dict[str, object]
    proposals: tuple[StageProposal, ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class PackageSchedule:
    """A package document; `rule_set` is empty when the document names none."""

    code: str
    name: str
    zone: ZoneInfo
    rule_set: str
    stages: tuple[Stage, ...]


def preview(inputs: PreviewInputs) -> Preview:
    """Compute the proposal, or raise a `FederationError` that names the document and the place."""
    package = parse_package(
        documents.parse_json(inputs.package, "package"), default_zone=inputs.default_zone
    )
    outages = parse_outages(documents.parse_json(inputs.outages, "outages"))
    rules = _rules(inputs.rule_set, package)
    calendar = Calendar()
    if inputs.calendar is not None:
        calendar = parse_calendar(documents.parse_json(inputs.calendar, "calendar"))
    as_of = inputs.as_of or _last_known(outages, package.stages)
    proposals = propose(package.stages, outages, rules, calendar, package.zone, as_of)
    document = preview_document(package, rules, proposals)
    notices = tuple(_notices(package, outages, rules, calendar, proposals))
    return Preview(document, proposals, notices)


def parse_package(document: object, *, default_zone: str | None = None) -> PackageSchedule:
    """A package from `{"code", "name", "zone", "rule_set", "stages": [{"name","start","end"}]}`."""
    fields = documents.as_object(
        document, "package", ("code", "stages"), ("name", "zone", "rule_set")
    )
    zone = fields.get("zone", default_zone)
    if zone is None:
        documents.refuse("package", "lacks the key 'zone'", code="FED-4003")
    items = documents.as_list(fields["stages"], "package.stages", items_max=STAGES_MAX)
    if not items:
        documents.refuse("package.stages", "is empty", remedy="list the package's stages")
    return PackageSchedule(
        code=documents.as_text(fields["code"], "package.code"),
        name=documents.as_text(fields.get("name", ""), "package.name", may_be_empty=True),
        zone=indonesian_zone(documents.as_text(zone, "package.zone")),
        rule_set=_optional_id(fields.get("rule_set")),
        stages=tuple(_stage(item, f"package.stages[{n}]") for n, item in enumerate(items)),
    )


def parse_outages(document: object) -> tuple[Interval, ...]:
    """Outages from `[{"start", "end"}]`; `null` as end means still open."""
    items = documents.as_list(document, "outages", items_max=OUTAGES_MAX)
    return tuple(_outage(item, f"outages[{n}]") for n, item in enumerate(items))


def preview_document(
    package: PackageSchedule, rules: RuleSet, proposals: Sequence[StageProposal]
) -> dict[str, object]:
    """The answer of the command, with times in the package's zone."""
    return {
        "package": package.code,
        "rule_set": rules.id,
        "stages": [stage_document(proposal, package.zone) for proposal in proposals],
    }


def stage_document(proposal: StageProposal, zone: ZoneInfo) -> dict[str, object]:
    """One stage of the answer."""
    return {
        "name": proposal.name,
        "old_start": _rfc3339(proposal.old_start, zone),
        "old_end": _rfc3339(proposal.old_end, zone),
        "proposed_start": _rfc3339(proposal.proposed_start, zone),
        "proposed_end": _rfc3339(proposal.proposed_end, zone),
        "days": proposal.days,
        "lost_seconds": proposal.lost_seconds,
        "touched_dates": [day.isoformat() for day in proposal.touched_dates],
        "provisional": proposal.provisional,
        "steps": [_step_document(step, zone) for step in proposal.steps],
    }


def _step_document(step: Step, zone: ZoneInfo) -> dict[str, object]:
    return {
        "kind": step.kind.value,
        "end": _rfc3339(step.end, zone),
        "en": step.english,
        "id": step.indonesian,
    }


def _rfc3339(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat()


def _rules(given: bytes | str | None, package: PackageSchedule) -> RuleSet:
    """The rule set given on the command line, or the one that belongs to the package."""
    if isinstance(given, bytes):
        return parse_rule_set(documents.parse_json(given, "rule set"))
    identifier = given or package.rule_set
    if not identifier:
        raise PreviewError(
            "FED-4060",
            "neither the package nor the command names a rule set",
            remedy="add rule_set to the package or give --rule-set",
        )
    return built_in(identifier)


def _optional_id(value: object) -> str:
    return "" if value is None else rule_set_id(value, "package.rule_set")


def _stage(value: object, where: str) -> Stage:
    fields = documents.as_object(value, where, ("name", "start", "end"))
    name = documents.as_text(fields["name"], f"{where}.name")
    start = documents.as_time(fields["start"], f"{where}.start")
    end = documents.as_time(fields["end"], f"{where}.end")
    with _placed(where):
        return Stage(name, start, end)


def _outage(value: object, where: str) -> Interval:
    fields = documents.as_object(value, where, ("start", "end"))
    start = documents.as_time(fields["start"], f"{where}.start")
    end = None if fields["end"] is None else documents.as_time(fields["end"], f"{where}.end")
    with _placed(where):
        outage = Interval(start, end)
    if outage.end is not None and outage.duration() > timedelta(days=OUTAGE_DAYS_MAX):
        documents.refuse(
            where,
            f"lasts longer than {OUTAGE_DAYS_MAX} days",
            remedy="correct its start or its end",
            code="FED-4004",
        )
    return outage


@contextmanager
def _placed(where: str) -> Iterator[None]:
    """Say in which place of the document a time or stage was refused."""
    try:
        yield
    except Refused as error:
        raise PreviewError(error.code, f"{where}: {error.message}", remedy=error.remedy) from error


def _last_known(outages: Sequence[Interval], stages: Sequence[Stage]) -> datetime:
    """Any moment does when every outage is closed; an open one needs to be told the time."""
    if any(outage.end is None for outage in outages):
        raise PreviewError(
            "FED-4061",
            "an outage is still open and no time was given to compute as of",
            remedy="give --as-of, like 2015-03-29T12:00:00+07:00",
        )
    return max(stage.end for stage in stages)


def _notices(
    package: PackageSchedule,
    outages: Sequence[Interval],
    rules: RuleSet,
    calendar: Calendar,
    proposals: Sequence[StageProposal],
) -> Iterator[Notice]:
    yield from _rule_set_notices(package, rules)
    if any(outage.is_empty for outage in outages):
        yield Notice(
            "an outage begins and ends at the same moment and counts for nothing",
            "ada gangguan yang mulai dan selesai pada saat yang sama; tidak dihitung",
        )
    if rules.end_on_working_day or rules.day_kind is DayKind.WORKING:
        for year in sorted(_years(proposals, package.zone)):
            if not calendar.lists_year(year):
                yield Notice(
                    f"the calendar lists no holiday in {year}: only weekends were days off",
                    f"kalender tidak memuat hari libur tahun {year}: hanya akhir pekan dihitung",
                )


def _rule_set_notices(package: PackageSchedule, rules: RuleSet) -> Iterator[Notice]:
    """A package keeps the rules under which it began: say so when others were used."""
    if package.rule_set not in ("", rules.id):
        yield Notice(
            f"computed with {rules.id}, but the package was announced under {package.rule_set}",
            f"dihitung dengan {rules.id}, padahal paket diumumkan dengan {package.rule_set}",
        )
    begun = local_date(min(stage.start for stage in package.stages), package.zone)
    if rules.effective_from is not None and begun < rules.effective_from:
        yield Notice(
            f"{rules.id} is effective from {rules.effective_from}, after the package began",
            f"{rules.id} berlaku mulai {rules.effective_from}, setelah paket dimulai",
        )
    absent = rules.named_stages() - {stage.name for stage in package.stages}
    if absent:
        names = ", ".join(f'"{name}"' for name in sorted(absent))
        yield Notice(
            f"the rule set names stages that the package does not have: {names}",
            f"aturan menyebut tahap yang tidak ada pada paket: {names}",
        )


def _years(proposals: Sequence[StageProposal], zone: ZoneInfo) -> set[int]:
    """The years whose holidays decided a moved end."""
    years: set[int] = set()
    for proposal in (item for item in proposals if item.changed):
        first, last = (local_date(m, zone) for m in (proposal.old_end, proposal.proposed_end))
        years.update(range(first.year, last.year + 1))
    return years
