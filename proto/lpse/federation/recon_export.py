"""Exports of the reconciliation log: the form of the file, in two spellings.

Owns rows, spelling and header. A file is a header of fixed length (filter, time, who, number of
rows, SHA-256 of what follows, head of the exporter's journal, its signature), then by journal: the
signed head, and for each run its journal entry verbatim with the inclusion path, followed by the
entries that pass. Rules: one spelling per row; a cell of a CSV never begins like a formula (an
apostrophe stands before it). Leaves out checking (`recon_export_check`) and whom to ask for rows.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf.json_format import MessageToDict

from lpse.federation.acts import canonical
from lpse.federation.checkpoints import Head, head_to_note
from lpse.federation.entries import moment
from lpse.federation.errors import Refused
from lpse.federation.limits import EXPORT_HEADER_BYTES, EXPORT_PIECE_BYTES
from lpse.federation.notes import Signer, Verifier
from lpse.federation.recon_log import word_of
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records

FORMAT: Final = "lpse-federation reconciliation export/1"
COLUMNS: Final = (
    "type", "run", "number", "node_id", "province", "begin_time", "trigger", "state",
    "resolved_by", "classification", "object", "rule", "reason", "outcome", "count", "actor",
    "hash_after", "node_evidence", "centre_evidence", "epoch", "index", "json",
)  # fmt: skip
# Spreadsheets take the wide ones for formulas too.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Header:
    """What an export says about itself; signed by the party that made it."""

    form: str
    filter: Mapping[str, Any]
    export_time: str
    exported_by: str
    party: str
    key: str
    head: str
    runs: int
    rows: int
    body_bytes: int
    sha256: str

    def document(self) -> dict[str, Any]:
        """The JSON form, without the signature."""
        return {"type": "header", "format": FORMAT, **asdict(self)}

    def signed_bytes(self) -> bytes:
        """What the signature covers."""
        return FORMAT.encode() + b"\n" + canonical(self.document())


@dataclass(frozen=True, slots=True)
class About:
    """What is exported, when by the wall clock, and for whom."""

    filter: log.LogFilter
    time: datetime
    person: str


class Spelling:
    """How rows become bytes: `jsonl` or `csv`."""

    def __init__(self, form: str) -> None:
        assert form in ("jsonl", "csv"), form
        self.form = form

    def row(self, row: Row) -> bytes:
        """One row with its line end."""
        if self.form == "jsonl":
            return canonical(row) + b"\n"
        named = {name: row[name] for name in COLUMNS[:-1] if name in row}
        rest = {name: value for name, value in row.items() if name not in named}
        if rest:
            named["json"] = canonical(rest).decode()
        return _csv([_cell(named.get(name, "")) for name in COLUMNS])

    def front(self, header: Header, signature: bytes) -> bytes:
        """The header in its room; Refused (FED-7040) where the filter is too long for it."""
        document = header.document() | {"signature": base64.b64encode(signature).decode()}
        text = canonical(document).decode()
        if self.form == "jsonl":
            before, after = text, "\n"
        else:
            titles = _csv(list(COLUMNS)).decode()
            quoted = text.replace('"', '""')
            before = f'{titles}header{"," * (len(COLUMNS) - 1)}"{quoted}'
            after = '"\r\n'
        room = EXPORT_HEADER_BYTES - len(before.encode()) - len(after)
        if room < 0:
            raise Refused("FED-7040", "this filter of the log is too long for an export")
        return before.encode() + b" " * room + after.encode()


class Writing:
    """A file as it grows: what was written since the last piece, and what its header will say."""

    def __init__(self, form: str) -> None:
        self._spelling = Spelling(form)
        self._digest = hashlib.sha256()
        self._piece = bytearray()
        self._size = 0
        self.runs = 0
        self.rows = 0

    def add(self, row: Row) -> None:
        """One more row; runs and entries are counted."""
        data = self._spelling.row(row)
        self._digest.update(data)
        self._piece += data
        self._size += len(data)
        self.runs += row["type"] == "run"
        self.rows += row["type"] == "entry"

    def full(self) -> bool:
        """Whether a piece has grown to its size."""
        return len(self._piece) >= EXPORT_PIECE_BYTES

    def take(self) -> bytes:
        """What was written since the last call."""
        piece, self._piece = bytes(self._piece), bytearray()
        return piece

    def front(self, about: About, head: Head, signer: Signer) -> bytes:
        """The signed header, once the last row was added."""
        header = Header(
            form=self._spelling.form,
            filter=filter_document(about.filter),
            export_time=instant_text(about.time),
            exported_by=about.person,
            party=signer.name,
            key=signer.verifier.text,
            head=head_to_note(head, signer.verifier).decode(),
            runs=self.runs,
            rows=self.rows,
            body_bytes=self._size,
            sha256=self._digest.hexdigest(),
        )
        return self._spelling.front(header, signer.sign(header.signed_bytes()))


# --- rows ---


def journal_row(head: Head, key: Verifier) -> dict[str, Any]:
    """A journal and the signed head to which the paths of its runs lead."""
    return {
        "type": "journal",
        "node_id": head.party,
        "epoch": head.epoch.hex(),
        "key": key.text,
        "head": head_to_note(head, key).decode(),
    }


def run_row(name: str, index: int, entry: bytes, path: Sequence[bytes]) -> dict[str, Any]:
    """A run's journal entry, byte by byte, and its path."""
    return {
        "type": "run",
        "run": name,
        "index": index,
        "entry": base64.b64encode(entry).decode(),
        "path": [base64.b64encode(one).decode() for one in path],
    }


def entry_row(line: log.LogEntry) -> dict[str, Any]:
    """One entry of the log."""
    one = line.entry
    return {
        "type": "entry",
        "run": line.run,
        "number": line.number,
        "node_id": line.node_id,
        "province": line.province,
        "begin_time": instant_text(moment(line.begin_time)),
        "trigger": word_of(records.ReconciliationTrigger, line.trigger),
        "state": word_of(log.EntryState, line.state),
        "resolved_by": line.resolved_by,
        "classification": word_of(records.Classification, one.classification),
        "object": one.object,
        "rule": one.rule,
        "reason": one.reason,
        "outcome": one.outcome,
        "count": one.count,
        "actor": one.actor,
        "hash_after": one.hash_after.hex(),
        "node_evidence": one.node_evidence.decode(errors="replace"),
        "centre_evidence": one.centre_evidence.decode(errors="replace"),
    }


def filter_document(asked: log.LogFilter) -> dict[str, Any]:
    """A filter as it stands in a header."""
    found: dict[str, Any] = MessageToDict(asked, preserving_proto_field_name=True)
    return found


def instant_text(instant: datetime) -> str:
    """RFC 3339 in UTC."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plain_cell(cell: str) -> str:
    """The value behind a cell of a CSV."""
    return cell.removeprefix("'")


def read_json(text: str | bytes) -> Any:
    """JSON without the spellings that Python alone takes."""
    return json.loads(text, parse_constant=_no_constant)


def _no_constant(text: str) -> None:
    raise ValueError(text)


def _cell(value: Any) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode()
