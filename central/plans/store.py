"""The tables of plans and their approvals, and the one transaction in which a plan is applied.

Rule: the check of the world, the act itself and the note that it was done are one transaction, so
that a plan is applied exactly once or not at all, whatever crashes. An area joins by an `Applier`.
Leaves out who is calling (`service`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from central.operators.rules import APPROVER, Operator
from central.operators.store import OperatorStore
from central.plans import rules
from central.plans.rules import Draft, Plan
from lpse.federation.errors import NotFound, Refused
from lpse.federation.limits import PLAN_EXPIRE_SECONDS_MAX, PLANS_OPEN_MAX
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros

_COLUMNS: Final = (
    "plan, act, document, node_ids, world, created_by, reason, create_time, expire_time,"
    " approvals_needed, result, digest"
)
_SELECT: Final = f"SELECT {_COLUMNS} FROM plans"  # noqa: S608 - constants


class Applier(Protocol):
    """An area that can do one kind of act; both methods run inside a transaction."""

    act: str

    def world_in(self, tx: Transaction, document: Mapping[str, Any]) -> bytes:
        """Digest of what the act depends on (enrolled nodes, versions, open rollouts …)."""

    def apply_in(self, tx: Transaction, plan: Plan) -> str:
        """Do it, and give the name of the resource that came of it; raise and nothing happened."""


class PlanStore:
    """Plans of every area."""

    def __init__(
        self, database: Database, operators: OperatorStore, *, expire_seconds: float = 86_400
    ) -> None:
        assert 0 < expire_seconds <= PLAN_EXPIRE_SECONDS_MAX
        self._database = database
        self._operators = operators
        self._life = timedelta(seconds=expire_seconds)
        self._appliers: dict[str, Applier] = {}

    def register(self, applier: Applier) -> None:
        """Let an area's act be planned and applied; once per act, when the program is wired."""
        assert applier.act not in self._appliers
        self._appliers[applier.act] = applier

    async def create(self, draft: Draft, *, created_by: str, now: datetime) -> Plan:
        """Store a previewed act; the caller has the role operator (checked by the area)."""
        return await self._database.write(
            lambda tx: self.create_in(tx, draft, created_by=created_by, now=now)
        )

    def create_in(self, tx: Transaction, draft: Draft, *, created_by: str, now: datetime) -> Plan:
        """As `create`, inside the transaction in which the area looked at the world."""
        document = rules.document_bytes(draft)
        count, last = tx.execute(
            "SELECT (SELECT count(*) FROM plans WHERE result = '' AND expire_time > ?),"
            " (SELECT coalesce(max(plan), 0) FROM plans)",
            (to_micros(now),),
        )[0]
        if count >= PLANS_OPEN_MAX:
            raise Refused("FED-3211", f"{PLANS_OPEN_MAX} plans are open; apply some or wait")
        plan = Plan(
            name=f"plans/{last + 1}",
            act=draft.act,
            document=document,
            node_ids=tuple(draft.node_ids),
            world=self._appliers[draft.act].world_in(tx, json.loads(document)),
            created_by=created_by,
            reason=draft.reason,
            create_time=from_micros(to_micros(now)),
            expire_time=from_micros(to_micros(now + self._life)),
            approvals_needed=draft.approvals_needed,
        ).sealed()
        _insert(tx, plan)
        return plan

    async def get(self, name: str) -> Plan:
        """A plan with its approvals; NotFound (FED-3201)."""
        return await self._database.read(lambda tx: _get_in(tx, name))

    async def page(
        self, before: int | None, limit: int, *, act: str, keep: Callable[[Plan], bool]
    ) -> list[Plan]:
        """Newest first, older than plan number `before`."""

        def work(tx: Transaction) -> list[Plan]:
            found: list[Plan] = []
            below = (1 << 62) if before is None else before
            while len(found) < limit:
                rows = tx.execute(
                    f"{_SELECT} WHERE plan < ? AND (? = '' OR act = ?) ORDER BY plan DESC LIMIT ?",
                    (below, act, act, limit),
                )
                if not rows:
                    break
                below = rows[-1][0]
                found += [plan for row in rows if keep(plan := _plan(tx, row))]
            return found[:limit]

        return await self._database.read(work)

    async def approve(
        self, name: str, approver: Operator, act: SignedAct, now: datetime, *, validate_only: bool
    ) -> Plan:
        """Keep a verified signature; the same person's second one changes nothing."""

        def work(tx: Transaction) -> Plan:
            plan = _get_in(tx, name)
            rules.check_approval(plan, approver.name, now)
            if not validate_only:
                tx.run(
                    "INSERT INTO plan_approvals (plan, approver, act) VALUES (?, ?, ?)"
                    " ON CONFLICT (plan, approver) DO NOTHING",
                    (_number(name), approver.name, act.SerializeToString()),
                )
            return _get_in(tx, name)

        return await self._database.write(work)

    async def apply(
        self,
        name: str,
        now: datetime,
        *,
        digest: bytes,
        expect_nodes: int,
        act: str = "",
        validate_only: bool = False,
    ) -> Plan:
        """Do what was planned, exactly once; an applied plan is answered as it is."""

        def work(tx: Transaction) -> Plan:
            plan = _get_in(tx, name)
            if plan.result and plan.digest == digest:
                return plan
            approvers = {signed.actor for signed in plan.approvals if self._counts_in(tx, signed)}
            rules.check_application(
                plan, now, digest=digest, expect_nodes=expect_nodes, act=act, approvers=approvers
            )
            applier = self._appliers[plan.act]
            rules.check_world(plan, applier.world_in(tx, plan.contents))
            if validate_only:
                return plan
            result = applier.apply_in(tx, plan)
            tx.run("UPDATE plans SET result = ? WHERE plan = ?", (result, _number(name)))
            return replace(plan, result=result)

        return await self._database.write(work)

    def _counts_in(self, tx: Transaction, signed: SignedAct) -> bool:
        person = self._operators.find_in(tx, signed.actor)
        return person is not None and person.active and person.role == APPROVER


