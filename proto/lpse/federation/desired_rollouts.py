"""The part of a node's desired state that speaks of releases and rollouts.

Owns which release a node should run: the one of the rollout whose wave was opened for it last, or,
while none was, of the rollout that named it last. Rules: a release is immutable; a withdrawn
release or a stopped rollout never sends a node anywhere else by itself, it only says "do not
start". Leaves out when a node may start (`regional_node.upgrades`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lpse.federation.limits import GUARD_WINDOW_SECONDS
from lpse.federation.v1 import directives_pb2 as directives


@dataclass(frozen=True, slots=True)
class OfferedRelease:
    """A published release; withdrawn means that no node starts to apply it any more."""

    record: directives.ReleasePublished
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class JoinedRollout:
    """A rollout that has this node in one of its waves; the waves' members are left out."""

    record: directives.RolloutApplied
    applied_index: int
    wave_index: int
    wave: str
    waves_opened: int = 0  # waves below this one are open
    opened_index: int = -1  # national index at which this node's wave was opened
    state: int = directives.ROLLOUT_STATE_RUNNING

    @property
    def wave_open(self) -> bool:
        """Whether this node's wave has been opened."""
        return self.opened_index >= 0

    def open_wave(self, wave_index: int, national_index: int) -> JoinedRollout:
        """The rollout after a wave was opened."""
        opened_index = self.opened_index
        if wave_index >= self.wave_index and not self.wave_open:
            opened_index = national_index
        opened = max(self.waves_opened, wave_index + 1)
        return replace(self, waves_opened=opened, opened_index=opened_index)


@dataclass(frozen=True, slots=True)
class DesiredRelease:
    """The version a node should run, and everything that decides when it may start."""

    version: str
    from_versions: tuple[str, ...]
    bundle_digest: bytes
    bundle_bytes: int
    manifest_digest: bytes
    rollout: str
    wave: str
    wave_open: bool
    state: int  # RolloutState; STOPPED also for a withdrawn release
    guard_window_seconds: int
    emergency_override: bool
    soak_seconds: int
    withdrawn: bool
    national_index: int  # where the wave was opened, or the rollout applied


def join(record: directives.RolloutApplied, index: int, node_id: str) -> JoinedRollout | None:
    """The rollout as this node keeps it; None where no wave names the node."""
    for number, wave in enumerate(record.waves):
        if node_id in wave.node_ids:
            kept = directives.RolloutApplied()
            kept.CopyFrom(record)
            del kept.waves[:]  # up to ten thousand names that this node does not need
            return JoinedRollout(kept, index, number, wave.wave)
    return None


def choose_release(
    releases: Mapping[str, OfferedRelease], rollouts: Mapping[str, JoinedRollout]
) -> DesiredRelease | None:
    """The release of the rollout that reached this node last; None while there is none."""
    known = [one for one in rollouts.values() if one.record.version in releases]
    if not known:
        return None
    rollout = max(known, key=lambda one: (one.opened_index, one.applied_index))
    return _desired(rollout, releases[rollout.record.version])


def _desired(rollout: JoinedRollout, offered: OfferedRelease) -> DesiredRelease:
    release, record = offered.record, rollout.record
    return DesiredRelease(
        version=release.version,
        from_versions=tuple(release.from_versions),
        bundle_digest=release.bundle_digest,
        bundle_bytes=release.bundle_bytes,
        manifest_digest=release.manifest_digest,
        rollout=record.rollout,
        wave=rollout.wave,
        wave_open=rollout.wave_open,
        state=directives.ROLLOUT_STATE_STOPPED if offered.withdrawn else rollout.state,
        guard_window_seconds=record.guard_window_seconds or GUARD_WINDOW_SECONDS,
        emergency_override=record.emergency_override,
        soak_seconds=record.soak_seconds,
        withdrawn=offered.withdrawn,
        national_index=rollout.opened_index if rollout.wave_open else rollout.applied_index,
    )
