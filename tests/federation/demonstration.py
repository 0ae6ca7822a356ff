"""Runs the demonstration once as its user does, and looks for what it may have left behind.

Owns the call and the form of the JSON document. The folder stays, so that tests can look at the
disks afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 400

FORM: dict[str, Any] = {
    "scenario": str,
    "seed": int,
    "ok": bool,
    "nodes": [
        {
            "node_id": str,
            "province": str,
            "zone": str,
            "version_before": str,
            "version_after": str,
            "service": str,
            "link": str,
        }
    ],
    "uploads": {
        "accepted": int,
        "accepted_while_link_down": int,
        "at_centre": int,
        "lost": int,
        "duplicated": int,
        "resumed": int,
        "bytes": int,
    },
    "outages": [
        {
            "name": str,
            "scope": str,
            "start_time": str,
            "end_time": str,
            "nodes_received": int,
            "nodes_applied_late": int,
        }
    ],
    "compensations": [
        {
            "package": str,
            "node_id": str,
            "stage": str,
            "old_end": str,
            "proposed_end": str,
            "rule_set": str,
            "state": str,
        }
    ],
    "rollout": {
        "name": (str, type(None)),
        "from": (str, type(None)),
        "to": (str, type(None)),
        "waves": int,
        "applied": int,
        "held": int,
        "rolled_back": int,
    },
    "reconciliation": [
        {
            "run": str,
            "node_id": str,
            "trigger": str,
            "attempts": int,
            "link_down_seconds": float,
            "entries_sent": int,
            "matched": int,
            "missing_at_centre": int,
            "different": int,
            "heads_equal": bool,
        }
    ],
}


@dataclass(frozen=True)
class Played:
    """One finished run."""

    status: int
    stdout: str
    stderr: str
    folder: Path

    @property
    def document(self) -> dict[str, Any]:
        """All of standard output as one JSON document."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found


def command(scenario: str, folder: Path, *more: str) -> list[str]:
    """The module that `dev.py demo` becomes."""
    words = ["--scenario", scenario, "--output", "json", "--directory", str(folder), *more]
    return [sys.executable, "-m", "deploy.demo", *words]


def play(scenario: str, folder: Path) -> Played:
    """One whole run with a seed of its own."""
    done = subprocess.run(
        command(scenario, folder, "--seed", "7"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    return Played(done.returncode, done.stdout, done.stderr, folder)


def unlike(value: object, form: object, where: str = "document") -> list[str]:
    """Where a value differs from the form: missing, unknown, or of another type."""
    if isinstance(form, dict):
        if not isinstance(value, dict) or set(value) != set(form):
            return [f"{where}: keys {sorted(value) if isinstance(value, dict) else value}"]
        return [line for key in form for line in unlike(value[key], form[key], f"{where}.{key}")]
    if isinstance(form, list):
        if not isinstance(value, list):
            return [f"{where}: {value!r}"]
        return [
            line for n, one in enumerate(value) for line in unlike(one, form[0], f"{where}[{n}]")
        ]
    fits = isinstance(value, form) and (form is bool or not isinstance(value, bool))  # type: ignore[arg-type]  # a type, or several
    return [] if fits else [f"{where}: {value!r} is no {form}"]


def left_behind(folder: Path) -> list[int]:
    """Processes that still know the folder, by their environment or command line."""
    mark = str(folder).encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if mark in told:
            found.append(int(process.name))
    return found
