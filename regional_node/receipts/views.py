"""What a receipt says, arranged for people: the same facts for page, print and JSON.

Owns labels (English message ids), the wording of verdicts and the order of facts. Rules: nothing is
shown that the signed text does not say, but its own digests and where to check it; instants are
never rounded up over a deadline; no journal index and no path, before the opening or after. Leaves
out layout (`templates`, `receipt.typ`) and languages (`locale`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from math import ceil
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal

from lpse.federation.commitments import CHANNEL_BIDDING_ROOM, SealedFile
from lpse.federation.errors import FederationError
from lpse.federation.notes import Verifier, parse_note
from lpse.federation.receipt_codes import code_of
from lpse.federation.receipts import VerifiedReceipt
from lpse.terminal.words import Words
from regional_node.pages.view import REASON_OTHER, REASONS

_VERDICTS: Final = {
    "ON_TIME": "Received before the deadline",
    "LATE": "Received after the deadline",
    "UNDETERMINED": "Cannot be told: the clock's error reaches across the deadline",
    "PENDING": "Not yet judged: the stage is held because of a disturbance",
}
_SHAPES: Final = {"ON_TIME": "✓", "LATE": "✕", "UNDETERMINED": "?", "PENDING": "…"}
_TONES: Final = {"ON_TIME": "good", "LATE": "bad", "UNDETERMINED": "warn", "PENDING": "warn"}
_BASES: Final = {
    "MEASURED": "measured against the centre",
    "OTHER_BOOT": "measured before the machine was last started",
    "UNMEASURED": "never measured against the centre",
}
_CLOCK: Final = {"id": "'pukul' HH.mm.ss", "en": "'at' HH:mm:ss"}


@dataclass(frozen=True, slots=True)
class Paper:
    """A verified receipt with what is derived from its bytes."""

    signed: bytes
    verified: VerifiedReceipt
    node_key: str
    public_url: str

    @property
    def code(self) -> str:
        """Short code."""
        return code_of(self.signed)

    @property
    def digest(self) -> str:
        """SHA-256 of the signed text."""
        return sha256(self.signed).hexdigest()

    @property
    def verify_url(self) -> str:
        """Where the code can be looked up; empty where the node publishes no address."""
        return verify_url(self.public_url, self.code)

    @property
    def text(self) -> Mapping[str, Any]:
        """The receipt's own fields."""
        return self.verified.document

    @property
    def zone(self) -> str:
        """In which people read its times."""
        return str(self.text["zone"])

    @property
    def verdict(self) -> str:
        """The verdict that was signed."""
        return str(self.text["verdict"])

    @property
    def shape(self) -> str:
        """Beside the word and the colour."""
        return _SHAPES.get(self.verdict, "•")

    @property
    def tone(self) -> str:
        """Class of the note on the page."""
        return _TONES.get(self.verdict, "warn")

    @property
    def exercise(self) -> bool:
        """Whether it was signed in an exercise."""
        return bool(self.text.get("exercise"))

    @property
    def files(self) -> tuple[SealedFile, ...]:
        """Its files."""
        return self.verified.details.files

    @property
    def qr_text(self) -> str:
        """The address of the check, or what can be compared by hand."""
        return self.verify_url or f"LPSE {self.verified.node}\n{self.code}\nSHA-256 {self.digest}"


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: its label as an English message id, its value, and small print beside it."""

    label: str
    value: str
    beside: str = ""
    strong: bool = False


def verify_url(public_url: str, code: str) -> str:
    """The public check of a code."""
    return f"{public_url.rstrip('/')}/verify?code={code}" if public_url else ""


def verdict_text(verdict: str, words: Words) -> str:
    """A verdict as a sentence."""
    return words(_VERDICTS.get(verdict, verdict))


def instant_text(moment: str, zone: str, language: str) -> str:
    """To the second, never rounded up: `Jumat, 27 Maret 2015 pukul 09.59.59 WIB`."""
    local = datetime.fromisoformat(moment).astimezone(ZoneInfo(zone))
    said = format_datetime(local, f"EEEE, d MMMM y {_CLOCK[language]}", locale=language)
    return f"{said} {local.tzname()}"


def facts(paper: Paper, words: Words) -> list[Fact]:
    """The facts of a receipt in the words of one language."""
    text, details = paper.text, paper.verified.details
    revision = words("Revision {number} of the schedule", number=text["schedule_revision"])
    held = words("The stage was held because of a disturbance") if text["held"] else ""
    listed = [
        Fact(
            "Received",
            _instant(paper, "accept_time", words),
            _utc(text, "accept_time"),
            strong=True,
        ),
        Fact("Deadline", _instant(paper, "deadline_time", words), _joined(revision, held)),
        Fact("Verdict", verdict_text(paper.verdict, words), paper.verdict, strong=True),
        Fact("Vendor", details.vendor, strong=True),
        Fact("Package code", details.package),
        Fact("Stage", details.stage),
        Fact("Channel", _channel(paper, words)),
        Fact("Intake key", details.intake_key),
        *_replaced(paper),
        Fact("Upload begun", _instant(paper, "begin_time", words), _utc(text, "begin_time")),
        *_submitted(paper, words),
        Fact("Clock", _clock(paper, words), _boot(text)),
        Fact("Not before", _national(paper, words)),
    ]
    extra = "; ".join(f"{key}: {_plain(value)}" for key, value in details.extra.items())
    return [*listed, *([Fact("Also given", extra)] if extra else [])]


def _submitted(paper: Paper, words: Words) -> list[Fact]:
    """The act that made whole files a bid, where it was an act of its own."""
    if "submit_time" not in paper.text:
        return []
    said = _instant(paper, "submit_time", words)
    return [Fact("Submitted", said, _utc(paper.text, "submit_time"))]


def attempt_facts(verified: VerifiedReceipt, words: Words) -> list[Fact]:
    """The facts of a proof of an attempt, which nothing was accepted by."""
    text, details, language = verified.document, verified.details, words.language
    zone = str(text["zone"])
    return [
        Fact(
            "Ended",
            instant_text(str(text["refuse_time"]), zone, language),
            _utc(text, "refuse_time"),
            strong=True,
        ),
        Fact("Reason", reason_text(str(text["reason"]), words), str(text["reason"]), strong=True),
        Fact("Bytes received", str(text["received_bytes"])),
        Fact("Deadline", instant_text(str(text["deadline_time"]), zone, language)),
        Fact("Vendor", details.vendor),
        Fact("Package code", details.package),
        Fact("Stage", details.stage),
        Fact("Upload begun", instant_text(str(text["begin_time"]), zone, language)),
    ]


def reason_text(reason: str, words: Words) -> str:
    """Why an attempt ended, as a sentence."""
    return words(REASONS.get(reason, REASON_OTHER))


def document(paper: Paper) -> dict[str, Any]:
    """The JSON form: every signed field, the signed text itself, and how to check it."""
    return {
        "kind": "RECEIPT",
        "code": paper.code,
        "receipt_sha256": paper.digest,
        "verify_url": paper.verify_url or None,
        "node_key": paper.node_key,
        **paper.text,
        "receipt": paper.signed.decode("utf-8"),
    }


def not_before(paper: VerifiedReceipt, centre: Verifier) -> tuple[int, str] | None:
    """Size of the national journal and its signer, where the receipt's national head is genuine."""
    national = paper.document["national"]
    if national is None:
        return None
    try:
        note = parse_note(str(national["checkpoint"]).encode())
        note.verify(centre)
        return int(note.text.split("\n")[1]), centre.name
    except (FederationError, ValueError, IndexError):
        return None


