"""Vendors choose file names; whoever takes a package over chooses where the files go."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regional_node.intake.names import safe_name

names = st.text(max_size=300) | st.sampled_from(
    ["..", ".", "/", "a/../b", "CON", "a", "A", "a.RHS", "A.rhs", "~", "-rf", "e\u0301", "é"]
)


@given(st.lists(names, max_size=30))
def test_every_name_is_one_plain_name(chosen: list[str]) -> None:
    """No name leads out of the folder, hides, or is another one's name in other letters."""
    taken: set[str] = set()
    made = [safe_name(name, taken) for name in chosen]
    assert len({name.casefold() for name in made}) == len(chosen)
    for name in made:
        assert PurePosixPath(name).parts == (name,)
        assert PureWindowsPath(name).parts == (name,)
        assert name.isprintable()
        assert name[0] not in ".-~ "
        assert name[-1] not in ". "
        assert len(name.encode()) <= 255


@pytest.mark.parametrize(
    ("chosen", "made"),
    [
        ("penawaran.rhs", "penawaran.rhs"),
        ("../../etc/passwd", "_._etc_passwd"),
        ("C:\\x\\y.rhs", "C__x_y.rhs"),
        (".profile", "profile"),
        ("nul.rhs", "_nul.rhs"),
        ("", "file"),
        ("…/..", "…_"),
    ],
)
def test_examples(chosen: str, made: str) -> None:
    """Ordinary names stay as they are; dangerous ones stay readable."""
    assert safe_name(chosen, set()) == made


@given(names)
def test_every_name_can_be_made(tmp_path_factory: pytest.TempPathFactory, chosen: str) -> None:
    """The file system takes every name, and the file lies directly in its folder."""
    folder: Path = tmp_path_factory.getbasetemp() / "names"
    folder.mkdir(exist_ok=True)
    path = folder / safe_name(chosen, set())
    path.write_bytes(b"x")
    assert path.resolve().parent == folder.resolve()
    path.unlink()
