"""A reconciliation run told as prose, in Indonesian or English, for both programs.

Owns which sentences a run needs, in which order: what started it, how long the link was away and
why, what each side held, how it was compared, what was decided and why, what moved, what waits for
a person, and the proof that the heads are equal. Rules: every number in the story stands in the
record; a run that found no difference is one line with its proof. Leaves out the words
(`recon_words`) and the record's JSON form, which is never translated.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from lpse.federation.recon_log import state_of
from lpse.federation.reconciliation_rules import reason_of
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1.journal_pb2 import Head
from lpse.terminal.recon_words import (
    NO_GOOD_COPY,
    class_word,
    outcome_word,
    sentence,
    trigger_word,
)
from lpse.terminal.words import date_text, duration_text, language, size_text

__all__ = ["NO_GOOD_COPY", "story", "summary", "with_difference"]


def story(
    record: records.ReconciliationRecorded, zone: str, now: Iterable[log.LogEntry] = ()
) -> list[str]:
    """The run in sentences, one per line; times in `zone`; `now` is how its entries stand today."""
    legal = record.legal_time.ToDatetime(tzinfo=UTC)
    lines = [
        sentence(
            "title",
            run=record.run,
            trigger=trigger_word(record.trigger),
            time=date_text(legal, zone),
        )
    ]
    lines += _road(record)
    if record.trigger == records.RECONCILIATION_TRIGGER_SCRUB:
        return [*lines, *map(_decision, record.entries), sentence(_healed(record))]
    if record.heads_equal and not with_difference(record):
        return [*lines, sentence("equal", **_after(record))]
    return [*lines, *_known(record), *_decided(record), *_moved(record), *_ended(record, now)]


def with_difference(record: records.ReconciliationRecorded) -> bool:
    """Whether the run found anything but agreement."""
    return any(one.classification != records.CLASSIFICATION_MATCH for one in record.entries)


def summary(record: records.ReconciliationRecorded) -> str:
    """What the run found, in a few words for one cell of a table."""
    counts: dict[str, int] = {}
    for one in record.entries:
        if one.classification != records.CLASSIFICATION_MATCH:
            word = class_word(one.classification)
            counts[word] = counts.get(word, 0) + one.count
    words = [f"{word} {count}" if count else word for word, count in counts.items()]
    return ", ".join(words) or class_word(records.CLASSIFICATION_MATCH)


def _road(record: records.ReconciliationRecorded) -> list[str]:
    lines: list[str] = []
    if record.link_down_seconds >= 1 or record.attempts > 1:
        down, wait = duration_text(record.link_down_seconds), duration_text(record.wait_seconds)
        lines.append(sentence("road", down=down, attempts=record.attempts, wait=wait))
    if record.cause:
        lines.append(sentence("cause", cause=record.cause.rstrip(".")))
    return lines


def _known(record: records.ReconciliationRecorded) -> list[str]:
    """What each side held when it began, and how that was compared."""
    lines: list[str] = []
    if record.HasField("node_head_before"):
        node, centre = _held(record, "node_head_before"), _held(record, "centre_copy_before")
        lines.append(sentence("known_node", node=node, centre=centre))
    shown = record.HasField("national_copy_before") or record.protocol  # else nobody compared it
    if record.HasField("national_head_before") and shown:
        node, centre = (
            _held(record, "national_copy_before"),
            _held(record, "national_head_before"),
        )
        lines.append(sentence("known_national", node=node, centre=centre))
    if lines and record.protocol:
        lines.append(sentence("compared", protocol=record.protocol))
    return lines


def _decided(record: records.ReconciliationRecorded) -> list[str]:
    lines: list[str] = []
    for one in record.entries:
        lines.append(_decision(one))
        if one.reason and one.classification != records.CLASSIFICATION_MATCH:
            reason = reason_of(one, language()).rstrip(".")
            lines.append(sentence("reason", reason=reason))
    return lines


def _moved(record: records.ReconciliationRecorded) -> list[str]:
    moved = sentence(
        "moved",
        sent=record.entries_sent,
        received=record.entries_received,
        blobs=record.blobs_verified,
        size=size_text(record.bytes_moved),
        duration=duration_text(record.duration_seconds),
    )
    sets = sentence(
        "sets",
        both=record.both_count,
        node=record.only_node_count,
        centre=record.only_centre_count,
        different=record.different_count,
    )
    return [moved, sets] if record.protocol else []


def _ended(record: records.ReconciliationRecorded, now: Iterable[log.LogEntry]) -> list[str]:
    closed = {line.number: line.resolved_by for line in now if line.resolved_by}
    asked = [
        number
        for number, one in enumerate(record.entries)
        if state_of(one) == log.ENTRY_STATE_NEEDS_PERSON
    ]
    waiting = [number for number in asked if number not in closed]
    lines = [
        sentence("answered", number=number, by=closed[number])
        for number in asked
        if number in closed
    ]
    if waiting:
        numbers = ", ".join(map(str, waiting))
        lines.append(sentence("person", numbers=numbers, run=record.run, first=waiting[0]))
    elif not asked:
        lines.append(sentence("nobody"))
    ended = sentence("closed", **_after(record)) if record.heads_equal else sentence("open")
    return [*lines, ended]


def _healed(record: records.ReconciliationRecorded) -> str:
    open_entries = any(one.outcome == NO_GOOD_COPY for one in record.entries)
    return "unhealed" if open_entries else "healed"


def _decision(one: records.ReconciliationEntry) -> str:
    return sentence(
        "decision",
        object=one.object,
        word=class_word(one.classification),
        count=one.count,
        outcome=outcome_word(one.outcome),
        rule=one.rule,
    )


def _after(record: records.ReconciliationRecorded) -> dict[str, str]:
    return {
        "node": _head(record.node_head_after),
        "national": _head(record.national_head_after),
    }


def _held(record: records.ReconciliationRecorded, name: str) -> str:
    return _head(getattr(record, name)) if record.HasField(name) else sentence("nothing_held")  # type: ignore[arg-type] # names of this module


def _head(head: Head) -> str:
    return f"{head.size} ({head.root.hex()[:12]}…)"
