"""Checking an export of the reconciliation log, offline.

Owns the whole check: the header is signed by the exporter's key that the reader brought along; what
follows has the header's digest; every run is an entry of a journal whose head its writer signed;
every row says what the run's record says, and passes the filter. Rules: a file has one spelling, so
that no byte can be changed, moved, added or left out unseen; memory holds one run at a time. The
exporter's own word, covered by its signature, is: province, state, what resolved an entry, the keys
of nodes, and that no row is missing. Leaves out where the key comes from.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from google.protobuf.json_format import ParseDict, ParseError

from lpse.federation.acts import CENTRE_PARTY
from lpse.federation.checkpoints import Head, head_from_note
from lpse.federation.entries import DecodedEntry, decode_entry, timestamp
from lpse.federation.errors import FederationError, Refused
from lpse.federation.kinds import record_of
from lpse.federation.limits import EXPORT_HEADER_BYTES, EXPORT_LINE_BYTES_MAX
from lpse.federation.merkle import leaf_hash, verify_inclusion
from lpse.federation.notes import Verifier
from lpse.federation.recon_export import (
    COLUMNS,
    FORMAT,
    Header,
    Spelling,
    entry_row,
    plain_cell,
    read_json,
)
from lpse.federation.recon_log import begin_of, lines_of, passes
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records

# What a forged row, number or text may make of the reading of it.
_UNREADABLE: Final = (
    ValueError,
    LookupError,
    ArithmeticError,
    TypeError,
    AttributeError,
    csv.Error,
    RecursionError,
)


class ExportInvalid(Refused):
    """The file is not an export, or not the one that was signed."""

    def __init__(self, detail: str) -> None:
        super().__init__("FED-7043", f"the export does not verify: {detail}")


@dataclass(frozen=True, slots=True)
class Report:
    """What a verified export holds."""

    header: Header
    journals: int
    runs: int
    rows: int


@dataclass(slots=True)
class _Place:
    """Where the reading of the file stands."""

    head: Head | None = None
    entry: DecodedEntry | None = None
    record: records.ReconciliationRecorded | None = None
    lines: list[log.LogEntry] = field(default_factory=list)  # what the log tells of the record
    number: int = -1
    journals: int = 0
    runs: int = 0
    rows: int = 0
    seen: set[tuple[str, bytes]] = field(default_factory=set)
    indexes: set[int] = field(default_factory=set)


def verify_export(source: BinaryIO, key: Verifier, node_keys: Collection[Verifier] = ()) -> Report:
    """Check a whole file with the exporter's key; `node_keys` are those that the reader pinned."""
    header, asked = _header(source, key)
    place = _Place()
    body = _Body(source)
    try:
        for row in _rows(header.form, body):
            _take(place, row, asked, node_keys)
    except FederationError:
        raise
    except _UNREADABLE as error:
        raise ExportInvalid(f"row {place.rows + 1} cannot be read") from error
    if (body.size, body.digest.hexdigest()) != (header.body_bytes, header.sha256):
        raise ExportInvalid("what follows the header is not what was signed")
    if (place.runs, place.rows) != (header.runs, header.rows):
        raise ExportInvalid("it holds another number of runs or entries than its header says")
    return Report(header, place.journals, place.runs, place.rows)


def form_of(front: bytes) -> str:
    """`jsonl` or `csv`, as the first byte tells."""
    return "jsonl" if front[:1] == b"{" else "csv"


# --- the header ---


def header_of(front: bytes) -> Header:
    """What a header says, unverified; ExportInvalid where it is none."""
    return _parsed(front)[0]


def _header(source: BinaryIO, key: Verifier) -> tuple[Header, log.LogFilter]:
    header, asked, signature = _parsed(source.read(EXPORT_HEADER_BYTES))
    if header.key != key.text or header.party != key.name:
        raise ExportInvalid(f"it was not made by the holder of the key of {key.name}")
    key.verify(header.signed_bytes(), signature)
    head_from_note(header.head.encode(), key)
    return header, asked


def _parsed(front: bytes) -> tuple[Header, log.LogFilter, bytes]:
    form = form_of(front)
    try:
        text = front.decode()
        if form == "csv":
            document = read_json(list(csv.reader(text.splitlines(keepends=True)))[1][-1])
        else:
            document = read_json(text)
        signature = base64.b64decode(document.pop("signature"), validate=True)
        kind, spelled = document.pop("type"), document.pop("format")
        header = Header(**document)
        asked = ParseDict(dict(header.filter), log.LogFilter())
        again = Spelling(form).front(header, signature)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, csv.Error) as error:
        raise ExportInvalid("its header cannot be read") from error
    except (ParseError, Refused, RecursionError) as error:
        raise ExportInvalid("its header cannot be read") from error
    if kind != "header" or spelled != FORMAT or again != front or header.form != form:
        raise ExportInvalid("its header is spelled in another way")
    return header, asked, signature


