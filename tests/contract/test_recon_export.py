"""Exports of the reconciliation log verify offline, and nothing in them can be changed unseen."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpse.federation.checkpoints import Head, sign_head
from lpse.federation.entries import DecodedEntry, encode_entry, timestamp
from lpse.federation.errors import FederationError, Refused
from lpse.federation.limits import EXPORT_HEADER_BYTES
from lpse.federation.merkle import inclusion_proof, leaf_hash, root_of
from lpse.federation.merkle_paths import PathTree
from lpse.federation.notes import Signer
from lpse.federation.recon_export import About, Writing, entry_row, journal_row, run_row
from lpse.federation.recon_export_check import verify_export
from lpse.federation.recon_log import lines_of
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
CENTRE = Signer.from_seed("lkpp", b"c" * 32)
NODES = [Signer.from_seed(f"lpse-{name}", name.encode() * 32) for name in "ab"]
OBJECTS = (
    '=HYPERLINK("http://x")',
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\tx",
    "'quoted",
    'a "b", c\nd',
    "regional 1..2",
)
FORMS = ("jsonl", "csv")


def recorded(party: str, number: int) -> records.ReconciliationRecorded:
    """A run with two entries whose texts are unpleasant for spreadsheets."""
    return records.ReconciliationRecorded(
        run=f"recon/{party}/{number}",
        trigger=records.RECONCILIATION_TRIGGER_RECONNECT,
        legal_time=timestamp(NOW),
        entries=[
            records.ReconciliationEntry(
                object=OBJECTS[(number + at) % len(OBJECTS)],
                classification=records.CLASSIFICATION_DIFFERENT,
                rule="R-X/1",
                reason="selisih",
                outcome="kept both",
                count=number,
                node_evidence=b'{"size":1}',
            )
            for at in range(2)
        ],
    )


def exported(form: str, asked: log.LogFilter | None = None, runs: int = 5) -> bytes:
    """A whole file over two nodes' journals, as a server would write it."""
    writing = Writing(form)
    for signer in NODES:
        made = [recorded(signer.name, number) for number in range(runs)]
        raw = [
            encode_entry(
                DecodedEntry(
                    "reconciliation.recorded", bytes([at]) * 16, NOW, one.SerializeToString()
                )
            )
            for at, one in enumerate(made)
        ]
        leaves = [leaf_hash(data) for data in raw]
        head = sign_head(signer, b"e" * 16, len(raw), root_of(leaves))
        writing.add(journal_row(head, signer.verifier))
        for index, record in enumerate(made):
            path = inclusion_proof(leaves, index)
            writing.add(run_row(record.run, index, raw[index], path))
            for line in lines_of(record, signer.name, "ID-JI"):
                writing.add(entry_row(line))
    head = sign_head(CENTRE, b"n" * 16, 1, b"r" * 32)
    front = writing.front(About(asked or log.LogFilter(), NOW, "siti"), head, CENTRE)
    return front + writing.take()


@pytest.mark.parametrize("form", FORMS)
def test_an_export_verifies_with_the_exporters_key_alone(form: str) -> None:
    """The report counts what the file holds and says who made it."""
    report = verify_export(io.BytesIO(exported(form)), CENTRE.verifier)
    assert (report.journals, report.runs, report.rows) == (2, 10, 20)
    assert (report.header.exported_by, report.header.party) == ("siti", "lkpp")


@pytest.mark.parametrize("form", FORMS)
def test_a_finding_of_the_centre_that_is_about_no_node_verifies(form: str) -> None:
    """Damage of the national journal belongs to nobody's node; the export that tells it is true."""
    record = recorded("lkpp", 6)
    raw = encode_entry(
        DecodedEntry("reconciliation.recorded", b"f" * 16, NOW, record.SerializeToString())
    )
    head = sign_head(CENTRE, b"n" * 16, 1, root_of([leaf_hash(raw)]))
    writing = Writing(form)
    writing.add(journal_row(head, CENTRE.verifier))
    writing.add(run_row(record.run, 0, raw, []))
    for line in lines_of(record, "", ""):
        writing.add(entry_row(line))
    front = writing.front(About(log.LogFilter(), NOW, "siti"), head, CENTRE)
    assert verify_export(io.BytesIO(front + writing.take()), CENTRE.verifier).rows == 2


