"""Who takes submissions in: the node's key, its clocks, its view of the national journal.

Owns the making of commitments, receipts and proofs of attempts from one moment's facts. Rule: the
acceptance time is read after the bytes are durable, and everything is signed by it. Leaves out
keeping what was signed (`store`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lpse.federation.commitments import SubmissionDetails, commit
from lpse.federation.limits import COMMITMENT_SALT_BYTES
from lpse.federation.notes import Signer
from lpse.federation.receipts import (
    Circumstances,
    Commitment,
    Moment,
    Standing,
    Times,
    sign_attempt,
    sign_receipt,
)
from lpse.federation.v1.records_pb2 import RefusalReason
from lpse.runtime.clock import Clock, Entropy
from regional_node.intake import rules
from regional_node.intake.ports import Escrow, Moments, NationalHead
from regional_node.intake.refusals import REASONS, cancelled
from regional_node.intake.store import Judged, Refusal, Sealed
from regional_node.intake.windows import Window


@dataclass(frozen=True)
class Office:
    """See the module's first lines."""

    signer: Signer
    clock: Clock
    entropy: Entropy
    moments: Moments
    national: NationalHead
    exercise: bool = False
    escrow: Escrow | None = None  # None: what is handed out is not sealed into the journal

    def moment(self) -> Moment:
        """All clocks now."""
        return self.moments.moment()

    def commitment(self, details: SubmissionDetails) -> Commitment:
        """A new commitment to these details, under a fresh salt."""
        salt = self.entropy.token(COMMITMENT_SALT_BYTES)
        canonical = details.canonical()
        return Commitment(canonical, salt, commit(salt, canonical))

    def circumstances(self) -> Circumstances:
        """Who signs, and the newest national head known: *not before*."""
        return Circumstances(self.signer.name, self.exercise, self.national.newest())

    def judge(self, sealed: Sealed, begun: Moment) -> Callable[[Window], Judged]:
        """Verdict and receipt of a sealed submission, as a function of its window."""
        world = self.circumstances()

        def judge(window: Window) -> Judged:
            if window.cancelled:
                raise cancelled()
            verdict = rules.judge(window, sealed.durable)
            times = Times(begun.time, sealed.durable, sealed.submit_time)
            receipt = sign_receipt(
                self.signer, sealed.commitment, _standing(window), verdict, times, world
            )
            return Judged(window, verdict, receipt, self._sealed(sealed.commitment, receipt))

        return judge

    def refusal(
        self,
        code: str,
        details: SubmissionDetails,
        window: Window,
        between: tuple[Moment, Moment],
        received_bytes: int,
    ) -> Refusal:
        """The record and proof of an attempt that began and ended `between` two moments."""
        begun, ended = between
        commitment = self.commitment(details)
        reason = REASONS.get(code, RefusalReason.REFUSAL_REASON_INVALID)
        proof = sign_attempt(
            self.signer,
            commitment,
            _standing(window),
            (reason, received_bytes),
            (begun.time, ended),
            self.circumstances(),
        )
        return Refusal(
            details,
            commitment,
            reason,
            received_bytes,
            begun.time,
            ended.time,
            proof,
            self._sealed(commitment, proof),
        )

    def _sealed(self, commitment: Commitment, text: bytes) -> bytes:
        return self.escrow.seal(commitment.digest, text) if self.escrow is not None else b""


def _standing(window: Window) -> Standing:
    return Standing(window.zone, window.deadline, window.revision, window.held)
