"""Packages, schedules and compensations as messages of the intake API.

Leaves out who may ask and what is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from lpse.federation.stages import Stage
from lpse.intake.v1 import compensations_pb2 as compensations_api
from lpse.intake.v1 import packages_pb2 as packages_api
from regional_node.schedule.proposal_store import Case
from regional_node.schedule.proposals import Proposal, ProposalState
from regional_node.schedule.rules import Hold, bid_deadline, is_opening, is_upload
from regional_node.schedule.store import Revision

_STATES: Final = {
    ProposalState.OPEN: compensations_api.COMPENSATION_STATE_PROPOSED,
    ProposalState.SUPERSEDED: compensations_api.COMPENSATION_STATE_SUPERSEDED,
    ProposalState.ACCEPTED: compensations_api.COMPENSATION_STATE_ACCEPTED,
    ProposalState.CHANGED: compensations_api.COMPENSATION_STATE_CHANGED,
    ProposalState.CANCELLED: compensations_api.COMPENSATION_STATE_CANCELLED,
    ProposalState.WITHDRAWN: compensations_api.COMPENSATION_STATE_WITHDRAWN,
    ProposalState.ALREADY_OPENED: compensations_api.COMPENSATION_STATE_ALREADY_OPENED,
}


def package(
    case: Case, waiting: Sequence[Hold], now: datetime, revisions: Sequence[Revision] = ()
) -> packages_api.Package:
    """A package; with its revisions it is told whole."""
    known = case.package
    message = packages_api.Package(
        name=f"packages/{known.code}",
        code=known.code,
        title=known.title,
        zone=known.zone,
        rule_set=known.rule_set,
        revision=known.revision,
        cancelled=known.cancelled,
        held=case.held or bool(waiting),
        proposal=case.last.number if case.last else 0,
        compensation_state=_word(case.last),
        outages=case.last.record.outages if case.last else (),
    )
    _set(message.deadline_time, bid_deadline(known.stages))
    _set(message.original_deadline_time, bid_deadline(known.original))
    if bid_deadline(known.stages) is None:
        message.ClearField("deadline_time")
        message.ClearField("original_deadline_time")
    if revisions:
        message.stages.extend(_stages(case, waiting, now))
        message.revisions.extend(map(_revision, revisions))
        message.holds.extend(map(_hold, case.holds))
    return message


def effective_schedule(
    case: Case, waiting: Sequence[Hold], now: datetime
) -> packages_api.GetEffectiveScheduleResponse:
    """What counts now."""
    known = case.package
    message = packages_api.GetEffectiveScheduleResponse(
        name=f"packages/{known.code}",
        revision=known.revision,
        zone=known.zone,
        cancelled=known.cancelled,
        stages=_stages(case, waiting, now),
        held=any(is_upload(one.stage) or is_opening(one.stage) for one in waiting),
    )
    deadline = bid_deadline(known.stages)
    if deadline is not None:
        message.deadline_time.FromDatetime(deadline)
    message.as_of_time.FromDatetime(now)
    return message


def compensation(
    case: Case, proposal: Proposal | None, *, whole: bool = False
) -> compensations_api.Compensation:
    """A proposal with what became of it; without one: a hold that waits for a decision."""
    known = case.package
    message = compensations_api.Compensation(
        name=f"compensations/{known.code}/{proposal.number if proposal else 0}",
        package=known.code,
        zone=known.zone,
        rule_set=known.rule_set,
        held=case.held,
        schedule_revision=known.revision,
        state=compensations_api.COMPENSATION_STATE_PROPOSED,
    )
    if proposal is None:
        message.outages.extend(
            sorted({name for hold in case.holds if hold.end is None for name in hold.outages})
        )
        return message
    record = proposal.record
    message.proposal = proposal.number
    message.state = _STATES[proposal.state]
    message.provisional = record.provisional
    message.schedule_revision = record.schedule_revision
    message.adjustments.extend(record.adjustments)
    message.outages.extend(record.outages)
    message.as_of_time.CopyFrom(record.as_of_time)
    if whole:
        message.arithmetic = record.arithmetic
    if proposal.decision is not None and proposal.decide_time is not None:
        message.reason = proposal.decision.reason
        message.decided_by = proposal.decision.act.actor
        message.decide_time.FromDatetime(proposal.decide_time)
        message.decided.extend(proposal.decision.adjustments)
    return message


def _stages(
    case: Case, waiting: Sequence[Hold], now: datetime
) -> list[packages_api.EffectiveStage]:
    known = case.package
    first = {stage.name: stage for stage in known.original}
    held = {hold.stage for hold in waiting}
    proposed = {}
    if case.last and case.last.undecided():
        proposed = {one.stage: one.new_end_time for one in case.last.record.adjustments}
    listed = []
    for stage in known.stages:
        origin = first.get(stage.name, stage)
        message = packages_api.EffectiveStage(
            stage=stage.name, state=_state(stage, stage.name in held, now)
        )
        message.original_start_time.FromDatetime(origin.start)
        message.original_end_time.FromDatetime(origin.end)
        message.start_time.FromDatetime(stage.start)
        message.end_time.FromDatetime(stage.end)
        if stage.name in proposed:
            message.proposed_end_time.CopyFrom(proposed[stage.name])
        listed.append(message)
    return listed


def _state(stage: Stage, held: bool, now: datetime) -> packages_api.StageState.ValueType:
    if held:
        return packages_api.STAGE_STATE_HELD
    if now < stage.start:
        return packages_api.STAGE_STATE_UPCOMING
    return packages_api.STAGE_STATE_OPEN if now < stage.end else packages_api.STAGE_STATE_ENDED


def _revision(revision: Revision) -> packages_api.ScheduleRevision:
    message = packages_api.ScheduleRevision(revision=revision.revision, origin=revision.origin)
    message.record_time.FromDatetime(revision.record_time)
    for stage in revision.stages:
        listed = message.stages.add(stage=stage.name)
        listed.start_time.FromDatetime(stage.start)
        listed.end_time.FromDatetime(stage.end)
    return message


def _hold(hold: Hold) -> packages_api.StageHold:
    message = packages_api.StageHold(
        stage=hold.stage, outages=hold.outages, end_reason=hold.end_reason
    )
    message.due_time.FromDatetime(hold.due)
    message.start_time.FromDatetime(hold.start)
    if hold.end is not None:
        message.end_time.FromDatetime(hold.end)
    return message


def _word(last: Proposal | None) -> str:
    """One word for lists: how the package stands with compensation."""
    if last is None:
        return "NONE"
    decided = (ProposalState.ACCEPTED, ProposalState.CHANGED, ProposalState.CANCELLED)
    return "DECIDED" if last.state in decided else last.state.value


def _set(field: Timestamp, moment: datetime | None) -> None:
    if moment is not None:
        field.FromDatetime(moment)
