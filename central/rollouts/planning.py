"""What a rollout's plan says, and the applier that makes it a rollout.

Owns the checks of a wanted rollout, the plan's document, and the world that it depends on: the
release, the nodes' access, other open rollouts, the free name. Rules: an emergency override needs
two approvals (Invariant 7); a node is in one open rollout at most. Leaves out people and approvals
(`central.plans`) and rows (`store`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from central.plans.rules import Draft, Plan
from central.releases.store import ReleaseStore
from central.rollouts.ports import HasAccess
from central.rollouts.store import RolloutStore
from lpse.federation.acts import subject_digest
from lpse.federation.errors import Conflict, NotFound, Refused
from lpse.federation.limits import (
    GUARD_WINDOW_SECONDS,
    PLAN_NODES_MAX,
    ROLLOUT_GUARD_SECONDS_MAX,
    ROLLOUT_RECORD_BYTES_MAX,
    ROLLOUT_SOAK_SECONDS_MAX,
    ROLLOUT_WAVES_MAX,
    WAVE_NAME_CHARACTERS_MAX,
)
from lpse.federation.v1.directives_pb2 import RolloutApplied, RolloutWave
from lpse.federation.versions import parse_version
from lpse.operator.v1 import rollouts_pb2 as api
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Transaction

ACT: Final = "rollout.apply"
_WAVE: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")


def document_of(spec: api.RolloutSpec) -> dict[str, Any]:
    """The plan's document with defaults filled in; Refused (FED-6201) for a wrong wish."""
    percent = spec.success_percent if spec.HasField("success_percent") else 100
    guard = spec.guard_window_seconds
    if not spec.HasField("guard_window_seconds"):
        guard = GUARD_WINDOW_SECONDS
    if not 1 <= percent <= 100:
        raise _wrong("the success share lies between 1 and 100 per cent")
    if not 0 < guard <= ROLLOUT_GUARD_SECONDS_MAX or spec.soak_seconds > ROLLOUT_SOAK_SECONDS_MAX:
        raise _wrong("the guard window or the soak time is out of bounds")
    _check_waves(spec)
    return {
        "version": str(parse_version(spec.version)),
        "waves": [{"wave": w.wave, "node_ids": list(w.node_ids)} for w in spec.waves],
        "success_percent": percent,
        "failures_max": spec.failures_max,
        "soak_seconds": spec.soak_seconds,
        "guard_window_seconds": guard,
        "emergency_override": spec.emergency_override,
    }


def _check_waves(spec: api.RolloutSpec) -> None:
    if not 1 <= len(spec.waves) <= ROLLOUT_WAVES_MAX:
        raise _wrong(f"a rollout has 1 to {ROLLOUT_WAVES_MAX} waves")
    names = [wave.wave for wave in spec.waves]
    long = any(len(name) > WAVE_NAME_CHARACTERS_MAX for name in names)
    if len(set(names)) != len(names) or long or not all(map(_WAVE.fullmatch, names)):
        raise _wrong("waves have different short names of small letters, digits, dots and dashes")
    nodes = [node for wave in spec.waves for node in wave.node_ids]
    if not all(wave.node_ids for wave in spec.waves) or len(nodes) > PLAN_NODES_MAX:
        raise _wrong(f"every wave names nodes, at most {PLAN_NODES_MAX} in all")
    if len(set(nodes)) != len(nodes):
        raise _wrong("a node stands in one wave of a rollout at most")


def draft_of(document: Mapping[str, Any], reason: str) -> Draft:
    """The plan; who overrides or narrows guard windows needs a second approval (Invariant 7)."""
    guard_seconds = document["guard_window_seconds"]
    narrowed = document["emergency_override"] or 0 < guard_seconds < GUARD_WINDOW_SECONDS
    return Draft(
        act=ACT,
        document=document,
        node_ids=[node for wave in document["waves"] for node in wave["node_ids"]],
        reason=reason,
        approvals_needed=2 if narrowed else 1,
    )


def record_of(document: Mapping[str, Any], reason: str) -> RolloutApplied:
    """The national entry without its approvals; Refused (FED-6204) where it would be too large."""
    record = RolloutApplied(
        rollout=document["rollout"],
        version=document["version"],
        waves=[RolloutWave(wave=w["wave"], node_ids=w["node_ids"]) for w in document["waves"]],
        guard_window_seconds=document["guard_window_seconds"],
        success_percent=document["success_percent"],
        failures_max=document["failures_max"],
        soak_seconds=document["soak_seconds"],
        emergency_override=document["emergency_override"],
        reason=reason,
    )
    if record.ByteSize() > ROLLOUT_RECORD_BYTES_MAX:
        raise Refused(
            "FED-6204",
            "the rollout names too many nodes for one entry of the national journal",
            remedy="split it into several rollouts of the same version",
        )
    return record


class RolloutApplier:
    """Applies plans of the act "rollout.apply"; the port `Applier` of the plans."""

    act = ACT

    def __init__(
        self, store: RolloutStore, releases: ReleaseStore, has_access: HasAccess, clock: Clock
    ) -> None:
        self._store = store
        self._releases = releases
        self._has_access = has_access
        self._clock = clock

    def world_in(self, tx: Transaction, document: Mapping[str, Any]) -> bytes:
        """What a rollout depends on; raises where it could not begin at all."""
        release = self._releases.get_in(tx, document["version"])
        if release.withdraw_time is not None:
            raise Conflict("FED-6206", f"release {document['version']} was withdrawn")
        nodes = [node for wave in document["waves"] for node in wave["node_ids"]]
        strangers = [node for node in nodes if not self._has_access(node)]
        if strangers:
            raise NotFound("FED-6202", f"no such node has access: {', '.join(strangers[:10])}")
        busy = self._store.busy_in(tx, nodes)
        if busy:
            node, rollout = next(iter(busy.items()))
            raise Conflict(
                "FED-6203",
                f"{node} is in {rollout}, which is still open",
                remedy="stop that rollout first, or leave the node out",
            )
        seen = {
            "bundle": release.record.bundle_digest.hex(),
            "from_versions": list(release.record.from_versions),
            "name": self._store.free_name_in(tx, document["version"]),
            "nodes": nodes,
        }
        return subject_digest(seen)

    async def check(self, document: Mapping[str, Any]) -> None:
        """Raise what planning would raise, and store nothing."""
        await self._store.look(lambda tx: self.world_in(tx, document))

    def apply_in(self, tx: Transaction, plan: Plan) -> str:
        """Publish the rollout and open its first wave, in one transaction."""
        record = record_of(plan.contents, plan.reason)
        record.plan_digest = plan.digest
        record.approvals.extend(plan.approvals)
        return self._store.begin_in(tx, record, plan.entry_id, self._clock.wall())


def _wrong(message: str) -> Refused:
    return Refused("FED-6201", f"this is no possible rollout: {message}")