@pytest.mark.parametrize("form", FORMS)
def test_a_run_that_had_nothing_to_decide_is_a_row_that_verifies(form: str) -> None:
    """Its one row is bound to its record: more rows, or another word on it, are noticed."""
    signer, record = NODES[0], recorded(NODES[0].name, 1)
    del record.entries[:]
    raw = encode_entry(
        DecodedEntry("reconciliation.recorded", b"q" * 16, NOW, record.SerializeToString())
    )
    head = sign_head(signer, b"e" * 16, 1, root_of([leaf_hash(raw)]))
    (row,) = (entry_row(line) for line in lines_of(record, signer.name, ""))

    def written(*rows: dict[str, Any]) -> io.BytesIO:
        writing = Writing(form)
        writing.add(journal_row(head, signer.verifier))
        writing.add(run_row(record.run, 0, raw, []))
        for one in rows:
            writing.add(one)
        own = sign_head(CENTRE, b"n" * 16, 1, b"r" * 32)
        front = writing.front(About(log.LogFilter(), NOW, "siti"), own, CENTRE)
        return io.BytesIO(front + writing.take())

    assert verify_export(written(row), CENTRE.verifier).rows == 1
    for rows in ((row | {"number": 1},), (row, row | {"number": 1}), (row | {"object": "x"},)):
        with pytest.raises(FederationError):
            verify_export(written(*rows), CENTRE.verifier)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 1 << 30), flip=st.integers(1, 255))
def test_no_byte_can_be_changed(form: str, place: int, flip: int) -> None:
    """One changed byte anywhere, the padding of the header included, and it does not verify."""
    data = bytearray(FILES[form])
    at = place % (len(data) * 2)
    if at >= len(data):  # half of the cases hit the text of the header, not its padding
        at = at % 2_000
    data[at] ^= flip
    with pytest.raises(FederationError):
        verify_export(io.BytesIO(bytes(data)), CENTRE.verifier)


def _without(lines: list[bytes], at: int) -> list[bytes]:
    return lines[:at] + lines[at + 1 :]


def _twice(lines: list[bytes], at: int) -> list[bytes]:
    return [*lines[: at + 1], *lines[at:]]


def _swapped(lines: list[bytes], at: int) -> list[bytes]:
    other = (at + 1) % len(lines)
    moved = list(lines)
    moved[at], moved[other] = lines[other], lines[at]
    return moved


@pytest.mark.parametrize("change", [_without, _twice, _swapped])
@pytest.mark.parametrize("form", FORMS)
def test_no_row_can_be_left_out_repeated_or_moved(
    form: str, change: Callable[[list[bytes], int], list[bytes]]
) -> None:
    """Every line of the file, taken out, doubled or exchanged with the next, is noticed."""
    data = FILES[form]
    lines = data[EXPORT_HEADER_BYTES:].splitlines(keepends=True)
    for at in range(len(lines)):
        changed = change(lines, at)
        if changed == lines:
            continue
        with pytest.raises(FederationError):
            verify_export(
                io.BytesIO(data[:EXPORT_HEADER_BYTES] + b"".join(changed)), CENTRE.verifier
            )


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_was_cut_off_does_not_verify(form: str) -> None:
    """However short the rest is, and also with another file's header."""
    data = FILES[form]
    for size in (0, 10, EXPORT_HEADER_BYTES - 1, EXPORT_HEADER_BYTES, len(data) - 1):
        with pytest.raises(FederationError):
            verify_export(io.BytesIO(data[:size]), CENTRE.verifier)
    other = exported(form, runs=4)[:EXPORT_HEADER_BYTES]
    with pytest.raises(Refused, match="not what was signed"):
        verify_export(io.BytesIO(other + data[EXPORT_HEADER_BYTES:]), CENTRE.verifier)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", 99),
        ("number", 10**30),
        ("number", 1e308),
        ("number", -1),
        ("index", 10**40),
        ("state", "ODD"),
        ("path", [1]),
        ("entry", 5),
        ("type", []),
    ],
)
def test_a_forged_row_is_refused_in_words(field: str, value: Any) -> None:
    """Whoever checks a stranger's file is told what is wrong with it, not of a bug."""
    whole = exported("jsonl")
    front, lines = whole[:EXPORT_HEADER_BYTES], whole[EXPORT_HEADER_BYTES:].splitlines()
    for at, line in enumerate(lines):
        row = json.loads(line)
        if field in row:
            forged = [*lines[:at], json.dumps({**row, field: value}).encode(), *lines[at + 1 :]]
            with pytest.raises(FederationError):
                verify_export(io.BytesIO(front + b"\n".join(forged) + b"\n"), CENTRE.verifier)