# --- the body ---


class _Body:
    """Lines of what follows the header, hashed as they go by."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.digest = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        while line := self._source.readline(EXPORT_LINE_BYTES_MAX + 1):
            if len(line) > EXPORT_LINE_BYTES_MAX:
                raise ExportInvalid(f"a line is longer than {EXPORT_LINE_BYTES_MAX} bytes")
            self.digest.update(line)
            self.size += len(line)
            yield line


def _rows(form: str, body: _Body) -> Iterator[dict[str, Any]]:
    if form == "jsonl":
        yield from map(read_json, body)
        return
    csv.field_size_limit(EXPORT_LINE_BYTES_MAX)
    for cells in csv.reader(line.decode() for line in body):
        row: dict[str, Any] = {
            name: plain_cell(cell)
            for name, cell in zip(COLUMNS, cells, strict=True)
            if cell and name != "json"
        }
        yield row | (read_json(cells[-1]) if cells[-1] else {})


def _take(
    place: _Place, row: dict[str, Any], asked: log.LogFilter, node_keys: Collection[Verifier]
) -> None:
    match row["type"]:
        case "journal":
            _take_journal(place, row, node_keys)
        case "run":
            _take_run(place, row)
        case "entry":
            _take_entry(place, row, asked)
        case _:
            raise ExportInvalid("it holds a row of an unknown type")


def _take_journal(place: _Place, row: dict[str, Any], node_keys: Collection[Verifier]) -> None:
    key = Verifier.parse(row["key"])
    pinned = {one.public for one in node_keys if one.name == key.name}  # several after a recovery
    if pinned and key.public not in pinned:
        raise ExportInvalid(f"{key.name} has another key than the one that was pinned")
    head = head_from_note(row["head"].encode(), key)
    if (head.party, head.epoch.hex()) != (row["node_id"], row["epoch"]):
        raise ExportInvalid("a journal's head is that of another journal")
    if (head.party, head.epoch) in place.seen:
        raise ExportInvalid("a journal occurs twice")
    place.seen.add((head.party, head.epoch))
    place.head, place.record, place.indexes = head, None, set()
    place.journals += 1


def _take_run(place: _Place, row: dict[str, Any]) -> None:
    head = place.head
    if head is None:
        raise ExportInvalid("a run stands before its journal")
    index, data = int(row["index"]), _bytes(row["entry"])
    verify_inclusion(index, head.size, leaf_hash(data), list(map(_bytes, row["path"])), head.root)
    entry = decode_entry(data)
    record = record_of(entry.kind, entry.payload)
    if not isinstance(record, records.ReconciliationRecorded) or record.run != row["run"]:
        raise ExportInvalid(f"entry {index} of the journal is not the run that the row names")
    if index in place.indexes:
        raise ExportInvalid(f"{record.run} occurs twice")
    place.indexes.add(index)
    place.entry, place.record, place.number = entry, record, -1
    writer = "" if head.party == CENTRE_PARTY else head.party  # a finding may be about no node
    place.lines = lines_of(record, record.node_id or writer, "")
    place.runs += 1


def _take_entry(place: _Place, row: dict[str, Any], asked: log.LogFilter) -> None:
    head, entry, record = place.head, place.entry, place.record
    if head is None or entry is None or record is None or record.run != row["run"]:
        raise ExportInvalid("an entry stands outside of its run")
    number = int(row["number"])
    if number <= place.number:
        raise ExportInvalid(f"the entries of {record.run} are not in their order")
    line = place.lines[number]
    line.province = str(row.get("province", ""))
    line.begin_time.CopyFrom(timestamp(begin_of(record) or entry.record_time))
    line.state = log.EntryState.Value(f"ENTRY_STATE_{row['state']}")
    line.resolved_by = str(row.get("resolved_by", ""))
    expected = entry_row(line)
    found = {name: str(value) for name, value in row.items() if value != ""}
    if found != {name: str(value) for name, value in expected.items() if value != ""}:
        raise ExportInvalid(f"entry {number} of {record.run} is not what was journalled")
    if not passes(asked, line, record, [asked.package]):
        raise ExportInvalid(f"entry {number} of {record.run} does not pass the filter")
    place.number = number
    place.rows += 1


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ExportInvalid("a value is not base64") from error
