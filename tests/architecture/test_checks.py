"""The checks of `dev.py check`, each as a test, and proof that the import arrows really bite."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from deploy.check import CHECKS, SCRIPTS, Check, run
from tests.architecture.repository import ROOT


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_check_passes(check: Check) -> None:
    """Lint, format, strict types, import arrows and fresh generated code hold for every commit."""
    verdict = run(check)
    assert verdict.passed, verdict.words


STORAGE = "import lpse.storage"

# Contract of pyproject.toml -> file and import that go against it.
PLANTED = [
    ("centre-and-node-are-strangers", "central/planted.py", "import regional_node"),
    ("shared-code-knows-no-side", "proto/lpse/runtime/planted.py", "import central"),
    ("contract-has-no-plumbing", "proto/lpse/federation/planted.py", "import lpse.runtime.clock"),
    ("contract-is-pure", "proto/lpse/federation/planted.py", "import time"),
    ("runtime-is-below-storage-and-terminal", "proto/lpse/runtime/planted.py", STORAGE),
    ("rules-are-pure", "central/planted/rules.py", "import sqlite3"),
    ("rules-are-pure", "regional_node/planted/rules.py", "import lpse.runtime.clock"),
    ("stores-do-not-speak-grpc", "central/planted/store.py", "import grpc"),
    ("only-stores-touch-sqlite", "central/planted/service.py", "import sqlite3"),
    ("nobody-imports-the-composition-root", "central/planted/service.py", "import central.app"),
    ("no-cycles", "central/planted/service.py", "import central.planted_other.service"),
]


@pytest.mark.parametrize(("contract", "path", "line"), PLANTED)
def test_planted_import_breaks_its_arrow(
    contract: str, path: str, line: str, tmp_path: Path
) -> None:
    """An import against an arrow is found; a contract that cannot fail proves nothing."""
    plant(tmp_path, path, line)
    result = lint_imports(tmp_path)
    assert result.returncode == 1, result.stdout
    assert f"{contracts()[contract]} BROKEN" in result.stdout


def test_every_contract_has_a_planted_violation() -> None:
    """No arrow is kept only because nothing could ever break it."""
    assert {contract for contract, _, _ in PLANTED} == contracts().keys()


def test_planted_neighbour_alone_breaks_nothing(tmp_path: Path) -> None:
    """The copy used for planting is clean, so that each finding is the planted one."""
    plant(tmp_path, "central/planted/service.py", "import lpse.federation.errors")
    result = lint_imports(tmp_path)
    assert result.returncode == 0, result.stdout


def contracts() -> dict[str, str]:
    """The arrows of pyproject.toml: id and name."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return {c["id"]: c["name"] for c in settings["tool"]["importlinter"]["contracts"]}


def plant(target: Path, path: str, line: str) -> None:
    """A small project with the same arrows, a second folder that imports the first, one import."""
    shutil.copy(ROOT / "pyproject.toml", target)
    skeleton = {
        "central/app.py": "",
        "central/cli.py": "import central.app",
        "regional_node/cli.py": "import regional_node.app",
        "central/planted_other/service.py": "import central.planted",
        "central/planted/store.py": "import aiosqlite",
        "regional_node/app.py": "",
        "regional_node/planted/store.py": "",
        "proto/lpse/__init__.py": "",
        "proto/lpse/federation/errors.py": "",
        "proto/lpse/federation/v1/planted_pb2.py": "",
        "proto/lpse/runtime/clock.py": "import random",
        "proto/lpse/runtime/sqlite.py": "import sqlite3, aiosqlite",
        "proto/lpse/storage/__init__.py": "",
        "proto/lpse/terminal/__init__.py": "import rich",
    }
    for name, text in {**skeleton, path: line}.items():
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    for folder in {file.parent for file in target.rglob("*.py")} | {
        target / "proto/lpse/federation"
    }:
        if folder != target / "proto":
            (folder / "__init__.py").touch()


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """The real linter with the real contracts, over the planted project."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{folder / 'proto'}"}
    command = [str(SCRIPTS / "lint-imports"), "--no-logo", "--no-cache"]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
