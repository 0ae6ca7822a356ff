#!/usr/bin/env python3
"""The one door for developers, from a fresh checkout: see `MODULES` for its commands.

Standard library only. Every command, `--help` of a command too, first makes `.venv` from the
hash-locked list in deploy/locks/ with the project installed in place, then hands over to the
module that does the work. A stamp inside `.venv`, written last, says what it was made from: an
interrupted or outdated environment has no right stamp and is made anew. A file lock lets any
number of commands run at once and none of them loses its environment. Everything said here goes
to stderr: stdout belongs to the command.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - an older python3 shall get a sentence, no traceback
    running = ".".join(str(part) for part in sys.version_info[:3])
    sys.exit(f"dev.py: needs Python 3.11 or newer, this is {running} ({sys.executable}).")

import fcntl
import tomllib
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "made-from.sha256"
GUARD = ROOT / ".venv.lock"
LOCK = ROOT / "deploy" / "locks" / "test.txt"
PROJECT = ROOT / "pyproject.toml"
PROJECT_KEYS = ("version", "requires-python", "dependencies", "optional-dependencies", "scripts")
TEST_WORKERS_MAX = 4

MODULES = {
    "demo": ("deploy.demo", "play a disturbance with real processes on this machine"),
    "test": ("pytest", "run the whole test suite; other arguments go to pytest"),
    "check": ("deploy.check", "lint, format, types, import arrows, generated code"),
    "proto": ("deploy.generate", "generate code from proto/; --check only compares"),
    "bench": ("tests.bench", "measure, and print medians and ratios"),
    "simulate": ("tests.simulation", "run a whole simulated country under one seed"),
    "faults": ("tests.faults", "kill, cut and fill a federation at work for minutes or hours"),
}


def main(arguments: list[str]) -> None:
    """Make the environment if needed, then become the command; never returns normally."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage(), file=sys.stdout if arguments else sys.stderr)
        sys.exit(0 if arguments else 2)
    name, rest = arguments[0], arguments[1:]
    if name not in MODULES:
        near = difflib.get_close_matches(name, MODULES, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        print(f"dev.py: unknown command '{name}'.{hint}\n\n{usage()}", file=sys.stderr)
        sys.exit(2)
    with GUARD.open("a") as guard:
        hold_environment(guard)
        become(name, rest, guard)


def usage() -> str:
    """The grammar in one screen."""
    lines = ["usage: python3 deploy/dev.py COMMAND [argument ...]", ""]
    lines += [f"  {name:<6} {text}" for name, (_, text) in MODULES.items()]
    return "\n".join([*lines, "", "COMMAND --help tells more about one command."])


def hold_environment(guard: IO[str]) -> None:
    """Return with a right environment and a shared lock that keeps others from remaking it."""
    while True:
        fcntl.flock(guard, fcntl.LOCK_SH)
        if is_current():
            return
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another dev.py command makes or uses .venv; waiting for it to end")
            fcntl.flock(guard, fcntl.LOCK_UN)
            fcntl.flock(guard, fcntl.LOCK_EX)
        # Changing between lock kinds lets go for a moment, so the loop looks again afterwards.
        if not is_current():
            make_environment(guard)


def is_current() -> bool:
    """Whether `.venv` was completely made from the present lock and project."""
    try:
        return os.access(PYTHON, os.X_OK) and STAMP.read_text("ascii") == wanted_stamp()
    except OSError:
        return False


def wanted_stamp() -> str:
    """A digest of all that the environment is made from; its own path too: it cannot be moved."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))
    parts = {
        "root": str(ROOT),
        "lock": hashlib.sha256(LOCK.read_bytes()).hexdigest(),
        "project": {key: project["project"].get(key) for key in PROJECT_KEYS},
        "build": [project["build-system"], project["tool"]["hatch"]],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def make_environment(guard: IO[str]) -> None:
    """Make `.venv` from nothing; the stamp is written last, so half a job never counts."""
    started = time.monotonic()
    say("making .venv from deploy/locks/test.txt (about a minute, once)")
    STAMP.unlink(missing_ok=True)
    venv = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    if not sys.stderr.isatty():
        pip.append("--quiet")
    project = ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]
    step("create .venv (is the package python3-venv installed?)", venv, guard)
    step("install the locked packages", [*pip, "--require-hashes", "-r", str(LOCK)], guard)
    step("install the project in place", [*pip, *project], guard)
    draft = STAMP.with_suffix(".new")
    draft.write_text(wanted_stamp(), "ascii")
    draft.replace(STAMP)
    say(f".venv is ready after {time.monotonic() - started:.0f} s")


def step(purpose: str, command: list[str], guard: IO[str]) -> None:
    """Run one step, its words on stderr; it holds the lock too, should it outlive this process."""
    kept = (guard.fileno(),)
    result = subprocess.run(
        command, stdout=sys.stderr, env=environment(), pass_fds=kept, check=False
    )
    if result.returncode:
        say(f"could not {purpose}: exit status {result.returncode}. Repeating is harmless.")
        sys.exit(1)


def environment() -> dict[str, str]:
    """The caller's environment with ours in front, and nothing that leads Python elsewhere."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    path = os.pathsep.join([str(PYTHON.parent), kept.get("PATH", os.defpath)])
    return {**kept, "VIRTUAL_ENV": str(VENV), "PATH": path}


def become(name: str, rest: list[str], guard: IO[str]) -> None:
    """Replace this process by the command; the inherited lock ends with it."""
    if name == "test" and rest in (["-h"], ["--help"]):
        print(test_usage())
        return
    arguments = [str(PYTHON), "-m", MODULES[name][0], *defaults(name), *rest]
    os.set_inheritable(guard.fileno(), True)
    os.chdir(ROOT)
    os.execve(PYTHON, arguments, environment())


def defaults(name: str) -> list[str]:
    """What a command gets before the caller's own arguments, which win."""
    if name != "test":
        return []
    workers = min(os.cpu_count() or 1, TEST_WORKERS_MAX)
    return ["-n", str(workers), "--dist", "loadscope"]


def test_usage() -> str:
    """How to run all tests or some of them."""
    return (
        "usage: python3 deploy/dev.py test [pytest argument ...]\n\n"
        f"Runs pytest in .venv as: pytest {' '.join(defaults('test'))} [argument ...]\n"
        "  test tests/contract      one folder\n"
        "  test -k outage -x        by name, stopping at the first failure\n"
        "  test -n 0                in one process, for a debugger"
    )


def say(text: str) -> None:
    """One line to a person."""
    print(f"dev.py: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        say("interrupted; the next command goes on from a clean state")
        sys.exit(130)
