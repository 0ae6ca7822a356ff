"""Replacing the lost machine of an enrolled node: planned, approved by a second person, one code.

Owns the act `enrol.recover` and the table `enrolment_recoveries`. Rules: one applied plan makes one
code; the plan is refused when the node's keys changed meanwhile; the keys of the lost machine end
when the code is redeemed, not before - it may come back by itself. Leaves out the code's making.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from central.enrolment.rules import Code
from central.plans.rules import Draft, Plan
from lpse.federation.acts import subject_digest
from lpse.federation.errors import Conflict, NotFound
from lpse.runtime.sqlite import Transaction

ACT: Final = "enrol.recover"
MACHINE_LOST: Final = "the machine was lost; a new one took its place"


def draft(node_id: str, province: str, zone: str, reason: str) -> Draft:
    """What two persons agree on."""
    document = {"node_id": node_id, "province": province, "zone": zone}
    return Draft(ACT, document, [node_id], reason)


class RecoverApplier:
    """One applier, of the act `enrol.recover`."""

    act = ACT

    def world_in(self, tx: Transaction, document: Mapping[str, Any]) -> bytes:
        """The keys that the node has now."""
        rows = tx.execute(
            "SELECT signing_key FROM node_bindings WHERE node_id = ?"
            " ORDER BY revoke_time IS NULL DESC, enrol_time DESC LIMIT 1",
            (document["node_id"],),
        )
        if not rows:
            raise NotFound("FED-3030", f"no node {document['node_id']} was ever enrolled")
        return subject_digest({"signing_key": rows[0][0].hex()})

    def apply_in(self, tx: Transaction, plan: Plan) -> str:
        """From now on one code may be made; the node's name."""
        node_id = str(plan.contents["node_id"])
        approved = ", ".join(sorted(one.actor for one in plan.approvals))
        tx.run(
            "INSERT INTO enrolment_recoveries (plan, node_id, approved_by, reason)"
            " VALUES (?, ?, ?, ?)",
            (plan.name, node_id, approved, plan.reason),
        )
        return f"nodes/{node_id}"


def spend_in(tx: Transaction, plan: str, code: Code, *, validate_only: bool) -> None:
    """Make the code that this plan allows; a second one only after the first one has ended."""
    name = plan if plan.startswith("plans/") else f"plans/{plan}"
    rows = tx.execute(
        "SELECT r.code_id, coalesce(c.state, '') FROM enrolment_recoveries r"
        " LEFT JOIN enrolment_codes c ON c.code_id = r.code_id"
        " WHERE r.plan = ? AND r.node_id = ?",
        (name, code.subject),
    )
    if not rows:
        raise Conflict(
            "FED-2409",
            f"no approved and applied plan {name} recovers {code.subject}",
            remedy="lkppctl enrol create --recover makes one; a second person approves it",
        )
    if rows[0][1] == "USED":
        raise Conflict("FED-2409", f"the code of {name} was used already", remedy="plan again")
    if not validate_only:
        tx.run("UPDATE enrolment_recoveries SET code_id = ? WHERE plan = ?", (code.code_id, name))
