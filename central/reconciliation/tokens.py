"""Tokens: how one inverted index answers every filter of the log. Pure.

Owns the spelling of facet values, days and words as tokens, and the query that a filter becomes.
Rule: a token of a value begins with an underscore, which no word holds, so that no text finds a
value. Leaves out the index itself (`entries_store`, `log_store`) and what a filter means
(`lpse.federation.recon_log`), which tests compare with this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from lpse.federation.entries import moment
from lpse.federation.limits import LOG_FILTER_VALUE_CHARACTERS_MAX, LOG_SPAN_YEARS_MAX
from lpse.federation.recon_log import asked_words, rule_id, span_of, word_of, words_of
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records

FACETS: Final = {
    "classification": "c",
    "state": "s",
    "trigger": "t",
    "province": "p",
    "rule": "r",
    "node": "n",
}
_ENUMS: Final = {
    "classification": records.Classification,
    "state": log.EntryState,
    "trigger": records.ReconciliationTrigger,
}
_UNEQUAL: Final = "_u"
_DIFFERENCE: Final = "_d"
_WITH_SETS: Final = tuple(f"_{one}" for one in (*FACETS.values(), _UNEQUAL[1], _DIFFERENCE[1]))
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Query:
    """A filter as the index takes it; `match` is empty where nothing is narrowed by tokens."""

    match: str
    since: datetime | None
    until: datetime | None
    run: str
    pinned: tuple[tuple[str, frozenset[str]], ...] = ()  # facets narrowed to some of their values
    groups: tuple[tuple[str, ...], ...] = ()  # tokens of facets: one of each group must be there
    worded: bool = False  # `match` asks for words or a package too, which have no sets

    @property
    def everything(self) -> bool:
        """Whether nothing is narrowed at all."""
        return not (self.match or self.since or self.until or self.run)


def token(facet: str, value: str) -> str:
    """The token of one value of a facet."""
    return f"_{FACETS[facet]}{value[:LOG_FILTER_VALUE_CHARACTERS_MAX].encode().hex()}"


def has_set(token: str) -> bool:
    """Whether the entries with this token are kept as a set."""
    return token.startswith(_WITH_SETS)


def facet_values(line: log.LogEntry) -> list[tuple[str, str]]:
    """What is counted of a line: facet and value."""
    return [
        ("classification", word_of(records.Classification, line.entry.classification)),
        ("state", word_of(log.EntryState, line.state)),
        ("trigger", word_of(records.ReconciliationTrigger, line.trigger)),
        ("province", line.province),
        ("rule", line.entry.rule),
        ("node", line.node_id),
    ]


def value_of(facet: str, value: str | int) -> str:
    """A column of the log as the filter's value."""
    return word_of(_ENUMS[facet], value) if isinstance(value, int) else value


def tokens_of(line: log.LogEntry, record: records.ReconciliationRecorded) -> str:
    """Everything by which the index finds a line, but packages."""
    found = [token(facet, value) for facet, value in facet_values(line) if value]
    if rule_id(line.entry.rule) != line.entry.rule:
        found.append(token("rule", rule_id(line.entry.rule)))
    if not record.heads_equal:
        found.append(_UNEQUAL)
    if line.entry.classification != records.CLASSIFICATION_MATCH:
        found.append(_DIFFERENCE)
    day = moment(line.begin_time).date()
    found += [_year(day.year), _month(day), _day(day)]
    return " ".join([*found, *sorted(words_of(record, line.entry))])


def package_token(package: str) -> str:
    """The token of an opened package."""
    return f"_k{package.encode().hex()}"


def query_of(asked: log.LogFilter) -> Query:
    """The filter as a query; the bounds of its span are exact only together with the rows."""
    since, until = span_of(asked)
    facets = [
        [token("node", one) for one in asked.node_ids],
        [token("province", one) for one in asked.provinces],
        [token("rule", one) for one in asked.rules],
        _enums("classification", records.Classification, asked.classifications),
        _enums("trigger", records.ReconciliationTrigger, asked.triggers),
        _enums("state", log.EntryState, asked.states),
        [_UNEQUAL] if asked.heads_unequal else [],
        [_DIFFERENCE] if asked.with_difference else [],
    ]
    words = [
        [package_token(asked.package)] if asked.package else [],
        *([word] for word in asked_words(asked.text)),
    ]
    match = _all([*facets, *words, _span(since, until)])
    groups = tuple(tuple(group) for group in facets if group)
    return Query(match, since, until, asked.run, _pinned(asked), groups, any(words))


def _pinned(asked: log.LogFilter) -> tuple[tuple[str, frozenset[str]], ...]:
    """By facet: the only values that entries of this filter can have; rules stand for versions."""
    values = {
        "node": asked.node_ids,
        "province": asked.provinces,
        "classification": [word_of(records.Classification, one) for one in asked.classifications],
        "trigger": [word_of(records.ReconciliationTrigger, one) for one in asked.triggers],
        "state": [word_of(log.EntryState, one) for one in asked.states],
    }
    return tuple((facet, frozenset(one)) for facet, one in values.items() if one)


def narrowed(query: Query, facet: str, value: str) -> str:
    """The query's match for one more value."""
    one = _either([token(facet, value)])
    return f"{query.match} AND {one}" if query.match else one


def _all(groups: Iterable[list[str]]) -> str:
    return " AND ".join(_either(group) for group in groups if group)


def _either(tokens: Iterable[str]) -> str:
    quoted = [f'"{one[:-1]}" *' if one.endswith("*") else f'"{one}"' for one in tokens]
    return quoted[0] if len(quoted) == 1 else f"({' OR '.join(quoted)})"


def _enums(facet: str, enum: object, values: Iterable[int]) -> list[str]:
    return [token(facet, word_of(enum, one)) for one in values]


def _span(since: datetime | None, until: datetime | None) -> list[str]:
    """Tokens whose days cover a span; none where it is open or too long."""
    if since is None or until is None or until.year - since.year > LOG_SPAN_YEARS_MAX:
        return []
    first = since.astimezone(UTC).date()
    last = max(first, (until.astimezone(UTC) - _SECOND).date())
    return list(_cover(first, last))


def _cover(first: date, last: date) -> Iterator[str]:
    """Whole years, whole months and days from `first` to `last`, both included."""
    day = first
    while day <= last:
        if (day.month, day.day) == (1, 1) and date(day.year, 12, 31) <= last:
            yield _year(day.year)
            following = date(day.year, 12, 31)
        elif day.day == 1 and _month_end(day) <= last:
            yield _month(day)
            following = _month_end(day)
        else:
            yield _day(day)
            following = day
        if following == date.max:
            return
        day = following + timedelta(days=1)


def _month_end(day: date) -> date:
    if day.month == 12:
        return date(day.year, 12, 31)
    return date(day.year, day.month + 1, 1) - timedelta(days=1)


def _year(year: int) -> str:
    return f"_y{year:04}"


def _month(day: date) -> str:
    return f"_m{day.year:04}{day.month:02}"


def _day(day: date) -> str:
    return f"_i{day.year:04}{day.month:02}{day.day:02}"
