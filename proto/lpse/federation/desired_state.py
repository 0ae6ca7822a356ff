"""The fold of the national journal into what one node should be: its desired state.

Owns the value `DesiredState` and the pure function `fold`, entry by entry. Rules: the same entries
give the same state on every machine; an entry of an unknown kind, or one that cannot be read, is
skipped and pins the state before it (`pinned_at`), so that a newer program can fold again from
there, while everything after it still counts (Invariant 10). The centre folds with the same
function to compare what a node should be with what it reports. Leaves out the stored form
(`desired_snapshot`) and every act that follows from the state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf.message import Message

from lpse.federation.desired_rollouts import (
    DesiredRelease,
    JoinedRollout,
    OfferedRelease,
    choose_release,
    join,
)
from lpse.federation.limits import DESIRED_SKIPPED_MAX, GUARD_WINDOW_SECONDS, STAGE_HOLD_SECONDS
from lpse.federation.v1 import directives_pb2 as directives


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What decides whether a national entry speaks to a node."""

    node_id: str
    province: str
    zone: str
    services: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DesiredOutage:
    """The newest revision of one declaration, whole, with its place in the national journal."""

    record: directives.OutageRevised
    national_index: int

    @property
    def withdrawn(self) -> bool:
        """Whether it counts for nothing any more."""
        return self.record.act == directives.OUTAGE_ACT_WITHDRAW


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings that hold for every node."""

    guard_window_seconds: int = GUARD_WINDOW_SECONDS
    stage_hold_after_seconds: int = STAGE_HOLD_SECONDS
    manifest_only: bool = False


@dataclass(frozen=True, slots=True)
class KnownOperator:
    """A person of the centre whose approvals a node can check."""

    role: str
    signing_key: bytes
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A national entry that this program could not fold."""

    index: int
    kind: str
    unknown_kind: bool  # False: the kind is known and the payload cannot be read


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What a node should be after `size` national entries; mappings are never changed in place."""

    size: int = 0
    pinned_at: int | None = None
    release: DesiredRelease | None = None
    outages: Mapping[str, DesiredOutage] = field(default_factory=dict)
    calendars: Mapping[str, directives.CalendarPublished] = field(default_factory=dict)
    rule_sets: Mapping[str, directives.RuleSetPublished] = field(default_factory=dict)
    policy: Policy = Policy()
    operators: Mapping[str, KnownOperator] = field(default_factory=dict)
    revoked: bool = False
    releases: Mapping[str, OfferedRelease] = field(default_factory=dict)
    rollouts: Mapping[str, JoinedRollout] = field(default_factory=dict)
    elsewhere: Mapping[str, DesiredOutage] = field(default_factory=dict)  # not for this node
    skipped: tuple[Skipped, ...] = ()

    @property
    def applied_size(self) -> int:
        """Entries below this index are folded without exception."""
        return self.size if self.pinned_at is None else self.pinned_at


def fold(
    state: DesiredState, index: int, kind: str, record: Message | None, me: NodeFacts
) -> DesiredState:
    """The state after entry `index`; `record` is None where the entry could not be understood.

    An entry below `state.size` is one that was folded before and changes nothing (Invariant 3).
    """
    if index < state.size:
        return state
    assert index == state.size, "the national journal is dense"
    handler = _FOLDS.get(kind)
    if record is None or handler is None:
        return _skip(state, index, kind, unknown_kind=handler is None)
    return replace(handler(state, index, record, me), size=index + 1)


def _skip(state: DesiredState, index: int, kind: str, *, unknown_kind: bool) -> DesiredState:
    skipped = state.skipped
    if len(skipped) < DESIRED_SKIPPED_MAX:
        skipped = (*skipped, Skipped(index, kind, unknown_kind))
    pinned = index if state.pinned_at is None else state.pinned_at
    return replace(state, size=index + 1, pinned_at=pinned, skipped=skipped)


def _no_change(state: DesiredState, index: int, record: Any, me: NodeFacts) -> DesiredState:
    return state


def _operator_added(
    state: DesiredState, index: int, record: directives.OperatorAdded, me: NodeFacts
) -> DesiredState:
    known = KnownOperator(record.role, record.signing_key)
    return replace(state, operators={**state.operators, record.operator: known})


def _operator_revoked(
    state: DesiredState, index: int, record: directives.OperatorRevoked, me: NodeFacts
) -> DesiredState:
    known = state.operators.get(record.operator)
    if known is None:
        return state
    gone = replace(known, revoked=True)
    return replace(state, operators={**state.operators, record.operator: gone})


def _node_enrolled(
    state: DesiredState, index: int, record: directives.NodeEnrolled, me: NodeFacts
) -> DesiredState:
    return replace(state, revoked=False) if record.node_id == me.node_id else state


def _node_revoked(
    state: DesiredState, index: int, record: directives.NodeRevoked, me: NodeFacts
) -> DesiredState:
    return replace(state, revoked=True) if record.node_id == me.node_id else state


def _release_published(
    state: DesiredState, index: int, record: directives.ReleasePublished, me: NodeFacts
) -> DesiredState:
    if record.version in state.releases:
        return state  # a release is immutable: the first entry of a version is the release
    releases = {**state.releases, record.version: OfferedRelease(record)}
    return _with(state, releases, state.rollouts)


def _release_withdrawn(
    state: DesiredState, index: int, record: directives.ReleaseWithdrawn, me: NodeFacts
) -> DesiredState:
    offered = state.releases.get(record.version)
    if offered is None:
        return state
    releases = {**state.releases, record.version: replace(offered, withdrawn=True)}
    return _with(state, releases, state.rollouts)


def _rollout_applied(
    state: DesiredState, index: int, record: directives.RolloutApplied, me: NodeFacts
) -> DesiredState:
    joined = join(record, index, me.node_id)
    if joined is None or record.rollout in state.rollouts:
        return state
    return _with(state, state.releases, {**state.rollouts, record.rollout: joined})


def _wave_opened(
    state: DesiredState, index: int, record: directives.RolloutWaveOpened, me: NodeFacts
) -> DesiredState:
    joined = state.rollouts.get(record.rollout)
    if joined is None:
        return state
    opened = joined.open_wave(record.wave_index, index)
    return _with(state, state.releases, {**state.rollouts, record.rollout: opened})


def _rollout_state(
    state: DesiredState, index: int, record: directives.RolloutStateChanged, me: NodeFacts
) -> DesiredState:
    joined = state.rollouts.get(record.rollout)
    if joined is None or joined.state == directives.ROLLOUT_STATE_STOPPED:
        return state  # stopped is for good
    changed = replace(joined, state=record.state)
    return _with(state, state.releases, {**state.rollouts, record.rollout: changed})


def _with(
    state: DesiredState,
    releases: Mapping[str, OfferedRelease],
    rollouts: Mapping[str, JoinedRollout],
) -> DesiredState:
    chosen = choose_release(releases, rollouts)
    return replace(state, releases=releases, rollouts=rollouts, release=chosen)


def _outage_revised(
    state: DesiredState, index: int, record: directives.OutageRevised, me: NodeFacts
) -> DesiredState:
    name = record.outage
    present = state.outages.get(name) or state.elsewhere.get(name)
    if present is not None and present.record.revision >= record.revision:
        return state
    outages = {key: value for key, value in state.outages.items() if key != name}
    elsewhere = {key: value for key, value in state.elsewhere.items() if key != name}
    (outages if applies(record, me) else elsewhere)[name] = DesiredOutage(record, index)
    return replace(state, outages=outages, elsewhere=elsewhere)


def applies(record: directives.OutageRevised, me: NodeFacts) -> bool:
    """Whether a declaration speaks to this node, by its scope."""
    match record.scope:
        case directives.OUTAGE_SCOPE_NATIONAL:
            return True
        case directives.OUTAGE_SCOPE_PROVINCE:
            return record.province == me.province
        case directives.OUTAGE_SCOPE_NODES:
            return me.node_id in record.node_ids
        case directives.OUTAGE_SCOPE_SERVICE:
            return not me.services.isdisjoint(record.services)
        case _:
            return False


def _calendar(
    state: DesiredState, index: int, record: directives.CalendarPublished, me: NodeFacts
) -> DesiredState:
    if record.province not in ("", me.province):
        return state
    key = f"{record.year}/{record.province}" if record.province else str(record.year)
    present = state.calendars.get(key)
    if present is not None and present.revision >= record.revision:
        return state
    return replace(state, calendars={**state.calendars, key: record})


def _rule_set(
    state: DesiredState, index: int, record: directives.RuleSetPublished, me: NodeFacts
) -> DesiredState:
    return replace(state, rule_sets={**state.rule_sets, record.rule_set: record})


def _policy(
    state: DesiredState, index: int, record: directives.PolicyPublished, me: NodeFacts
) -> DesiredState:
    policy = Policy(
        record.guard_window_seconds or GUARD_WINDOW_SECONDS,
        record.stage_hold_after_seconds or STAGE_HOLD_SECONDS,
        record.blob_policy == directives.BLOB_POLICY_MANIFEST_ONLY,
    )
    return replace(state, policy=policy)


_FOLDS: dict[str, Callable[[DesiredState, int, Any, NodeFacts], DesiredState]] = {
    "epoch.opened": _no_change,
    "beacon.lit": _no_change,
    "operator.added": _operator_added,
    "operator.revoked": _operator_revoked,
    "node.enrolled": _node_enrolled,
    "node.revoked": _node_revoked,
    "release.published": _release_published,
    "release.withdrawn": _release_withdrawn,
    "rollout.applied": _rollout_applied,
    "rollout.wave_opened": _wave_opened,
    "rollout.state_changed": _rollout_state,
    "outage.revised": _outage_revised,
    "calendar.published": _calendar,
    "rule_set.published": _rule_set,
    "policy.published": _policy,
    "national.asserted": _no_change,
    "quarantine.released": _no_change,
    "reconciliation.recorded": _no_change,
    "reconciliation.resolved": _no_change,
}
