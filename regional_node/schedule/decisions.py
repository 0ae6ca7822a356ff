"""What a Pokja may decide, what it signs, and the schedule that follows.

Owns the subject of the signature and the schedule of a changed end. Rules: a decision names the
proposal that was read; nothing is shortened; a provisional proposal is not accepted before its
outage is over; a stage that follows a changed one keeps its gap, and ends that were equal stay
equal. Leaves out who signed (`officers`) and what is stored (`store`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from lpse.federation.errors import Conflict, Refused
from lpse.federation.limits import CHANGED_ENDS_MAX, REASON_CHARACTERS_MAX
from lpse.federation.rule_sets import RuleSet
from lpse.federation.stages import Stage, arrange
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1.acts_pb2 import SignedAct
from regional_node.schedule.proposals import (
    DECIDED,
    Proposal,
    ProposalState,
    adjustment,
    after_proposal,
)
from regional_node.schedule.rules import Package

DECIDE: Final = "compensation.decide"  # the act that a Pokja officer signs
DECIDING_ROLES: Final = ("pokja",)
_NO_SHIFT: Final = timedelta()
_DIGEST_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Wish:
    """What an officer wants decided; `changes` are new ends by stage."""

    package: str
    proposal: int
    decision: records.Decision.ValueType
    reason: str
    changes: Mapping[str, datetime]
    document_digest: bytes

    def subject(self) -> dict[str, object]:
        """What the officer signs; its digest stands in the act."""
        return {
            "package": self.package,
            "proposal": self.proposal,
            "decision": records.Decision.Name(self.decision),
            "reason": self.reason,
            "changes": {
                stage: end.astimezone(UTC).isoformat(timespec="seconds")
                for stage, end in sorted(self.changes.items())
            },
            "document_digest": self.document_digest.hex(),
        }


def check_wish(wish: Wish) -> None:
    """Raise Refused (FED-4110) for an incomplete or contradictory statement."""
    problem = ""
    if wish.decision not in records.Decision.values() or not wish.decision:
        problem = "a decision is accept, change or cancel"
    elif not wish.reason.strip() or len(wish.reason) > REASON_CHARACTERS_MAX:
        problem = f"a decision needs a reason of at most {REASON_CHARACTERS_MAX} characters"
    elif (wish.decision == records.DECISION_CHANGE) != bool(wish.changes):
        problem = "a change, and nothing else, names stages and their new ends"
    elif len(wish.changes) > CHANGED_ENDS_MAX:
        problem = f"at most {CHANGED_ENDS_MAX} stages are changed at once"
    elif len(wish.document_digest) not in (0, _DIGEST_BYTES):
        problem = "the digest of a document has 32 bytes"
    if problem:
        raise Refused("FED-4110", problem)


def is_repeated(wish: Wish, last: Proposal | None) -> bool:
    """Whether exactly this was decided already."""
    done = last.decision if last else None
    if last is None or done is None or last.number != wish.proposal:
        return False
    same = (done.decision, done.reason, done.document_digest)
    if same != (wish.decision, wish.reason, wish.document_digest):
        return False
    ends = {one.stage: one.new_end_time.ToDatetime(tzinfo=UTC) for one in done.adjustments}
    return all(ends.get(stage) == end for stage, end in wish.changes.items())


def check_open(wish: Wish, package: Package, last: Proposal | None, *, held: bool) -> None:
    """Raise Conflict unless the wish speaks of what is undecided now (FED-4111, -4112, -4114)."""
    if package.cancelled:
        raise Conflict("FED-4105", "the selection was cancelled; its schedule moves no more")
    number = last.number if last and last.state not in DECIDED else 0
    if last and last.state is ProposalState.WITHDRAWN:
        number = 0
    if wish.proposal != number or (number == 0 and not held):
        raise Conflict(
            "FED-4111",
            "this is not the proposal that waits for a decision",
            remedy="compensation get shows the present one; read it, then decide",
        )
    if number and last:
        _check_state(wish, last)


def _check_state(wish: Wish, last: Proposal) -> None:
    if wish.decision == records.DECISION_CANCEL:
        return
    if last.state is ProposalState.ALREADY_OPENED:
        raise Conflict(
            "FED-4114",
            "the bids were opened before the declaration came; no new deadline is given",
            remedy="only cancelling the selection is left",
        )
    if wish.decision == records.DECISION_ACCEPT and last.record.provisional:
        raise Conflict(
            "FED-4112",
            "the outage is still open; the proposal is provisional",
            remedy="wait until it is closed, or decide an own end with change",
        )


def decided_stages(wish: Wish, package: Package, last: Proposal | None) -> list[Stage]:
    """The whole schedule after the decision; Refused (FED-4116) where it would shorten anything."""
    waiting = last if last and last.state is ProposalState.OPEN else None
    proposed = after_proposal(package.stages, waiting.record) if waiting else list(package.stages)
    if wish.decision == records.DECISION_ACCEPT:
        return proposed
    if wish.decision == records.DECISION_CANCEL:
        return list(package.stages)
    unknown = wish.changes.keys() - {stage.name for stage in package.stages}
    if unknown:
        raise Refused("FED-4113", "the package has no stage of that name")
    return _changed(package.stages, proposed, wish.changes, package.rules)


def adjustments(before: Sequence[Stage], after: Sequence[Stage]) -> list[records.StageAdjustment]:
    """Stages that the decision moves."""
    pairs = zip(before, after, strict=True)
    return [adjustment(old, new) for old, new in pairs if old != new]


def decided_record(
    wish: Wish, package: Package, after: Sequence[Stage], act: SignedAct
) -> records.CompensationDecided:
    """The journal entry of a decision, with the officer's signature in it."""
    cancelled = wish.decision == records.DECISION_CANCEL
    return records.CompensationDecided(
        package=wish.package,
        proposal=wish.proposal,
        decision=wish.decision,
        reason=wish.reason,
        adjustments=() if cancelled else adjustments(package.stages, after),
        document_digest=wish.document_digest,
        act=act,
    )


