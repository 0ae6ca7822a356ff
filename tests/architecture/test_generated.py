"""Generated code: staleness is seen without writing, and one command makes it right again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deploy import generate
from tests.architecture.repository import ROOT

FOLDER = "lpse/federation/v1"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the contract on which the generator works instead of this repository."""
    for source in [*(ROOT / "proto").glob(f"{FOLDER}/*.proto")]:
        target = tmp_path / "proto" / FOLDER / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "SOURCES", tmp_path / "proto")
    generate.main([])
    return tmp_path / "proto" / FOLDER


def test_changed_missing_and_orphaned_files_are_named_and_healed(
    checkout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A changed, a missing and an orphaned file are all seen; --check does not write."""
    assert generate.main(["--check"]) == 0
    changed, missing = checkout / "journal_pb2.py", checkout / "journal_pb2.pyi"
    orphan = checkout / "gone_pb2.py"
    right = changed.read_bytes()
    changed.write_bytes(right + b"#")
    missing.unlink()
    orphan.write_bytes(b"")
    capfd.readouterr()
    assert generate.main(["--check"]) == 1
    told = capfd.readouterr().out
    assert all(path.name in told for path in (changed, missing, orphan))
    assert changed.read_bytes() == right + b"#"
    assert generate.main([]) == 0
    assert changed.read_bytes() == right
    assert missing.exists()
    assert not orphan.exists()
    assert generate.main(["--check"]) == 0


def test_same_contract_gives_the_same_bytes(checkout: Path) -> None:
    """Two runs over the same contract agree byte for byte with what is committed."""
    made = {path.name: path.read_bytes() for path in checkout.glob("*_pb2*")}
    kept = {path.name: path.read_bytes() for path in (ROOT / "proto" / FOLDER).glob("*_pb2*")}
    assert made == {name: kept.get(name) for name in made}