def test_another_key_is_not_believed() -> None:
    """The key in the file counts for nothing; a pinned node key that differs is told."""
    with pytest.raises(Refused, match="not made by the holder"):
        verify_export(io.BytesIO(FILES["csv"]), NODES[0].verifier)
    stranger = Signer.from_seed("lpse-a", b"z" * 32).verifier
    with pytest.raises(Refused, match="pinned"):
        verify_export(io.BytesIO(FILES["csv"]), CENTRE.verifier, [stranger])
    both = [stranger, NODES[0].verifier]  # of a node that lost a machine: one name, two keys
    assert NODES[0].name == stranger.name
    verify_export(io.BytesIO(FILES["csv"]), CENTRE.verifier, both)


def test_an_exporter_cannot_say_what_a_journal_does_not() -> None:
    """A row that contradicts the run's record fails, though the exporter signed it."""
    signer = NODES[0]
    record = recorded(signer.name, 1)
    raw = encode_entry(
        DecodedEntry("reconciliation.recorded", b"i" * 16, NOW, record.SerializeToString())
    )
    head = sign_head(signer, b"e" * 16, 1, root_of([leaf_hash(raw)]))
    for field, lie in (("reason", "nothing happened"), ("count", 7), ("node_id", "lpse-b")):
        writing = Writing("jsonl")
        writing.add(journal_row(head, signer.verifier))
        writing.add(run_row(record.run, 0, raw, []))
        writing.add(entry_row(lines_of(record, signer.name, "")[0]) | {field: lie})
        front = writing.front(About(log.LogFilter(), NOW, "siti"), head_of_centre(), CENTRE)
        with pytest.raises(Refused, match="not what was journalled"):
            verify_export(io.BytesIO(front + writing.take()), CENTRE.verifier)


def _signed(*rows: dict[str, Any], **lies: int) -> bytes:
    """A file whose exporter signed whatever these rows say."""
    writing = Writing("jsonl")
    for row in rows:
        writing.add(row)
    for name, lie in lies.items():
        setattr(writing, name, lie)
    front = writing.front(About(log.LogFilter(), NOW, "siti"), head_of_centre(), CENTRE)
    return front + writing.take()


def test_an_exporter_cannot_count_anything_twice() -> None:
    """Journals and runs once, entries in their order, as many as the header says."""
    signer = NODES[0]
    record = recorded(signer.name, 1)
    raw = encode_entry(
        DecodedEntry("reconciliation.recorded", b"i" * 16, NOW, record.SerializeToString())
    )
    head = sign_head(signer, b"e" * 16, 1, root_of([leaf_hash(raw)]))
    journal, run = journal_row(head, signer.verifier), run_row(record.run, 0, raw, [])
    first, second = (entry_row(line) for line in lines_of(record, signer.name, ""))
    sound = _signed(journal, run, first, second)
    assert verify_export(io.BytesIO(sound), CENTRE.verifier).rows == 2
    lies = {
        "a journal occurs twice": _signed(journal, run, first, journal, run, second),
        "occurs twice": _signed(journal, run, first, run, second),
        "not in their order": _signed(journal, run, second, first),
        "are not in their order": _signed(journal, run, first, first),
        "another number of runs or entries": _signed(journal, run, first, second, rows=3),
        "than its header says": _signed(journal, run, first, second, runs=2),
    }
    for words, lie in lies.items():
        with pytest.raises(Refused, match=words):
            verify_export(io.BytesIO(lie), CENTRE.verifier)


def test_rows_outside_of_the_filter_are_noticed() -> None:
    """An export holds exactly its filter: a row that does not pass does not verify."""
    with pytest.raises(Refused, match="does not pass the filter"):
        verify_export(io.BytesIO(exported("csv", log.LogFilter(rules=["R-Y"]))), CENTRE.verifier)


def test_no_cell_of_a_csv_begins_like_a_formula() -> None:
    """A spreadsheet that opens the file computes nothing, whatever nodes wrote."""
    rows = list(csv.reader(io.StringIO(FILES["csv"].decode(), newline="")))
    assert rows[0][0] == "type"
    assert rows[1][0] == "header"
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r\n")]
    assert '\'=HYPERLINK("http://x")' in cells


def test_many_paths_are_those_of_the_standard() -> None:
    """A tree laid out by levels gives the same paths and root as RFC 6962's definition."""
    for size in (1, 2, 3, 7, 8, 9, 33):
        leaves = [leaf_hash(bytes([at])) for at in range(size)]
        tree = PathTree(leaves)
        assert tree.root() == root_of(leaves)
        assert [tree.path(at) for at in range(size)] == [
            inclusion_proof(leaves, at) for at in range(size)
        ]


def head_of_centre() -> Head:
    return sign_head(CENTRE, b"n" * 16, 1, b"r" * 32)


FILES = {form: exported(form) for form in FORMS}