def _changed(
    present: Sequence[Stage],
    proposed: Sequence[Stage],
    changes: Mapping[str, datetime],
    rules: RuleSet,
) -> list[Stage]:
    """Given ends, and the stages behind them with the gaps that the proposal gave them."""
    arrangement = arrange(proposed, rules.couplings)
    shift: dict[int | None, timedelta] = {None: _NO_SHIFT}
    result: dict[int, Stage] = {}
    for group in arrangement.groups:
        outside = [place for n in group if (place := arrangement.follows[n]) not in group]
        moved = max((shift[place] for place in outside), default=_NO_SHIFT)
        given = _given([proposed[n].name for n in group], changes)
        for n in group:
            end = given or max(proposed[n].end + moved, present[n].end)
            shift[n] = end - proposed[n].end
        for n in group:
            begin = max(proposed[n].start + shift[arrangement.follows[n]], present[n].start)
            result[n] = _stage(present[n], begin, proposed[n].end + shift[n])
    return [result[n] for n in range(len(present))]


def _given(names: Sequence[str], changes: Mapping[str, datetime]) -> datetime | None:
    """The end that the officer gave to the stages that end together."""
    given = {changes[name] for name in names if name in changes}
    if len(given) > 1:
        raise Refused("FED-4116", "two stages that end together were given different ends")
    return next(iter(given), None)


def _stage(present: Stage, start: datetime, end: datetime) -> Stage:
    if end < present.end:
        raise Refused(
            "FED-4116",
            "the given end is earlier than the present one; a decision never shortens",
            remedy="give an end at or after the one that package get shows",
        )
    if end < start:
        raise Refused("FED-4116", "a stage would end before it starts", remedy="give a later end")
    return Stage(present.name, start, end)
