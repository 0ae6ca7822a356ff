"""Every text that a person reads from the programs exists in Indonesian."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import central.cli
import central.ctl
import regional_node.cli
from lpse.terminal import words
from lpse.terminal.program import mount

ROOT = Path(__file__).resolve().parents[2]
PLACES = {"say": slice(1), "say_count": slice(2), "Column": slice(1, 2)}
PROGRAMS = {
    "lpse-node": (regional_node.cli, "regional_node"),
    "lkppctl": (central.ctl, "central"),
    "lkpp-central": (central.cli, "central"),
}


def helps(command: Any) -> Iterator[str]:
    if command.help:
        yield inspect.cleandoc(command.help)
    for parameter in command.params:
        if text := getattr(parameter, "help", None):
            yield text
    for child in getattr(command, "commands", {}).values():
        yield from helps(child)


def command_of(program: str) -> Any:
    module, _ = PROGRAMS[program]
    root = typer.Typer()
    root.callback()(module.shared)
    paths = [f"{module.__name__}.{name}" for name in module.NOUNS]
    mount(root, paths)
    commands = [f"{module.__name__}.{name}" for name in getattr(module, "COMMANDS", ())]
    mount(root, commands, nouns=False)
    return typer.main.get_command(root)


def spoken(folder: Path) -> Iterator[str]:
    """Literals given to `say` and `say_count`, and titles of columns."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            for text in node.args[PLACES.get(node.func.id, slice(0))]:
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield text.value


def untranslated(texts: Iterator[str], locale: Path) -> list[str]:
    catalogue = words.Words("id")
    catalogue.load(locale)
    own = "Install completion for the current shell.", "Show completion for the current shell"
    return sorted(
        {text for text in texts if not catalogue.knows(text) and not text.startswith(own)}
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_exists_in_indonesian(program: str) -> None:
    """Each help text has a translation in the side's `locale/id.po` or `locale/id/*.po`."""
    side = PROGRAMS[program][1]
    missing = untranslated(helps(command_of(program)), ROOT / side / "locale")
    assert not missing, f"no Indonesian in {side}/locale for:\n" + "\n".join(missing)


@pytest.mark.parametrize(
    ("folder", "side"),
    [
        ("central/ctl", "central"),
        ("central/cli", "central"),
        ("regional_node/cli", "regional_node"),
        ("proto/lpse/terminal", "central"),
    ],
)
def test_spoken_text_exists_in_indonesian(folder: str, side: str) -> None:
    """Each text given to `say`, and each column's title, has a translation."""
    missing = untranslated(spoken(ROOT / folder), ROOT / side / "locale")
    assert not missing, f"no Indonesian in {side}/locale for:\n" + "\n".join(missing)


def test_every_mounted_command_exists() -> None:
    """The lists of nouns and commands name modules that are there."""
    for module, _ in PROGRAMS.values():
        for name in (*module.NOUNS, *getattr(module, "COMMANDS", ())):
            assert importlib.util.find_spec(f"{module.__name__}.{name}"), name
