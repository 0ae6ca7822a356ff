"""The reconciliation log: what one line of it says, which state it has, which filter it passes.

Owns the check of a filter, the words of an entry, the state of an entry, and the plain reading of a
filter against a line: the meaning that every index must keep, at the centre and at a node. Rule: a
filter by package knows only packages that were opened, so that before the opening it finds nothing
and tells nothing (Invariant 6). Leaves out indexes, storage and rules.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from lpse.federation import run_names
from lpse.federation.entries import moment, timestamp
from lpse.federation.errors import Refused
from lpse.federation.limits import (
    LOG_FILTER_VALUE_CHARACTERS_MAX,
    LOG_FILTER_VALUES_MAX,
    LOG_FILTER_WORDS_MAX,
    LOG_PREFIX_CHARACTERS_MIN,
    LOG_WORD_CHARACTERS_MAX,
)
from lpse.federation.reconciliation_rules import NOTHING_DECIDED, needs_person
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records

State = log.EntryState
_WORD: Final = re.compile(r"[^\W_]+")
_ASKED: Final = re.compile(r"[^\W_]+\*?")
_BLOB: Final = re.compile(r"blob ([0-9a-f]{64})")
UNFINISHED: Final = "not finished"


class FilterInvalid(Refused):
    """A filter of the log says something that no entry could be compared with."""

    def __init__(self, detail: str) -> None:
        super().__init__("FED-7040", f"this filter of the log cannot be used: {detail}")


# --- lines ---


def state_of(entry: records.ReconciliationEntry) -> log.EntryState.ValueType:
    """The state with which an entry begins; later records may resolve it."""
    if needs_person(entry):
        return State.ENTRY_STATE_NEEDS_PERSON
    if entry.classification == records.CLASSIFICATION_MATCH:
        return State.ENTRY_STATE_EQUAL
    if entry.outcome == UNFINISHED:
        return State.ENTRY_STATE_OPEN
    return State.ENTRY_STATE_RESOLVED


def lines_of(
    record: records.ReconciliationRecorded, node_id: str, province: str
) -> list[log.LogEntry]:
    """Every entry of a run as a line, or the one line of a run that had nothing to decide.

    The place in the journal is added by who knows it.
    """
    begin = begin_of(record)
    return [
        log.LogEntry(
            run=record.run,
            number=number,
            node_id=node_id,
            province=province,
            begin_time=timestamp(begin) if begin else None,
            trigger=record.trigger,
            state=state_of(entry),
            entry=entry,
        )
        for number, entry in enumerate(told_of(record))
    ]


def told_of(record: records.ReconciliationRecorded) -> Sequence[records.ReconciliationEntry]:
    """What the log tells of a run, never nothing."""
    return record.entries or (NOTHING_DECIDED,)


def begin_of(record: records.ReconciliationRecorded) -> datetime | None:
    """When the run began by the legal clock; None where the record does not say."""
    return moment(record.legal_time) if record.HasField("legal_time") else None


def words_of(
    record: records.ReconciliationRecorded, entry: records.ReconciliationEntry
) -> set[str]:
    """The words by which an entry is found."""
    texts = (
        record.run,
        record.cause,
        entry.object,
        entry.rule,
        entry.reason,
        entry.outcome,
        entry.actor,
        word_of(records.Classification, entry.classification),
    )
    return {word[:LOG_WORD_CHARACTERS_MAX] for text in texts for word in _words(text)}


def word_of(enum: Any, number: int) -> str:
    """A value without its prefix, or the number of one that a newer program knows."""
    values = enum.DESCRIPTOR.values_by_number
    if number not in values:
        return str(number)
    return str(values[number].name.removeprefix(values[0].name.removesuffix("UNSPECIFIED")))


def blob_of(entry: records.ReconciliationEntry) -> bytes | None:
    """Digest of the stored bytes that an entry is about."""
    found = _BLOB.match(entry.object)
    return bytes.fromhex(found[1]) if found else None


def rule_id(name: str) -> str:
    """The rule without its version."""
    return name.partition("/")[0]


# --- filters ---


def check_filter(asked: log.LogFilter) -> log.LogFilter:
    """The filter itself; FilterInvalid (FED-7040) for one that says something impossible."""
    for name, values in _lists(asked):
        if len(values) > LOG_FILTER_VALUES_MAX:
            raise FilterInvalid(f"more than {LOG_FILTER_VALUES_MAX} values of {name}")
        if any(not value for value in values):
            raise FilterInvalid(f"an empty value of {name}")
    texts = (*asked.node_ids, *asked.provinces, *asked.rules, asked.package, asked.run)
    if any(len(text) > LOG_FILTER_VALUE_CHARACTERS_MAX for text in texts):
        raise FilterInvalid(f"a value is longer than {LOG_FILTER_VALUE_CHARACTERS_MAX} characters")
    since, until = span_of(asked)
    if since and until and since >= until:
        raise FilterInvalid("it ends before it begins")
    asked_words(asked.text)
    return asked


def span_of(asked: log.LogFilter) -> tuple[datetime | None, datetime | None]:
    """From when, and before when; None means no bound."""
    return (
        _bound(asked.since_time) if asked.HasField("since_time") else None,
        _bound(asked.until_time) if asked.HasField("until_time") else None,
    )


def asked_words(text: str) -> list[str]:
    """Words to look for, folded; one that ends in "*" stands for a beginning."""
    folded = _folded(text)
    words = list(dict.fromkeys(_ASKED.findall(folded)))
    if len(words) > LOG_FILTER_WORDS_MAX:
        raise FilterInvalid(f"more than {LOG_FILTER_WORDS_MAX} words")
    if text.strip() and not words:
        raise FilterInvalid("its text has no letter and no digit")
    for word in words:
        if word.endswith("*") and len(word) <= LOG_PREFIX_CHARACTERS_MIN:
            least = LOG_PREFIX_CHARACTERS_MIN
            raise FilterInvalid(f'at least {least} characters must stand before "*"')
    return [
        word[:LOG_WORD_CHARACTERS_MAX]
        if not word.endswith("*")
        else word[:-1][:LOG_WORD_CHARACTERS_MAX] + "*"
        for word in words
    ]


def passes(
    asked: log.LogFilter,
    line: log.LogEntry,
    record: records.ReconciliationRecorded,
    packages: Collection[str] = (),
) -> bool:
    """Whether a line passes; `packages` are the opened ones that it is known to be about."""
    since, until = span_of(asked)
    begin = moment(line.begin_time)
    return (
        (since is None or begin >= since)
        and (until is None or begin < until)
        and _one_of(asked.node_ids, line.node_id)
        and _one_of(asked.provinces, line.province)
        and _one_of(asked.classifications, line.entry.classification)
        and _rule_passes(asked.rules, line.entry.rule)
        and _one_of(asked.triggers, line.trigger)
        and _one_of(asked.states, line.state)
        and _run_passes(asked.run, line)
        and asked.package in ("", *packages)
        and not (asked.heads_unequal and record.heads_equal)
        and not (
            asked.with_difference and line.entry.classification == records.CLASSIFICATION_MATCH
        )
        and _text_passes(asked.text, record, line.entry)
    )


def _rule_passes(rules: Iterable[str], name: str) -> bool:
    return _one_of(list(rules), name) or rule_id(name) in rules


def _run_passes(text: str, line: log.LogEntry) -> bool:
    asked = run_names.parse(text)
    if not text or text == line.run:
        return True
    # A line whose place is not known is told apart by where it stands in its file.
    same = asked.base == run_names.parse(line.run).base
    return same and (not line.epoch or asked.fits(line.epoch, line.index))


def _text_passes(
    text: str, record: records.ReconciliationRecorded, entry: records.ReconciliationEntry
) -> bool:
    wanted = asked_words(text)
    if not wanted:
        return True
    words = words_of(record, entry)
    return all(
        any(one.startswith(word[:-1]) for one in words) if word.endswith("*") else word in words
        for word in wanted
    )


def _one_of(values: Collection[object], value: object) -> bool:
    return not values or value in values


def _lists(asked: log.LogFilter) -> list[tuple[str, Collection[object]]]:
    return [
        ("node", list(asked.node_ids)),
        ("province", list(asked.provinces)),
        ("classification", list(asked.classifications)),
        ("rule", list(asked.rules)),
        ("trigger", list(asked.triggers)),
        ("state", list(asked.states)),
    ]


def _bound(time: Timestamp) -> datetime:
    return moment(time).astimezone(UTC)


def _words(text: str) -> list[str]:
    return _WORD.findall(_folded(text))


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in plain if not unicodedata.combining(one))
