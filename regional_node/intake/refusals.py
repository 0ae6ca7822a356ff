"""Why an upload is refused: the errors, and what an attempt's record says about them.

Owns the table from error codes to the coarse reasons of the journal. Rule: a reason never tells
whose attempt it was. Leaves out the decision (`rules`) and the recording (`submissions`).
"""

from __future__ import annotations

from lpse.federation.commitments import SubmissionDetails
from lpse.federation.errors import Conflict, FederationError, Refused
from lpse.federation.v1.records_pb2 import RefusalReason
from regional_node.intake import rules

# What an attempt's record says about the reason; the rest is INVALID.
REASONS = {
    "FED-5003": RefusalReason.REFUSAL_REASON_TOO_LARGE,
    "FED-5008": RefusalReason.REFUSAL_REASON_BROKEN,
    "FED-5009": RefusalReason.REFUSAL_REASON_BROKEN,
    "FED-5010": RefusalReason.REFUSAL_REASON_NO_SPACE,
    "FED-5011": RefusalReason.REFUSAL_REASON_STAGE_CLOSED,
    "FED-5015": RefusalReason.REFUSAL_REASON_BROKEN,
    "FED-5022": RefusalReason.REFUSAL_REASON_TOO_LARGE,
    "FED-5406": RefusalReason.REFUSAL_REASON_BROKEN,
    "FED-5415": RefusalReason.REFUSAL_REASON_EXPIRED,
    "FED-5416": RefusalReason.REFUSAL_REASON_TERMINATED,
    "FED-5417": RefusalReason.REFUSAL_REASON_REVOKED,
    "FED-5418": RefusalReason.REFUSAL_REASON_BROKEN,
    "FED-1101": RefusalReason.REFUSAL_REASON_NO_SPACE,
}
# Not recorded: a conflict was no attempt at this package, and a failed disk records nothing.
UNRECORDED = ("FED-5006", "FED-1102", "FED-1106")


def refusal_of(admission: rules.Admission) -> FederationError | None:
    """The error for an upload that may not begin."""
    match admission:
        case rules.Admission.ADMITTED:
            return None
        case rules.Admission.CANCELLED:
            return cancelled()
        case rules.Admission.NOT_YET:
            return Refused(
                "FED-5012",
                "the upload stage of this package has not begun",
                remedy="package get shows when it begins",
            )
        case rules.Admission.CLOSED:
            return Refused(
                "FED-5011",
                "the upload began after the deadline",
                remedy="keep the proof of the attempt; tell the Pokja if a disturbance caused it",
            )


def cancelled() -> Refused:
    """FED-5013."""
    return Refused("FED-5013", "the selection of this package was cancelled")


def refuse_replacing(
    details: SubmissionDetails, earlier: SubmissionDetails | None
) -> FederationError | None:
    """The error for a submission that replaces what it may not; None where it may, or does not.

    A key that is unknown and one that is somebody else's look alike.
    """
    if not details.replaces:
        return None
    own = earlier is not None and (earlier.vendor, earlier.package, earlier.stage) == (
        details.vendor,
        details.package,
        details.stage,
    )
    if own and details.replaces != details.intake_key:
        return None
    return Refused(
        "FED-5030",
        "no earlier submission of this vendor, package and stage has that key",
        remedy="copy the intake key from the receipt of the earlier submission",
    )


def conflict() -> Conflict:
    """FED-5006."""
    return Conflict(
        "FED-5006",
        "this intake key already stands for another submission",
        remedy="use a new key for a new submission; repeat the old one unchanged for its receipt",
    )
