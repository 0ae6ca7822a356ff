"""What the documents name exists: paths, links, commands, flags, tests of the invariants.

A document that names something gone is worse than none. ARCHITECTURE.md lists the twelve
invariants as numbered items below a heading that says "Invariants"; each item names at least one
test as `tests/…/test_x.py::test_name`, whose docstring carries "Invariant N".
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import io
import re
import sys
import tomllib
from pathlib import Path
from unittest import mock

import pytest
import typer.main

from tests.architecture.repository import ROOT, files, modules

DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")
INVARIANTS = range(1, 13)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
SPAN = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED_PATH = re.compile(r"(?:proto|central|regional_node|deploy|tests|lpse|\.ci)/[\w./*-]*")
TEST_NAME = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")
DOOR = re.compile(r"deploy/dev\.py\s+([a-z]+)")
WORD = re.compile(r"[a-z][a-z-]*")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def markdown() -> list[str]:
    """Every document of the repository."""
    return [path for path in files() if path.endswith(".md")]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_document_exists(path: str) -> None:
    """The three documents at the root are there."""
    if not (ROOT / path).exists():
        pytest.skip(f"{path} IS MISSING: nothing it should say can be checked")
    assert (ROOT / path).read_text("utf-8").startswith("# ")


def test_readme_has_the_two_commands_and_ci_runs_the_second() -> None:
    """A stranger finds the two commands in README.md, and CI runs what README says."""
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "python3 deploy/dev.py demo" in readme
    assert "python3 deploy/dev.py test" in readme
    assert "python3 deploy/dev.py test" in (ROOT / ".ci/run").read_text("utf-8")


@pytest.mark.parametrize("path", markdown())
def test_relative_links_lead_somewhere(path: str) -> None:
    """Every relative link of a document leads to a file of the repository."""
    text = (ROOT / path).read_text("utf-8")
    targets = [t for t in LINK.findall(text) if not t.startswith(("http:", "https:", "mailto:"))]
    assert not [t for t in targets if not ((ROOT / path).parent / t).exists()]


@pytest.mark.parametrize("path", markdown())
def test_named_paths_exist(path: str) -> None:
    """Every path in a code span exists, and every pattern matches something."""
    folder = (ROOT / path).parent
    text = FENCE.sub("", (ROOT / path).read_text("utf-8"))
    named = [span for span in SPAN.findall(text) if NAMED_PATH.fullmatch(span)]
    assert not [name for name in named if not exists(name, folder)]


@pytest.mark.parametrize("path", markdown())
def test_named_tests_exist(path: str) -> None:
    """Every test that a document names exists."""
    named = TEST_NAME.findall((ROOT / path).read_text("utf-8"))
    assert not [name for name in named if name not in known_tests()]


@pytest.mark.parametrize("path", markdown())
def test_named_commands_of_the_door_exist(path: str) -> None:
    """Every `deploy/dev.py X` is a command of dev.py."""
    door = ast.parse((ROOT / "deploy/dev.py").read_text("utf-8"))
    known = next(
        {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
        for node in door.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    )
    assert set(DOOR.findall((ROOT / path).read_text("utf-8"))) <= known


@pytest.mark.parametrize("path", markdown())
def test_named_program_commands_exist(path: str) -> None:
    """Every command of our programs in a document is known to it, and so is every flag."""
    wrong = [
        line for line in commands((ROOT / path).read_text("utf-8")) if not understood(line.split())
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("number", INVARIANTS)
def test_invariant_names_a_test_that_carries_its_number(number: int) -> None:
    """Every invariant of ARCHITECTURE.md names a test that exists and says its number."""
    if not (ROOT / "ARCHITECTURE.md").exists():
        pytest.skip("ARCHITECTURE.md IS MISSING: the invariants have no list to be checked")
    named = TEST_NAME.findall(invariants().get(number, ""))
    assert named, f"invariant {number} names no test"
    says = re.compile(rf"\binvariants?\b[\s\d,and]*\b{number}\b", re.IGNORECASE)
    assert any(says.search(known_tests().get(name, "")) for name in named), named


def exists(name: str, folder: Path) -> bool:
    """Whether a named path is there, seen from the document, the root or the source root."""
    places = [folder, ROOT, ROOT / "proto"]
    if "*" in name:
        return any(next(iter(place.glob(name)), None) for place in places)
    return any((place / name).exists() for place in places)


@functools.cache
def known_tests() -> dict[tuple[str, str], str]:
    """File and name of every test, with its docstring."""
    return {
        (module.path, function.name): ast.get_docstring(function) or ""
        for module in modules()
        if module.is_test
        for function in module.functions()
    }


def invariants() -> dict[int, str]:
    """The numbered items below the heading "Invariants" of ARCHITECTURE.md."""
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    section = re.search(
        r"^#+[^\n]*invariants[^\n]*\n(.*?)(?=^# |^## |\Z)", text, re.I | re.M | re.S
    )
    assert section, "ARCHITECTURE.md has no heading that says Invariants"
    items = re.split(r"^\s*(\d+)\.\s", section[1], flags=re.MULTILINE)[1:]
    return {int(n): item for n, item in zip(items[::2], items[1::2], strict=True)}


@functools.cache
def programs() -> dict[str, str]:
    """Our console scripts and their entry points."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    scripts: dict[str, str] = project["scripts"]
    return scripts


def commands(text: str) -> list[str]:
    """Every line or code span that begins with one of our programs and a command."""
    lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
    spans = [*lines, *SPAN.findall(FENCE.sub("", text))]
    stripped = [span.strip().removeprefix("$ ").rstrip("\\") for span in spans]
    return sorted({s for s in stripped if s.split(" ")[0] in programs() and len(s.split()) > 1})


def understood(words: list[str]) -> bool:
    """Whether a program's own help knows the command and its flags."""
    path: list[str] = []
    for word in words[1:]:
        if not WORD.fullmatch(word):
            break
        path.append(word)
    status, told = help_of(words[0], tuple(path))
    return status == 0 and set(FLAG.findall(" ".join(words))) <= {"--help", *FLAG.findall(told)}


known_command = functools.cache(typer.main.get_command)  # a program's commands are made once


@functools.cache
def help_of(program: str, path: tuple[str, ...]) -> tuple[int, str]:
    """Exit status and text of `PROGRAM PATH --help`, asked inside this process."""
    module, _, function = programs()[program].partition(":")
    entry = getattr(importlib.import_module(module), function)
    told = io.StringIO()
    wide = {"COLUMNS": "300", "TERMINAL_WIDTH": "300", "NO_COLOR": "1", "LANG": "en"}
    with (
        mock.patch.object(sys, "argv", [program, *path, "--help"]),
        mock.patch.dict("os.environ", wide),
        mock.patch.object(typer.main, "get_command", known_command),
        contextlib.redirect_stdout(told),
        contextlib.redirect_stderr(told),
    ):
        try:
            status = entry()
        except SystemExit as ended:
            status = ended.code
    return int(status or 0), told.getvalue()
