"""What one entry of the log shows a person: both sides, the proof, what may be decided."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lpse.federation import reconciliation_rules as rules
from lpse.federation.checkpoints import sign_head
from lpse.federation.merkle import leaf_hash
from lpse.federation.notes import Signer
from lpse.federation.recon_log import lines_of
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records
from lpse.terminal import words
from lpse.terminal.output import Output
from lpse.terminal.recon_entry import document, show_entry


@pytest.fixture
def english_again() -> Iterator[None]:
    """Whatever a test chooses, the next one reads English."""
    words.choose({})
    yield
    words.choose({})


def detail() -> log.EntryDetail:
    """A fork that waits for a person, with a proof over a journal of one entry."""
    node, centre = rules.evidence(size=9, root="aa"), rules.evidence(size=9, root="bb")
    entry = rules.entry("R-REGIONAL-FORKED", "regional journal", node, centre, "", 1)
    record = records.ReconciliationRecorded(run="recon/lpse-a/8", entries=[entry])
    signer, raw = Signer.from_seed("lpse-a", b"a" * 32), b"the entry"
    head = sign_head(signer, b"e" * 16, 1, leaf_hash(raw))
    place = log.EntryPlace(
        party="lpse-a",
        key=signer.verifier.text,
        entry=raw,
        leaf_hash=leaf_hash(raw),
        head=head.message(),
    )
    (line,) = lines_of(record, "lpse-a", "ID-JI")
    line.begin_time.GetCurrentTime()
    return log.EntryDetail(entry=line, record=record, place=place)


def test_both_sides_stand_side_by_side(
    english_again: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Facts that differ are marked, the raw evidence stands below, the proof is checked again."""
    show_entry(detail(), "Asia/Jakarta", Output.TABLE)
    told = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert "root ≠ bb aa" in lines
    assert "size 9 9" in lines
    assert any(line.startswith('raw {"root":"bb","size":9} {"root":"aa"') for line in lines)
    assert "✓ genuine" in told
    assert "CONTINUE_STORED – the history that the centre stored goes on" in told
    assert "(only LKPP chooses this)" in told
    assert told.count("\nChoice ") == 4
    assert "recon resolve recon/lpse-a/8 --entry 0 --choice" in told
    assert "needs a person" in told


def test_a_proof_that_does_not_fit_is_not_called_one(
    english_again: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """One changed byte of the entry and the view says so, in Indonesian too."""
    words.choose({"LANG": "id_ID.UTF-8"})
    forged = detail()
    forged.place.entry += b"!"
    show_entry(forged, "Asia/Jakarta", Output.TABLE)
    told = capsys.readouterr().out
    assert "✗ tidak cocok" in told
    assert "perlu tindak lanjut" in told
    assert document(forged)["proven"] is False
    assert document(detail())["proven"] is True


def test_brackets_in_the_words_of_a_node_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a link nor a colour nor an unclosed tag of a node's making: all of it is readable."""
    hostile = "[/x] [link=http://x]click[/link] [red]"
    told = detail()
    told.entry.entry.object = told.entry.entry.outcome = hostile
    told.entry.entry.node_evidence = json.dumps({hostile: hostile}).encode()
    show_entry(told, "Asia/Jakarta", Output.TABLE)
    assert capsys.readouterr().out.count(hostile) >= 4


@pytest.mark.parametrize("said", [b"[" * 60_000, b'{"a":NaN}', b"1e999", b'"\\ud800"', b"\xff"])
@pytest.mark.parametrize("form", [Output.TABLE, Output.JSON])
def test_evidence_that_cannot_be_told_again_is_shown_as_it_came(
    said: bytes, form: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    """No node makes its entry unreadable for an auditor."""
    told = detail()
    told.entry.entry.node_evidence = said
    show_entry(told, "Asia/Jakarta", form)
    shown = capsys.readouterr().out
    assert shown.encode()
    if form is Output.JSON:
        assert json.loads(shown)["node_evidence"] == said.decode(errors="replace")
