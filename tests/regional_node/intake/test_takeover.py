"""What the folder of an opened package says about its submissions as a whole."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

from lpse.federation.commitments import SealedFile, SubmissionDetails, commit
from lpse.federation.limits import COMMITMENT_SALT_BYTES
from lpse.federation.v1.records_pb2 import Verdict
from lpse.intake.v1 import submissions_pb2 as wire
from regional_node.cli.takeover import Takeover

SALT: Final = bytes(COMMITMENT_SALT_BYTES)


def _released(
    key: str, verdict: Verdict.ValueType, replaces: str = ""
) -> wire.ReleaseSubmissionsResponse:
    empty = SealedFile("bid.rhs", 0, sha256().digest())
    details = SubmissionDetails(
        key, "7781013", "Upload", "PT", "direct", 0, (empty,), {}, replaces
    ).canonical()
    given = wire.Submission(
        name=f"submissions/{key}",
        verdict=verdict,
        replaces=replaces,
        commitment=commit(SALT, details),
    )
    released = wire.ReleasedSubmission(submission=given, details=details, salt=SALT)
    return wire.ReleaseSubmissionsResponse(submission=released)


def test_late_undetermined_and_replaced_bids_are_counted_apart(tmp_path: Path) -> None:
    """The Pokja sees before it evaluates that a bid is late, doubtful or was replaced."""
    takeover = Takeover(tmp_path / "opened")
    takeover.take(_released("a-1", Verdict.VERDICT_ON_TIME))
    takeover.take(_released("a-2", Verdict.VERDICT_UNDETERMINED, "a-1"))
    takeover.take(_released("b-1", Verdict.VERDICT_LATE))
    counted = (takeover.submissions, takeover.undetermined, takeover.late, takeover.replaced)
    assert counted == (3, 1, 1, 1)
    takeover.discard()
