"""When a plan may be approved and applied.

Owns the plan, its digest and its checks. Rules: the digest covers everything that was shown; who
planned never approves; a changed world, a late hour or another number of nodes is a refusal. Leaves
out what the acts do (each area's `Applier`) and the people's roles (`central.operators.rules`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from lpse.federation.acts import canonical, subject_digest
from lpse.federation.errors import Conflict, Denied, Refused
from lpse.federation.limits import (
    ENTRY_ID_BYTES,
    PLAN_APPROVALS_MAX,
    PLAN_DOCUMENT_BYTES_MAX,
    PLAN_NODES_MAX,
    REASON_CHARACTERS_MAX,
)
from lpse.federation.v1.acts_pb2 import SignedAct

APPROVE: Final = "plan.approve"  # the act that an approver signs over the plan's digest


class PlanState(StrEnum):
    """Where a plan stands; it never goes back, except that an approver's revocation un-approves."""

    PLANNED = "PLANNED"
    APPROVED = "APPROVED"
    APPLIED = "APPLIED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Draft:
    """What an area wants to have planned; `document` is all that would happen, as JSON."""

    act: str
    document: Mapping[str, Any]
    node_ids: Sequence[str]
    reason: str
    approvals_needed: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """A previewed act; see `lpse.operator.v1.Plan` for each field."""

    name: str
    act: str
    document: bytes
    node_ids: tuple[str, ...]
    world: bytes
    created_by: str
    reason: str
    create_time: datetime
    expire_time: datetime
    approvals_needed: int
    approvals: tuple[SignedAct, ...] = ()
    result: str = ""
    digest: bytes = b""

    @property
    def contents(self) -> dict[str, Any]:
        """The document as it was planned."""
        loaded: dict[str, Any] = json.loads(self.document)
        return loaded

    @property
    def entry_id(self) -> bytes:
        """The id of the one national entry that this plan may become (append is idempotent)."""
        return hashlib.sha256(b"plan entry\n" + self.digest).digest()[:ENTRY_ID_BYTES]

    def sealed(self) -> Plan:
        """The plan with the digest over everything a person reviews."""
        shown = {
            "name": self.name,
            "act": self.act,
            "document": self.document.decode("utf-8"),
            "node_ids": list(self.node_ids),
            "world": self.world.hex(),
            "created_by": self.created_by,
            "reason": self.reason,
            "expire_time": self.expire_time.isoformat(),
            "approvals_needed": self.approvals_needed,
        }
        return replace(self, digest=subject_digest(shown))

    def state(self, now: datetime) -> PlanState:
        """As of `now`."""
        if self.result:
            return PlanState.APPLIED
        if now >= self.expire_time:
            return PlanState.EXPIRED
        enough = len(self.approvals) >= self.approvals_needed
        return PlanState.APPROVED if enough else PlanState.PLANNED


def document_bytes(draft: Draft) -> bytes:
    """The canonical document; Refused (FED-3209) for a draft beyond limits or without a reason."""
    document = canonical(draft.document)
    if len(document) > PLAN_DOCUMENT_BYTES_MAX or len(draft.node_ids) > PLAN_NODES_MAX:
        raise Refused(
            "FED-3209",
            "the plan is too large",
            remedy=f"at most {PLAN_NODES_MAX} nodes and {PLAN_DOCUMENT_BYTES_MAX} bytes",
        )
    if not draft.reason.strip() or len(draft.reason) > REASON_CHARACTERS_MAX:
        raise Refused(
            "FED-3209",
            "a plan needs a reason",
            remedy=f"say why, in at most {REASON_CHARACTERS_MAX} characters",
        )
    if not 0 <= draft.approvals_needed <= PLAN_APPROVALS_MAX:
        raise Refused("FED-3209", f"a plan asks for at most {PLAN_APPROVALS_MAX} approvals")
    if len(set(draft.node_ids)) != len(draft.node_ids):
        raise Refused("FED-3209", "a plan names each node once")
    return document


def check_approval(plan: Plan, approver: str, now: datetime) -> None:
    """Raise if it is too late (FED-3202), done (FED-3210) or the approver's own (FED-3205)."""
    _check_open(plan, now)
    if approver == plan.created_by:
        raise Denied(
            "FED-3205",
            "who planned an act cannot approve it",
            remedy="ask a second person in the role approver",
        )
    if len(plan.approvals) >= PLAN_APPROVALS_MAX:
        raise Conflict("FED-3210", f"{plan.name} has all the approvals that a plan keeps")


def check_application(
    plan: Plan,
    now: datetime,
    *,
    digest: bytes,
    expect_nodes: int,
    act: str,
    approvers: Collection[str],
) -> None:
    """Raise unless the plan may be applied as reviewed; `approvers` are those who still may act."""
    _check_open(plan, now)
    if act and act != plan.act:
        noun, _, verb = plan.act.partition(".")
        raise Refused(
            "FED-3208",
            f"{plan.name} is a plan of {plan.act}, not of {act}",
            remedy=f"lkppctl {noun} {verb} --plan {plan.name}",
        )
    if digest != plan.digest:
        raise Conflict(
            "FED-3206", f"{plan.name} is not the plan that was reviewed", remedy="review it again"
        )
    if expect_nodes != len(plan.node_ids):
        raise Conflict(
            "FED-3207",
            f"{plan.name} concerns {len(plan.node_ids)} nodes, not {expect_nodes}",
            remedy="review the plan again before giving the number of its nodes",
        )
    counting = {signed.actor for signed in plan.approvals} & set(approvers) - {plan.created_by}
    if len(counting) < plan.approvals_needed:
        raise Denied(
            "FED-3204",
            f"{plan.name} has {len(counting)} of {plan.approvals_needed} approvals",
            remedy="ask a second person in the role approver to approve it",
        )


def check_world(plan: Plan, world: bytes) -> None:
    """Raise Conflict (FED-3203) when what the plan depends on has changed."""
    if world != plan.world:
        raise Conflict(
            "FED-3203",
            f"the world has changed since {plan.name} was made; nothing was done",
            remedy="plan again and have the new plan approved",
        )


def _check_open(plan: Plan, now: datetime) -> None:
    if plan.result:
        raise Conflict("FED-3210", f"{plan.name} was applied already and became {plan.result}")
    if now >= plan.expire_time:
        raise Conflict(
            "FED-3202", f"{plan.name} has expired", remedy="plan again; the world may have changed"
        )
