"""Everything about the house that can be judged without running it, in one command.

Owns the list of checks behind `deploy/dev.py check`; tests/architecture runs the same list, so
both always agree. Prints one line per check, and the words of those that fail. Leaves the tests
themselves to `dev.py test`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(sys.executable).parent


@dataclass(frozen=True)
class Check:
    """One tool with the arguments that make it judge this repository."""

    name: str
    command: tuple[str, ...]


CHECKS = (
    Check("ruff check", (str(SCRIPTS / "ruff"), "check", "--quiet", ".")),
    Check("ruff format", (str(SCRIPTS / "ruff"), "format", "--check", "--quiet", ".")),
    Check("mypy strict", (sys.executable, "-m", "mypy")),
    Check("import arrows", (str(SCRIPTS / "lint-imports"), "--no-logo")),
    Check("generated code", (sys.executable, "-m", "deploy.generate", "--check")),
)


@dataclass(frozen=True)
class Verdict:
    """What one check said."""

    passed: bool
    words: str
    seconds: float


def main(arguments: list[str] | None = None) -> int:
    """Exit status 1 if any check fails; all are run in any case."""
    parser = argparse.ArgumentParser(prog="dev.py check", description=__doc__)
    parser.parse_args(arguments)
    verdicts = [report(check) for check in CHECKS]
    failed = sum(not verdict.passed for verdict in verdicts)
    print(f"{len(verdicts) - failed} passed, {failed} failed")
    return 1 if failed else 0


def report(check: Check) -> Verdict:
    """Run one check and print its line, with its own words where it fails."""
    verdict = run(check)
    print(f"{'ok    ' if verdict.passed else 'FAILED'} {check.name} ({verdict.seconds:.1f} s)")
    if not verdict.passed:
        print(verdict.words)
    sys.stdout.flush()
    return verdict


def run(check: Check) -> Verdict:
    """One check, without printing."""
    started = time.monotonic()
    result = subprocess.run(check.command, cwd=ROOT, capture_output=True, text=True, check=False)
    words = (result.stdout + result.stderr).strip()
    return Verdict(result.returncode == 0, words, time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main())