def _instant(paper: Paper, field: str, words: Words) -> str:
    return instant_text(str(paper.text[field]), paper.zone, words.language)


def _channel(paper: Paper, words: Words) -> str:
    details = paper.verified.details
    if details.channel == CHANNEL_BIDDING_ROOM:
        return words("Bidding Room, PC {seat}", seat=details.seat)
    return words("Over the network")


def _replaced(paper: Paper) -> list[Fact]:
    replaced = paper.verified.details.replaces
    return [Fact("Replaces the submission", replaced)] if replaced else []


def _clock(paper: Paper, words: Words) -> str:
    """How far the node's clock could be trusted, and what that rests on."""
    text, language = paper.text, words.language
    error = _seconds(text.get("clock_error_seconds"), language)
    if "clock_basis" not in text:
        return words("Off by at most {seconds} seconds", seconds=error)
    offset = _seconds(text.get("clock_offset_seconds"), language)
    said = words("Off by {offset} seconds, give or take {error}", offset=offset, error=error)
    basis = words(_BASES.get(str(text["clock_basis"]), str(text["clock_basis"])))
    return f"{said} ({basis})"


def _seconds(value: object, language: str) -> str:
    """To the millisecond, away from zero: an error is never made smaller."""
    number = float(value) if isinstance(value, int | float) else 0.0
    away = ceil(abs(number) * 1_000) / 1_000
    return format_decimal(away if number >= 0 else -away, format="#,##0.###", locale=language)


def _boot(text: Mapping[str, Any]) -> str:
    return f"boot {text['boot_id']}, {text['monotonic_seconds']} s"


def _national(paper: Paper, words: Words) -> str:
    national = paper.text["national"]
    size = _size_of(national)
    if size is None:
        return words("The node knew no national journal yet")
    return words("The national journal had {size} entries", size=size)


def _size_of(national: Any) -> int | None:
    try:
        return int(str(national["checkpoint"]).split("\n")[1])
    except (TypeError, KeyError, IndexError, ValueError):
        return None


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _utc(text: Mapping[str, Any], field: str) -> str:
    """As signed: with the microseconds that the words leave out."""
    return f"UTC {str(text[field]).removesuffix('Z').replace('T', ' ')}"


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
