"""Legal time of an exercise survives restarts, and is never guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lpse.federation.errors import Refused
from lpse.runtime.clock import ExerciseClock


def test_a_set_time_is_there_after_a_restart(tmp_path: Path) -> None:
    """A restarted program goes on where the exercise was."""
    wanted = datetime(2015, 3, 27, 3, tzinfo=UTC)
    ExerciseClock(tmp_path / "legal-time.json").set_legal(wanted)
    again = ExerciseClock(tmp_path / "legal-time.json").now()
    assert wanted <= again < wanted + timedelta(minutes=1)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"{}", b"\xff", b'{"offset_seconds": "soon"}',
        b'{"offset_seconds": NaN}', b'{"offset_seconds": 1e99}', b'{"offset_seconds": 1e12}',
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_told_and_not_guessed(tmp_path: Path, content: bytes) -> None:
    """Deadlines hang on it: the program says which file it is and leaves it as it was."""
    path = tmp_path / "legal-time.json"
    path.write_bytes(content)
    with pytest.raises(Refused) as refusal:
        ExerciseClock(path)
    assert refusal.value.code == "FED-1112"
    assert path.read_bytes() == content


def test_a_file_that_cannot_be_read_is_told_the_same_way(tmp_path: Path) -> None:
    """A folder in its place is no reason for an internal error."""
    (tmp_path / "legal-time.json").mkdir()
    with pytest.raises(Refused):
        ExerciseClock(tmp_path / "legal-time.json")