def _insert(tx: Transaction, plan: Plan) -> None:
    tx.run(
        f"INSERT INTO plans ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?)",  # noqa: S608 - constant
        (
            _number(plan.name),
            plan.act,
            plan.document,
            json.dumps(plan.node_ids),
            plan.world,
            plan.created_by,
            plan.reason,
            to_micros(plan.create_time),
            to_micros(plan.expire_time),
            plan.approvals_needed,
            plan.digest,
        ),
    )


def _get_in(tx: Transaction, name: str) -> Plan:
    rows = tx.execute(f"{_SELECT} WHERE plan = ?", (_number(name),))
    if not rows:
        raise NotFound("FED-3201", f"there is no plan {name}")
    return _plan(tx, rows[0])


def _plan(tx: Transaction, row: Row) -> Plan:
    number, act, document, nodes, world, by, reason, created, expires, needed, result, digest = row
    signed = tx.execute(
        "SELECT act FROM plan_approvals WHERE plan = ? ORDER BY approver", (number,)
    )
    return Plan(
        name=f"plans/{number}",
        act=act,
        document=document,
        node_ids=tuple(json.loads(nodes)),
        world=world,
        created_by=by,
        reason=reason,
        create_time=from_micros(created),
        expire_time=from_micros(expires),
        approvals_needed=needed,
        approvals=tuple(SignedAct.FromString(one) for (one,) in signed),
        result=result,
        digest=digest,
    )


def _number(name: str) -> int:
    number = name.removeprefix("plans/")
    if (
        not name.startswith("plans/")
        or not (number.isascii() and number.isdigit())
        or len(number) > 15
    ):
        raise NotFound("FED-3201", "a plan's name looks like plans/17")
    return int(number)
