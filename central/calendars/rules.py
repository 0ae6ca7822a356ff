"""What may be published as a calendar, a rule set or a policy: pure checks.

Rule: a publication says where it comes from, and everything in it can be read by every node. Leaves
out revisions and storage.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from lpse.federation import documents
from lpse.federation.calendars import Calendar, parse_calendar
from lpse.federation.errors import Refused
from lpse.federation.limits import (
    CITATION_CHARACTERS_MAX,
    SCHEDULE_YEAR_MAX,
    SCHEDULE_YEAR_MIN,
)
from lpse.federation.rule_sets import RuleSet, parse_rule_set
from lpse.federation.v1 import directives_pb2 as directives

_PROVINCE: Final = re.compile(r"ID-[A-Z]{2}")
_WINDOW_SECONDS_MAX: Final = 31 * 86_400


def read_calendar(
    document: bytes, year: int, citation: str, province: str
) -> directives.CalendarPublished:
    """The calendar to publish, without its revision; Refused (FED-4301) or FED-400x."""
    calendar = parse_calendar(documents.parse_json(document, "calendar"))
    if not SCHEDULE_YEAR_MIN <= year <= SCHEDULE_YEAR_MAX:
        raise _wrong(f"the year is not between {SCHEDULE_YEAR_MIN} and {SCHEDULE_YEAR_MAX}")
    foreign = sorted(day for day in _days(calendar) if day.year != year)
    if foreign:
        raise _wrong(f"{foreign[0]} is not a day of {year}")
    if not _days(calendar):
        raise _wrong("it lists no day")
    if not citation.strip() or len(citation) > CITATION_CHARACTERS_MAX:
        raise _wrong(
            f"it needs the decree it comes from, at most {CITATION_CHARACTERS_MAX} letters"
        )
    if province and not _PROVINCE.fullmatch(province):
        raise _wrong("a province is an ISO 3166-2 code, for example ID-JI")
    return directives.CalendarPublished(
        year=year,
        holidays=[day.isoformat() for day in sorted(calendar.holidays)],
        collective_leave=[day.isoformat() for day in sorted(calendar.collective_leave)],
        citation=citation.strip(),
        province=province,
    )


def read_rule_set(document: bytes) -> RuleSet:
    """The rule set in a document; DocumentError (FED-400x) where it is none."""
    return parse_rule_set(documents.parse_json(document, "rule set"))


def check_policy(policy: directives.PolicyPublished) -> None:
    """Raise Refused (FED-4302) for spans that make no sense."""
    longest = max(policy.guard_window_seconds, policy.stage_hold_after_seconds)
    if longest > _WINDOW_SECONDS_MAX or policy.blob_policy not in directives.BlobPolicy.values():
        raise Refused("FED-4302", "a span of the policy is longer than a month, or unknown")


def same_days(one: directives.CalendarPublished, other: directives.CalendarPublished) -> bool:
    """Whether two publications say the same, whoever published them."""
    return (list(one.holidays), list(one.collective_leave), one.citation) == (
        list(other.holidays),
        list(other.collective_leave),
        other.citation,
    )


def _days(calendar: Calendar) -> frozenset[date]:
    return calendar.holidays | calendar.collective_leave


def _wrong(problem: str) -> Refused:
    return Refused("FED-4301", f"the calendar cannot be published: {problem}")
