"""A rollout as it stands now: rows, reports and access put together, for the gate and for people.

Rule: the gate and every screen count a node by the same function. Leaves out the decision
(`rules`) and where the facts come from (`store`, ports).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from central.rollouts.ports import HasAccess, Versions
from central.rollouts.rules import (
    Progress,
    Situation,
    Standing,
    State,
    Word,
    standing,
    wave_met,
)
from central.rollouts.store import RolloutStore, StoredNode, StoredRollout
from lpse.operator.v1 import rollouts_pb2 as api


@dataclass(frozen=True, slots=True)
class Judged:
    """A node with how it counts."""

    node: StoredNode
    standing: Standing
    present_version: str


@dataclass(frozen=True, slots=True)
class View:
    """A rollout with every node judged at one moment."""

    stored: StoredRollout
    waves: tuple[tuple[Judged, ...], ...]
    as_of: datetime

    @property
    def situation(self) -> Situation:
        """What the gate decides from."""
        record = self.stored.record
        return Situation(
            self.stored.state,
            record.success_percent,
            record.failures_max,
            len(self.stored.open_times),
            [[one.standing for one in wave] for wave in self.waves],
        )

    def message(self, *, whole: bool = True) -> api.Rollout:
        """The rollout on the wire; lists leave out the nodes."""
        stored, record = self.stored, self.stored.record
        message = api.Rollout(
            name=stored.name,
            version=record.version,
            state=stored.state.number,
            reason=stored.reason,
            changed_by=stored.changed_by,
            waves=[self._wave(index, whole) for index in range(len(self.waves))],
            success_percent=record.success_percent,
            failures_max=record.failures_max,
            soak_seconds=record.soak_seconds,
            guard_window_seconds=record.guard_window_seconds,
            emergency_override=record.emergency_override,
            failures=self.situation.failures,
            ever_held_count=sum(one.node.ever_held for wave in self.waves for one in wave),
        )
        message.apply_time.FromDatetime(stored.apply_time)
        message.change_time.FromDatetime(stored.change_time)
        message.as_of_time.FromDatetime(self.as_of)
        return message

    def _wave(self, index: int, whole: bool) -> api.RolloutWaveView:
        wave, record = self.waves[index], self.stored.record
        standings = [one.standing for one in wave]
        counts = {
            progress: sum(one.progress is progress for one in standings) for progress in Progress
        }
        opened = index < len(self.stored.open_times)
        message = api.RolloutWaveView(
            wave=record.waves[index].wave,
            wave_index=index,
            met=opened and wave_met(standings, record.success_percent),
            nodes=[_node(one) for one in wave] if whole else (),
            node_count=len(wave),
            applied_count=counts[Progress.APPLIED],
            held_count=counts[Progress.HELD],
            failed_count=counts[Progress.FAILED],
        )
        if opened:
            message.open_time.FromDatetime(self.stored.open_times[index])
        return message


class Viewer:
    """Puts views together."""

    def __init__(self, store: RolloutStore, versions: Versions, has_access: HasAccess) -> None:
        self._store = store
        self._versions = versions
        self._has_access = has_access

    async def view(self, name: str, now: datetime) -> View:
        """One rollout; NotFound (FED-6207)."""
        (found,) = await self.views([await self._store.get(name)], now)
        return found

    async def views(self, listed: Sequence[StoredRollout], now: datetime) -> list[View]:
        """Several rollouts at one moment."""
        nodes = {node.node_id for stored in listed for node in stored.nodes}
        versions = await self._versions.versions(nodes) if nodes else {}
        return [self._view(stored, versions, now) for stored in listed]

    def _view(self, stored: StoredRollout, versions: Mapping[str, str], now: datetime) -> View:
        waves: list[list[Judged]] = [[] for _ in stored.record.waves]
        for node in stored.nodes:
            present = versions.get(node.node_id, "")
            waves[node.wave_index].append(self._judged(stored, node, present, now))
        return View(stored, tuple(map(tuple, waves)), now)

    def _judged(
        self, stored: StoredRollout, node: StoredNode, present: str, now: datetime
    ) -> Judged:
        opened = node.wave_index < len(stored.open_times)
        word = Word(
            step=node.step,
            seen_time=node.seen_time,
            open_time=stored.open_times[node.wave_index] if opened else None,
            present_version=present,
            has_access=self._has_access(node.node_id),
            rollout_running=stored.state is State.RUNNING,
        )
        return Judged(node, standing(word, stored.record.version, now), present)


def _node(judged: Judged) -> api.RolloutNode:
    step, counted = judged.node.step, judged.standing
    message = api.RolloutNode(
        node_id=judged.node.node_id,
        progress=api.NodeProgress.Value(f"NODE_PROGRESS_{counted.progress.value}"),
        from_version=judged.present_version,
    )
    if counted.silence_deadline is not None:
        message.silence_deadline_time.FromDatetime(counted.silence_deadline)
    if step is not None:
        message.state = step.state
        message.hold_reason = step.hold_reason
        message.detail = step.detail
        message.from_version = step.from_version
        message.reported_version = step.reported_version
        if step.HasField("hold_until_time"):
            message.hold_until_time.CopyFrom(step.hold_until_time)
        if step.HasField("step_time"):
            message.step_time.CopyFrom(step.step_time)
    return message
