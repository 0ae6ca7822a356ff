"""The developers' door makes a right environment whatever happens to it, and keeps stdout clean.

Runs the real dev.py, venv and pip over a tiny project whose only locked package is made here, so
that no network is needed and making an environment takes seconds.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tiny"
version = "1"
dependencies = []
[tool.hatch]
"""
BACKEND = """
import zipfile
METADATA = "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n"
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("tiny-1.dist-info/METADATA", METADATA)
        wheel.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr("tiny-1.dist-info/RECORD", "")
    return name
"""
DEMO = """
import json, sys, grain
if "--wait" in sys.argv:
    print("started", flush=True)
    sys.stdin.read()
print(json.dumps({"grain": grain.VERSION, "arguments": sys.argv[1:]}))
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A checkout of a tiny project behind the real door."""
    for name in ("deploy/demo", "deploy/locks", "wheels"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / "deploy/dev.py", tmp_path / "deploy/dev.py")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "deploy/demo/__main__.py").write_text(DEMO)
    lock(tmp_path, 1)
    return tmp_path


def test_two_at_once_make_one_environment(tiny: Path) -> None:
    """Two first commands at once both work, and the environment is made once for all."""
    pair = [door(tiny, "demo", "--output", str(n)) for n in range(2)]
    told = [process.communicate(timeout=100) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], told
    assert [json.loads(out)["arguments"] for out, _ in told] == [
        ["--output", "0"],
        ["--output", "1"],
    ]
    assert "".join(error for _, error in told).count("making .venv") == 1
    _, error = door(tiny, "demo").communicate(timeout=100)
    assert "making .venv" not in error


def test_killed_while_making_heals_at_the_next_command(tiny: Path) -> None:
    """A kill -9 in mid-making leaves nothing to trust, and the orphaned step is waited for."""
    killed = door(tiny, "demo")
    while not (tiny / ".venv" / "bin" / "python").exists():
        assert killed.poll() is None
        time.sleep(0.005)
    killed.kill()
    killed.communicate(timeout=100)
    out, error = door(tiny, "demo").communicate(timeout=100)
    assert json.loads(out)["grain"] == 1, error
    assert "making .venv" in error


def test_environment_in_use_is_not_taken_away(tiny: Path) -> None:
    """A changed lock waits for the command that runs, then remakes the environment."""
    running = door(tiny, "demo", "--wait")
    assert running.stdout is not None
    assert running.stdout.readline() == "started\n"
    lock(tiny, 2)
    waiting = door(tiny, "demo")
    assert waiting.stderr is not None
    assert "waiting for it to end" in waiting.stderr.readline()
    out, _ = running.communicate(timeout=100)
    assert json.loads(out)["grain"] == 1
    out, error = waiting.communicate(timeout=100)
    assert json.loads(out)["grain"] == 2, error


def test_failing_installation_is_said_and_not_trusted(tiny: Path) -> None:
    """A package that does not match its digest ends with a sentence, status 1 and no stamp."""
    lock(tiny, 1, digest="0" * 64)
    process = door(tiny, "demo")
    out, error = process.communicate(timeout=100)
    assert process.returncode == 1
    assert not out
    assert "could not install the locked packages" in error
    assert not (tiny / ".venv" / "made-from.sha256").exists()


def test_unknown_command_is_refused_with_the_grammar(tiny: Path) -> None:
    """A mistyped command costs no environment, names the near one and ends with status 2."""
    process = door(tiny, "dmo")
    out, error = process.communicate(timeout=100)
    assert process.returncode == 2
    assert not out
    assert "Did you mean 'demo'" in error
    assert not (tiny / ".venv").exists()


def lock(tiny: Path, version: int, digest: str = "") -> None:
    """Make version `version` of the one package, and a lock that asks for it."""
    wheel = tiny / "wheels" / f"grain-{version}-py3-none-any.whl"
    front = f"grain-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("grain.py", f"VERSION = {version}\n")
        archive.writestr(
            f"{front}/METADATA", f"Metadata-Version: 2.1\nName: grain\nVersion: {version}\n"
        )
        archive.writestr(f"{front}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{front}/RECORD", "")
    digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
    text = f"grain=={version} --hash=sha256:{digest}\n"
    (tiny / "deploy/locks/test.txt").write_text(text)


def door(tiny: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the door as a stranger would, with pip kept off the network."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    offline = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tiny / "wheels"),
        "PIP_CONFIG_FILE": "/dev/null",
    }
    return subprocess.Popen(
        [sys.executable, "deploy/dev.py", *arguments],
        cwd=tiny,
        env={**kept, **offline},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
