"""Promises about what commands print: four forms of data, errors apart, exit codes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from lpse.federation.errors import (
    Conflict,
    Denied,
    FederationError,
    NotFound,
    Refused,
    Unavailable,
)
from lpse.federation.v1.records_pb2 import RefusalReason, UpgradeStepped, UploadRefused
from lpse.terminal import output, words
from lpse.terminal.output import Column, ConfirmationNeeded, Output
from lpse.terminal.plain import plain

ROWS = [{"name": "nodes/a", "ok": True, "at": None}, {"name": "nodes/b", "ok": False, "at": 3}]
COLUMNS = (Column("name", "Name"), Column("ok", "OK"), Column("at", "At", right=True))


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (Output.NAME, "nodes/a\nnodes/b\n"),
        (Output.JSONL, "".join(json.dumps(row) + "\n" for row in ROWS)),
        (Output.JSON, json.dumps(ROWS, indent=2) + "\n"),
        (Output.TABLE, "Name     OK   At\nnodes/a  yes   –\nnodes/b  no    3\n"),
    ],
)
def test_list_in_four_forms(
    capsys: pytest.CaptureFixture[str], form: Output, expected: str
) -> None:
    """The same rows as table, JSON, JSON lines and names, on stdout alone, without colour."""
    output.show_list(ROWS, COLUMNS, form)
    assert capsys.readouterr() == (expected, "")


def test_list_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """What a list does not hold stands in its JSON, and on stderr beside its table."""
    about = {"unreachable": ["lpse-pacitan"], "as_of": datetime(2015, 3, 27, tzinfo=UTC)}
    output.show_list(ROWS, COLUMNS, Output.JSON, about=about)
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "items": ROWS, "unreachable": ["lpse-pacitan"], "as_of": "2015-03-27T00:00:00Z",
    }  # fmt: skip
    output.show_list(ROWS, COLUMNS, about=about)
    assert "unreachable: lpse-pacitan" in capsys.readouterr().err


def test_json_is_never_translated(capsys: pytest.CaptureFixture[str]) -> None:
    """In Indonesian the table's words change and the JSON does not."""
    words.choose({"LANG": "id"})
    try:
        output.show_list(ROWS, COLUMNS, Output.JSON)
        assert json.loads(capsys.readouterr().out) == ROWS
        output.show_list(ROWS, COLUMNS)
        assert "ya" in capsys.readouterr().out
    finally:
        words.choose({})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("FED-8003", "x"), 1),
        (NotFound("FED-8012", "x"), 3),
        (Conflict("FED-3203", "x"), 4),
        (Denied("FED-3104", "x"), 5),
        (Unavailable("FED-8011", "x"), 6),
        (ConfirmationNeeded("FED-8013", "x"), 8),
    ],
)
def test_errors_end_with_their_exit_code(
    capsys: pytest.CaptureFixture[str], error: FederationError, code: int
) -> None:
    """Who must act decides the exit code; the text with its code goes to stderr alone."""

    async def work() -> None:
        raise error

    with pytest.raises(typer.Exit) as told:
        output.run(work())
    captured = capsys.readouterr()
    assert told.value.exit_code == code and captured.out == ""
    assert captured.err.startswith(f"Error {error.code}: x")


def test_error_says_what_it_means_and_what_to_do() -> None:
    """The raiser's message, the catalogue's meaning, the raiser's remedy; in Indonesian all."""
    error = Unavailable("FED-8011", "no answer at X", remedy="start it")
    english = output.error_text(error)
    assert english.startswith("Error FED-8011: no answer at X – ") and english.endswith("start it")
    words.choose({"LANG": "id"})
    try:
        told = output.error_text(error)
        assert told.startswith("Galat FED-8011: ") and "(no answer at X)" in told
        assert "start it" not in told
    finally:
        words.choose({})


def test_nobody_to_ask_is_never_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question without a terminal is ConfirmationNeeded, also where stdin holds a yes."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    with pytest.raises(ConfirmationNeeded):
        output.ask("Really?")


def test_bug_of_ours_is_no_stack_trace(capsys: pytest.CaptureFixture[str]) -> None:
    """An unexpected exception becomes FED-8024 and exit status 1, without its values."""

    def broken() -> None:
        raise KeyError("vendor 12.345")

    with pytest.raises(SystemExit) as told:
        output.execute(broken)
    captured = capsys.readouterr()
    assert told.value.code == 1
    assert "FED-8024" in captured.err and "12.345" not in captured.err + captured.out


def test_messages_become_plain_json() -> None:
    """Enums lose their prefix, bytes are hexadecimal, instants RFC 3339, absent messages null."""
    when = datetime(2015, 3, 27, tzinfo=UTC)
    message = UploadRefused(commitment=b"\1\2", reason=RefusalReason.REFUSAL_REASON_NO_SPACE)
    message.begin_time.FromDatetime(when)
    message.received_bytes = 2**40
    message.sealed_details = b"\xff"
    assert plain(message) == {
        "commitment": "0102",
        "begin_time": "2015-03-27T00:00:00Z",
        "refuse_time": None,
        "received_bytes": 2**40,
        "reason": "NO_SPACE",
        "sealed_details": "ff",
    }


