"""The locks: what is installed is exactly what was looked at, and all that the project asks for."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.repository import ROOT

LOCKS = ROOT / "deploy" / "locks"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")


def test_locks_hold_what_the_project_asks_for() -> None:
    """Every dependency of pyproject.toml is locked at a version it allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    run = project["dependencies"]
    test = [*run, *project["optional-dependencies"]["test"]]
    assert not missing(run, pinned("run"))
    assert not missing(test, pinned("test"))


def test_run_and_test_agree() -> None:
    """What is tested is what runs: both locks have the same version of every package."""
    assert pinned("run").items() <= pinned("test").items()


@pytest.mark.parametrize("name", ["run", "test"])
def test_every_locked_package_has_hashes(name: str) -> None:
    """Each line pins one version with at least one SHA-256, and names no place to get it from."""
    logical = (LOCKS / f"{name}.txt").read_text("utf-8").replace("\\\n", " ").splitlines()
    lines = [line for line in logical if line.strip() and not line.strip().startswith("#")]
    assert lines
    for line in lines:
        assert PINNED.match(line), line
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", line), line
        assert "://" not in line


def test_missing_or_too_old_package_is_found() -> None:
    """The comparison itself works: an absent and an outdated package are both named."""
    assert missing(["absent>=1", "old>=2.0"], {"old": "1.9"}) == ["absent>=1", "old>=2.0"]


def pinned(name: str) -> dict[str, str]:
    """Package and version of every line of a lock."""
    lines = (LOCKS / f"{name}.txt").read_text("utf-8").splitlines()
    found = (PINNED.match(line) for line in lines)
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def missing(asked: list[str], locked: dict[str, str]) -> list[str]:
    """Requirements that a lock does not satisfy."""
    wanted = {text: Requirement(text) for text in asked}
    return [
        text
        for text, requirement in wanted.items()
        if (version := locked.get(canonicalize_name(requirement.name))) is None
        or not requirement.specifier.contains(version, prereleases=True)
    ]
