"""What the upload page shows of a grant's state: pure, from the document of `/g/{grant}/state`.

Owns the words for verdicts and ends of attempts and what is said about the time that is left.
Rule: word and shape and colour, never colour alone. Leaves out languages and markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

State = Mapping[str, Any]
_REASON_PREFIX: Final = "REFUSAL_REASON_"


@dataclass(frozen=True, slots=True)
class Mark:
    """A word (an English message id) with its shape and tone."""

    text: str
    shape: str
    tone: str


_VERDICTS: Final[Mapping[str, Mark]] = {
    "ON_TIME": Mark("On time", "✓", "good"),
    "LATE": Mark("Late", "■", "bad"),
    "PENDING": Mark("Waiting for the committee's decision", "◆", "warn"),
    "UNDETERMINED": Mark("Not determined: the clock's error covers the deadline", "◆", "warn"),
}
_VERDICT_OTHER: Final = Mark("Verdict: see the receipt", "◆", "warn")
REASONS: Final[Mapping[str, str]] = {
    "STAGE_CLOSED": "Begun after the deadline",
    "TOO_LARGE": "Larger than allowed",
    "NO_SPACE": "No room on the disk of the LPSE",
    "BROKEN": "The bytes ended early or changed on the way",
    "INVALID": "The request was not valid",
    "EXPIRED": "Not finished before it expired",
    "TERMINATED": "Removed by the uploader",
    "REVOKED": "The upload address was closed",
}
REASON_OTHER: Final = "Ended without a bid"
_LEFT: Final = (
    "The deadline has passed",
    "{days} d {hours} h left",
    "{hours} h {minutes} min left",
    "{minutes} min {seconds} s left",
)


@dataclass(frozen=True, slots=True)
class Left:
    """The time until the deadline at the moment of rendering; `text` is a message id."""

    text: str
    fields: Mapping[str, int]
    passed: bool


def left_of(state: State) -> Left:
    """How much time is left by the LPSE's clock."""
    seconds = int((_moment(state["deadline_time"]) - _moment(state["now"])).total_seconds())
    passed, in_days, in_hours, in_minutes = _LEFT
    if seconds <= 0:
        return Left(passed, {}, True)
    days, rest = divmod(seconds, 86_400)
    hours, minutes = rest // 3_600, rest % 3_600 // 60
    if days:
        return Left(in_days, {"days": days, "hours": hours}, False)
    if hours:
        return Left(in_hours, {"hours": hours, "minutes": minutes}, False)
    return Left(in_minutes, {"minutes": minutes, "seconds": rest % 60}, False)


def texts() -> tuple[str, ...]:
    """Every message id that this module may give to a page."""
    verdicts = (*_VERDICTS.values(), _VERDICT_OTHER)
    return (*(mark.text for mark in verdicts), *REASONS.values(), REASON_OTHER, *_LEFT)


def pending_files(state: State) -> list[Mapping[str, Any]]:
    """Files that are on their way to a bid."""
    return [file for file in state["files"] if file["state"] in ("RECEIVING", "WHOLE")]


def submissions(state: State) -> list[dict[str, Any]]:
    """Submitted bids, the newest first, each with its files and what replaced it."""
    files = {file["id"]: file for file in state["files"]}
    replaced = {bid["replaces"]: bid["number"] for bid in state["submissions"] if bid["replaces"]}
    shown = []
    for bid in state["submissions"]:
        named = [files[name] for name in bid["files"] if name in files]
        shown.append(
            {
                **bid,
                "files": named,
                "size_bytes": sum(file["size_bytes"] for file in named),
                "verdict": _VERDICTS.get(bid["verdict"], _VERDICT_OTHER),
                "replaced_by": replaced.get(bid["number"]),
            }
        )
    return shown[::-1]


def attempts(state: State) -> Sequence[dict[str, Any]]:
    """Attempts that did not become a bid, the newest first, their reasons in words."""
    return [
        {
            **attempt,
            "reason": REASONS.get(attempt["reason"].removeprefix(_REASON_PREFIX), REASON_OTHER),
        }
        for attempt in reversed(state["attempts"])
    ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
