"""The escrow keys of a node: made once, never overwritten, on paper only where somebody asks."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lpse.federation.errors import Conflict, Refused
from lpse.federation.escrow import EscrowInvalid
from lpse.federation.limits import ESCROW_FORMER_KEYS_MAX
from lpse.federation.recovery_code import RecoveryCodeInvalid, code_of, read_code
from lpse.runtime.clock import SeededEntropy
from regional_node.identity.escrow import (
    ESCROW_KEY,
    keep_former,
    make_escrow,
    open_escrow,
    put_recovery_code,
    recovery_code,
)

COMMITMENT = bytes(32)
BIN = Path(sys.executable).parent


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    """A node of an older program gets its key at its next start, and keeps it."""
    folder = tmp_path / "identity"
    first = open_escrow(folder, SeededEntropy(1))
    assert open_escrow(folder, SeededEntropy(2)).present == first.present
    assert not make_escrow(folder, SeededEntropy(3))
    assert stat.S_IMODE((folder / ESCROW_KEY).stat().st_mode) == 0o600
    assert read_code(recovery_code(folder)) == first.present


def test_a_paper_becomes_the_key_of_a_new_machine(tmp_path: Path) -> None:
    """The same paper goes on being the right one; another key is never overwritten by it."""
    key = bytes(range(32))
    put_recovery_code(tmp_path / "new", code_of(key).lower())
    put_recovery_code(tmp_path / "new", code_of(key))
    assert open_escrow(tmp_path / "new", SeededEntropy(1)).present == key
    make_escrow(tmp_path / "other", SeededEntropy(1))
    with pytest.raises(Conflict, match="FED-2435"):
        put_recovery_code(tmp_path / "other", code_of(key))
    with pytest.raises(RecoveryCodeInvalid):
        put_recovery_code(tmp_path / "third", "no code")
    assert not (tmp_path / "third").exists()


def test_former_keys_open_and_the_present_one_seals(tmp_path: Path) -> None:
    """What an earlier life sealed is opened, after any number of restarts."""
    present = open_escrow(tmp_path, SeededEntropy(1))
    old = open_escrow(tmp_path / "old", SeededEntropy(2))
    sealed = old.seal(COMMITMENT, b"a receipt")
    with pytest.raises(EscrowInvalid):
        present.unseal(COMMITMENT, sealed)
    for _ in range(2):
        keep_former(tmp_path, old.present)
    keys = open_escrow(tmp_path, SeededEntropy(3))
    assert keys.present == present.present and keys.former == (old.present,)
    assert keys.unseal(COMMITMENT, sealed) == b"a receipt"
    assert old.present.hex() not in repr(keys) and str(old.present) not in repr(keys)


def test_former_keys_are_bounded(tmp_path: Path) -> None:
    """One more than the limit is refused, and none is lost."""
    make_escrow(tmp_path, SeededEntropy(1))
    for number in range(ESCROW_FORMER_KEYS_MAX):
        keep_former(tmp_path, bytes([number] * 32))
    with pytest.raises(Refused, match="FED-2436"):
        keep_former(tmp_path, bytes([200] * 32))
    assert len(open_escrow(tmp_path, SeededEntropy(1)).former) == ESCROW_FORMER_KEYS_MAX


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    """A key file of another length is never used to seal."""
    (tmp_path / ESCROW_KEY).write_bytes(b"short")
    with pytest.raises(Refused, match="FED-3012"):
        open_escrow(tmp_path, SeededEntropy(1))


def test_the_command_shows_nothing_unasked(tmp_path: Path) -> None:
    """Where nobody can be asked the code is not shown; --yes and --out say that it is wanted."""
    make_escrow(tmp_path / "identity", SeededEntropy(1))
    code = recovery_code(tmp_path / "identity")
    silent = _command(tmp_path, "recovery-code", "show")
    assert silent.returncode == 8 and "FED-8013" in silent.stderr
    assert code.split()[0] not in silent.stdout + silent.stderr
    assert _command(tmp_path, "recovery-code", "show", "--yes").stdout == f"{code}\n"
    paper = tmp_path / "paper"
    told = _command(tmp_path, "recovery-code", "show", "--out", str(paper))
    assert told.returncode == 0 and not told.stdout
    assert paper.read_text("utf-8") == f"{code}\n"
    assert stat.S_IMODE(paper.stat().st_mode) == 0o600


def _command(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "lpse-node"), "--data", str(data), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        check=False,
    )
