"""What the runbook and the service units tell people to type exists."""

from __future__ import annotations

import importlib
import re
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import typer

from lpse.terminal.program import mount

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*"))
PROGRAMS = {
    "lpse-node": "regional_node.cli",
    "lkpp-central": "central.cli",
    "lkppctl": "central.ctl",
}
COMMAND = re.compile(
    r"(?:^|[`/ ])((?:lpse-node|lkpp-central|lkppctl) (?:--data \S+ )?[a-z][^`\n]*)"
)


def command_of(program: str) -> Any:
    module = importlib.import_module(PROGRAMS[program])
    root = typer.Typer()
    root.callback()(module.shared)
    mount(root, [f"{module.__name__}.{name}" for name in module.NOUNS])
    commands = [f"{module.__name__}.{name}" for name in getattr(module, "COMMANDS", ())]
    mount(root, [*commands, "lpse.terminal.explain"], nouns=False)
    return typer.main.get_command(root)


def check(line: str) -> None:
    """Every word up to the first argument names a command, and every flag is known to it."""
    program, *words = line.split()
    if words[0] == "--data":
        words = words[2:]
    command = command_of(program)
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, f"{line}: no command {words[0]}"
        command = command.commands[words.pop(0)]
    flags = {flag for parameter in command.params for flag in parameter.opts}
    asked = {word for word in words if word.startswith("-") and word != "-"}
    assert asked <= flags, f"{line}: {asked - flags}"


def typed() -> list[str]:
    """Commands of the runbook, where whole commands stand."""
    text = (ROOT / "deploy" / "runbook.md").read_text("utf-8")
    found = [match[1] for match in COMMAND.finditer(text)]
    listed = re.findall(r"^(?:\S*sudo -u \S+ )?\S*bin/((?:lpse-node|lkpp-central) .*)$", text, re.M)
    return sorted({*(one for one in found if _is_command(one)), *listed})


def _is_command(line: str) -> bool:
    """Not a path or a user that only looks like one (`systemctl stop lpse-node`)."""
    return not re.match(r"\S+ (?:lpse-node|lkpp-central|/)", line)


def read(unit: Path) -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # systemd's keys have capitals
    parser.read(unit, "utf-8")
    return parser


@pytest.mark.parametrize("line", typed())
def test_command_of_the_runbook_exists(line: str) -> None:
    """Nobody is told to type what the programs do not know."""
    check(line)


def test_the_runbook_names_the_commands_that_matter() -> None:
    """Doctor, backup, verification and restore of both sides are in it."""
    said = "\n".join(typed())
    for words in ("doctor", "backup create", "backup verify", "backup restore", "restore /var"):
        assert words in said


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_service_unit_starts_what_exists(unit: Path) -> None:
    """A unit's command is one of the programs', and its timer starts a unit that is there."""
    parser = read(unit)
    if unit.suffix == ".timer":
        assert unit.with_suffix(".service") in UNITS
        return
    check(parser["Service"]["ExecStart"].removeprefix("/opt/lpse-federation/bin/"))
    assert parser["Service"]["UMask"] == "0077"
    assert parser["Service"]["NoNewPrivileges"] == "yes"


def test_stopping_the_daemon_leaves_the_local_service_alone() -> None:
    """The node's unit ends its main process only, and both daemons tell when they are ready."""
    node = read(ROOT / "deploy" / "systemd" / "lpse-node.service")["Service"]
    assert node["KillMode"] == "process"
    centre = read(ROOT / "deploy" / "systemd" / "lkpp-central.service")["Service"]
    assert node["Type"] == centre["Type"] == "notify"
