"""Promises of the programs around their nouns: making a side, checking it, completing words."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest


def ran(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / program), *arguments],
        env={**os.environ, "LANG": "C", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_centre_is_made_once_and_can_be_checked(tmp_path: Path) -> None:
    """`init` makes a centre with two persons, refuses a second time; `check` finds a loose key."""
    data = ("--data", str(tmp_path / "centre"))
    persons = ("--operator", "siti", "--approver", "budi")
    made = ran("lkpp-central", *data, "init", *persons, "-o", "json")
    assert made.returncode == 0, made.stderr
    codes = {row["subject"]: (row["role"], bool(row["code"])) for row in json.loads(made.stdout)}
    assert codes == {"siti": ("operator", True), "budi": ("approver", True)}
    again = ran("lkpp-central", *data, "init", *persons)
    assert again.returncode == 4 and "FED-3024" in again.stderr
    assert ran("lkpp-central", *data, "migrate").returncode == 0
    assert ran("lkpp-central", *data, "check").returncode == 0
    (tmp_path / "centre/identity/ca.key").chmod(0o644)
    loose = ran("lkpp-central", *data, "check", "-o", "json")
    assert loose.returncode == 1
    assert {row["check"] for row in json.loads(loose.stdout) if not row["ok"]} == {"ca.key"}


def test_centre_needs_two_persons(tmp_path: Path) -> None:
    """One person in both roles makes no centre, and no file says that there is one."""
    data = tmp_path / "centre"
    alone = ran(
        "lkpp-central", "--data", str(data), "init", "--operator", "siti", "--approver", "siti"
    )
    assert alone.returncode == 1 and "FED-3033" in alone.stderr
    assert not (data / "central.toml").exists()


def test_node_is_prepared_and_never_overwritten(tmp_path: Path) -> None:
    """`lpse-node init` makes a private folder and a file with its endpoint; repeating keeps it."""
    data = tmp_path / "node"
    for endpoint in ("pusat:7444", "other:1"):
        made = ran("lpse-node", "--data", str(data), "init", "--endpoint", endpoint)
        assert made.returncode == 0, made.stderr
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    shown = ran("lpse-node", "--data", str(data), "config", "show", "-o", "json")
    values = {row["key"]: row["value"] for row in json.loads(shown.stdout)}
    assert values["link.endpoint"] == "pusat:7444"


def test_enrolment_needs_an_endpoint_and_a_code(tmp_path: Path) -> None:
    """Without an address, or with something that is no code, nothing is tried."""
    data = ("--data", str(tmp_path / "node"))
    nowhere = ran("lpse-node", *data, "enrol", "--code", "x")
    assert nowhere.returncode == 1 and "FED-8019" in nowhere.stderr
    garbled = ran("lpse-node", *data, "enrol", "--endpoint", "localhost:1", "--code", "x")
    assert garbled.returncode == 1 and "FED-3014" in garbled.stderr
    assert ran("lpse-node", *data, "enrol").returncode == 2


@pytest.mark.parametrize(
    ("program", "begun", "whole"),
    [
        ("lpse-node", "off", "officer"),
        ("lkppctl", "oper", "operator"),
        ("lkpp-central", "mig", "migrate"),
    ],
)
def test_shell_completes_words(program: str, begun: str, whole: str) -> None:
    """The completion of each program offers its nouns."""
    variable = f"_{program.upper().replace('-', '_')}_COMPLETE"
    done = ran(
        program,
        **{variable: "complete_bash", "COMP_WORDS": f"{program} {begun}", "COMP_CWORD": "1"},
    )
    assert done.stdout.split() == [whole]
