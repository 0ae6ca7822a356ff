"""What the folder of an opened package says about its submissions as a whole."""

from __future__ import annotations

from pathlib import Path

from lpse.federation.v1.records_pb2 import Verdict
from lpse.intake.v1 import submissions_pb2 as wire
from regional_node.cli.takeover import Takeover


def _released(key: str, verdict: Verdict.ValueType, replaces: str = "") -> wire.Submission:
    return wire.Submission(name=f"submissions/{key}", verdict=verdict, replaces=replaces)


def test_late_undetermined_and_replaced_bids_are_counted_apart(tmp_path: Path) -> None:
    """The Pokja sees before it evaluates that a bid is late, doubtful or was replaced."""
    takeover = Takeover(tmp_path / "opened")
    for given in (
        _released("a-1", Verdict.VERDICT_ON_TIME),
        _released("a-2", Verdict.VERDICT_UNDETERMINED, "a-1"),
        _released("b-1", Verdict.VERDICT_LATE),
    ):
        released = wire.ReleasedSubmission(submission=given, details=b'{"files":[]}')
        takeover.take(wire.ReleaseSubmissionsResponse(submission=released))
    counted = (takeover.submissions, takeover.undetermined, takeover.late, takeover.replaced)
    assert counted == (3, 1, 1, 1)
    takeover.discard()