@pytest.mark.parametrize("program", ["lpse-node", "lkppctl", "lkpp-central"])
def test_help_is_in_the_persons_language(program: str) -> None:
    """Every program shows help in both languages, and a wrong flag is exit status 2."""
    path = str(Path(sys.executable).parent / program)
    told = {
        lang: subprocess.run(
            [path, "--help"],
            env={"LANG": lang, "TERM": "dumb"},
            capture_output=True,
            text=True,
            check=True,
        )
        for lang in ("id_ID", "C")
    }
    assert "Menjelaskan arti" in told["id_ID"].stdout and "Say what" in told["C"].stdout
    wrong = subprocess.run([path, "--wrong"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2 and wrong.stdout == ""


@pytest.mark.parametrize("evil", ["3.0\x1b[2Jfake", "a\x9b2Jb", "a\rb", "abc\u202egnp"])
@pytest.mark.parametrize("form", [None, str.upper])
def test_a_node_cannot_write_on_the_terminal_of_an_operator(
    evil: str, form: Callable[[str], str] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Escape sequences and turned-around text in what a node reported are shown, never obeyed."""
    columns = (Column("name", "Name"), Column("version", "Version", form))
    row = {"name": "nodes/a", "version": [evil] if form is None else evil}
    output.show_list([row], columns)
    output.show(row, columns)
    told = capsys.readouterr().out
    assert not set(told) & set("\x1b\x9b\r\u202e")
    assert told.count("\N{REPLACEMENT CHARACTER}") == 2


def test_what_one_node_reports_wrongly_does_not_hide_the_rest() -> None:
    """A time that no calendar has is absent, and a state of a newer program is its number."""
    message = UpgradeStepped(rollout="rollouts/spse-3.6", detail="d")
    message.step_time.seconds = 10**12
    message.state = 99  # type: ignore[assignment] # as a newer program, or a hostile one, sends it
    told = plain(message)
    assert (told["step_time"], told["state"], told["detail"]) == (None, "99", "d")


def _shell(script: str) -> subprocess.CompletedProcess[str]:
    folder = str(Path(sys.executable).parent)
    return subprocess.run(
        ["/bin/sh", "-c", script],
        env={"PATH": f"{folder}:/usr/bin:/bin", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_full_disk_under_the_output_is_told_as_that() -> None:
    """Where the answer cannot be written, nobody is told that nothing was done."""
    told = _shell("lpse-node explain FED-1101 > /dev/full")
    assert told.returncode == 1 and "FED-8023" in told.stderr
    assert "stays done" in told.stderr and "Traceback" not in told.stderr


@pytest.mark.parametrize("closing", ["<&-", ">&-", "<&- >&-"])
def test_a_closed_stream_is_no_fault_of_ours(closing: str, tmp_path: Path) -> None:
    """With standard input or output closed a command ends as with an empty one."""
    enrol = f"lpse-node --data {tmp_path} enrol --endpoint h:1 --code - {closing}"
    for command in (f"lpse-node explain FED-1101 {closing}", enrol):
        told = _shell(command)
        assert "FED-8024" not in told.stderr and "Traceback" not in told.stderr


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """Output piped into a program that leaves early prints no complaint."""
    told = _shell("lpse-node explain FED-1101 | true")
    assert told.stderr == ""


def test_a_table_too_wide_for_the_screen_becomes_records(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a narrow terminal no word is cut: each row is a block of lines, title and value."""
    columns = [Column(f"key{number}", f"Title{number}") for number in range(10)]
    rows = [{column.key: f"one-long-word-{column.key}" for column in columns}] * 2
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    output.show_list(rows, columns)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "Title0  one-long-word-key0" and len(told) == 21 and told[10] == ""


def test_a_name_in_a_table_that_fits_is_never_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentences fold where the screen is narrow; a name can still be copied as a whole."""
    columns = [Column("run", "Run"), Column("time", "Time"), Column("found", "Found")]
    row = {
        "run": "recon/lpse-pacitan/2@916fc35c",
        "time": "Mon, 23 Nov 2026 01:58 WIB",
        "found": "only at the node 1, only at the centre 5, two histories 3",
    }
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    output.show_list([row] * 2, columns)
    told = capsys.readouterr().out
    assert told.count(row["run"]) == 2
    assert max(map(len, told.splitlines()[1:])) <= 80


@pytest.mark.parametrize("form", list(output.Output))
def test_words_of_another_party_are_no_commands_to_the_terminal(
    form: output.Output, capsys: pytest.CaptureFixture[str]
) -> None:
    """Escape, C1 and direction marks never arrive as such; in JSON they keep their value."""
    hostile = "a\x1b[2Jb\x9b31mc\u202ed\x85e\ufefff"
    rows = [{"name": hostile}]
    output.show_list(rows, [output.Column("name", "Name")], form)
    output.show(rows[0], [output.Column("name", "Name")], form)
    output.note(f"said:\n{hostile}")
    told = capsys.readouterr()
    for text in (told.out, told.err):
        assert not set(text) & set(hostile) - set("ab[2Jc31mdef"), ascii(text)
    assert told.err.startswith("said:\n")
    if form is output.Output.JSON:
        assert json.loads(told.out[: told.out.index("]") + 1]) == rows
