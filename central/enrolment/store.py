"""The tables of codes, bound node keys and nonces, and the national entries that tell of them.

Rule: a binding or revocation and its national entry are one transaction, so that what nodes read
and whom the centre lets in never differ; a code is spent in that same transaction. Leaves out
proofs (service) and persons, whose own store takes part in the transaction by `Persons`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from google.protobuf.message import Message

from central.enrolment import rules
from central.enrolment.recovering import MACHINE_LOST, spend_in
from central.enrolment.rules import Binding, Code
from lpse.federation.errors import Conflict, Denied, NotFound, Refused
from lpse.federation.limits import IDENTITIES_MAX, RENEWAL_CLOCK_SECONDS_MAX
from lpse.federation.persons import check_reason
from lpse.federation.v1.directives_pb2 import NodeEnrolled, NodeRevoked
from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros

AppendIn = Callable[[Transaction, Message], int]  # the national journal, inside a transaction

_CODE: Final = (
    "code_id, subject_kind, subject, province, zone, role, proof_key, state, failures,"
    " created_by, create_time, expire_time, use_time, signing_key, ended_by, end_reason,"
    " recovers"
)
_BINDING: Final = (
    "signing_key, node_id, province, zone, enrol_time, certificate_expire_time,"
    " revoke_time, revoked_by, revoke_reason"
)
_NEWEST: Final = (  # of each node
    "enrol_time = (SELECT max(other.enrol_time) FROM node_bindings AS other"
    " WHERE other.node_id = node_bindings.node_id)"
)


class Persons(Protocol):
    """Where a redeemed invitation becomes a person; implemented by `central.operators`."""

    def redeem_in(
        self,
        tx: Transaction,
        *,
        name: str,
        role: str,
        signing_key: bytes,
        added_by: str,
        now: datetime,
    ) -> None:
        """Add the person and tell the nation; repeating it with the same key changes nothing."""


class EnrolmentStore:
    """All codes and bindings of the centre."""

    def __init__(self, database: Database, append_in: AppendIn, persons: Persons) -> None:
        self._database = database
        self._append_in = append_in
        self._persons = persons

    async def create_code(
        self, code: Code, *, validate_only: bool = False, recovery: str = ""
    ) -> Code:
        """Store an open code; an older open one of the same subject ends. FED-3007 if enrolled.

        A code that recovers spends the approval of its plan `recovery` in the same transaction.
        """

        def work(tx: Transaction) -> Code:
            enrolled = code.subject_kind == "node" and _active_in(tx, code.subject)
            if enrolled and not code.recovers:
                raise rules.already_enrolled(code.subject)
            if recovery:
                spend_in(tx, recovery, code, validate_only=validate_only)
            if not validate_only:
                _supersede_in(tx, code)
                _insert_code_in(tx, code)
            return code

        return await self._database.write(work)

    async def find_code(self, code_id: str) -> Code | None:
        """One code."""
        return await self._database.read(lambda tx: _code_in(tx, code_id))

    async def codes(self, kind: str, before: tuple[datetime, str], limit: int) -> list[Code]:
        """Codes made before a place in the list, newest first; an empty kind means all."""
        moment, code_id = before
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"SELECT {_CODE} FROM enrolment_codes"  # noqa: S608 - constant
                " WHERE (create_time, code_id) < (?, ?) AND (? = '' OR subject_kind = ?)"
                " ORDER BY create_time DESC, code_id DESC LIMIT ?",
                (to_micros(moment), code_id, kind, kind, limit),
            )
        )
        return [_code(row) for row in rows]

    async def count_failure(self, code_id: str) -> None:
        """A wrong secret was tried; at the limit the code is locked."""

        def work(tx: Transaction) -> None:
            code = _code_in(tx, code_id)
            if code is None or code.state != rules.OPEN:
                return
            state = rules.state_after_failure(code.failures + 1)
            tx.run(
                "UPDATE enrolment_codes SET failures = failures + 1, state = ? WHERE code_id = ?",
                (state, code_id),
            )

        await self._database.write(work)

    async def revoke_code(self, code_id: str, *, by: str, reason: str) -> Code:
        """End a code; repeating it changes nothing; Conflict (FED-3027) once it was used."""
        check_reason(reason)

        def work(tx: Transaction) -> Code:
            code = _code_in(tx, code_id)
            if code is None:
                raise NotFound("FED-3028", "there is no such enrolment code")
            if code.state == rules.USED:
                raise Conflict(
                    "FED-3027",
                    "this code has been used already",
                    remedy=f"revoke the {code.subject_kind} {code.subject} instead",
                )
            if code.state == rules.OPEN:
                _end_code_in(tx, code_id, by, reason)
            found = _code_in(tx, code_id)
            assert found is not None
            return found

        return await self._database.write(work)

    async def redeem(
        self, code_id: str, key: bytes, now: datetime, certificate_expire: datetime
    ) -> Code:
        """Spend the code and bind the key, or find that both is done; see `rules.judge_code`."""

        def work(tx: Transaction) -> Code:
            code = _code_in(tx, code_id)
            if code is None:
                raise Denied("FED-3002", "this enrolment code is not known here")
            first = rules.judge_code(code, key, now)
            if code.subject_kind == "operator":
                self._persons.redeem_in(
                    tx,
                    name=code.subject,
                    role=code.role,
                    signing_key=key,
                    added_by=code.created_by,
                    now=now,
                )
            else:
                self._bind_in(tx, code, key, now, certificate_expire)
            if first:
                tx.run(
                    "UPDATE enrolment_codes SET state = 'USED', use_time = ?, signing_key = ?"
                    " WHERE code_id = ?",
                    (to_micros(now), key, code_id),
                )
            return code

        return await self._database.write(work)

    async def renew_node(
        self, node_id: str, nonce: bytes, now: datetime, certificate_expire: datetime
    ) -> Binding:
        """Spend the nonce and note the new end; Denied (FED-3010) without access."""

        def work(tx: Transaction) -> Binding:
            binding = _active_in(tx, node_id)
            if binding is None:
                raise Denied("FED-3010", f"{node_id} has no access")
            _spend_nonce_in(tx, nonce, now)
            tx.run(
                "UPDATE node_bindings SET certificate_expire_time = ? WHERE signing_key = ?",
                (to_micros(certificate_expire), binding.signing_key),
            )
            return replace(binding, certificate_expire_time=certificate_expire)

        return await self._database.write(work)

    async def spend_nonce(self, nonce: bytes, now: datetime) -> None:
        """Remember a nonce; Denied (FED-3029) if it was used before."""
        await self._database.write(lambda tx: _spend_nonce_in(tx, nonce, now))

    async def revoke_node(
        self, node_id: str, *, by: str, reason: str, now: datetime, validate_only: bool = False
    ) -> Binding:
        """End a node's access and tell the nation; repeating it changes nothing."""
        check_reason(reason)

        def work(tx: Transaction) -> Binding:
            binding = _node_in(tx, node_id)
            if binding is None:
                raise _unknown_node(node_id)
            if not binding.active or validate_only:
                return binding
            tx.run(
                "UPDATE node_bindings SET revoke_time = ?, revoked_by = ?, revoke_reason = ?"
                " WHERE signing_key = ?",
                (to_micros(now), by, reason, binding.signing_key),
            )
            self._append_in(tx, NodeRevoked(node_id=node_id, reason=reason, revoked_by=by))
            return replace(binding, revoke_time=now, revoked_by=by, revoke_reason=reason)

        return await self._database.write(work)

    async def node(self, node_id: str) -> Binding:
        """A node by its newest key; NotFound (FED-3030)."""
        found = await self._database.read(lambda tx: _node_in(tx, node_id))
        if found is None:
            raise _unknown_node(node_id)
        return found

    async def keys(self, node_id: str) -> list[bytes]:
        """Every signing key that the node ever had, the newest first."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT signing_key FROM node_bindings WHERE node_id = ?"
                " ORDER BY revoke_time IS NULL DESC, enrol_time DESC",
                (node_id,),
            )
        )
        return [bytes(key) for (key,) in rows]

    async def nodes(
        self, after: str, limit: int, *, province: str = "", active: bool | None = None
    ) -> list[Binding]:
        """Nodes whose ids follow `after`, in order, each by its newest key."""
        state = {None: "", True: " AND revoke_time IS NULL", False: " AND revoke_time IS NOT NULL"}
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"SELECT {_BINDING} FROM node_bindings WHERE {_NEWEST}"  # noqa: S608 - constant
                f" AND node_id > ? AND (? = '' OR province = ?){state[active]}"
                " ORDER BY node_id LIMIT ?",
                (after, province, province, limit),
            )
        )
        return [_binding(row) for row in rows]

    async def active(self) -> list[Binding]:
        """Every node that has access."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"SELECT {_BINDING} FROM node_bindings WHERE revoke_time IS NULL"  # noqa: S608 - constant
                " ORDER BY node_id"
            )
        )
        return [_binding(row) for row in rows]

    def _bind_in(
        self, tx: Transaction, code: Code, key: bytes, now: datetime, expire: datetime
    ) -> None:
        same = tx.execute(f"SELECT {_BINDING} FROM node_bindings WHERE signing_key = ?", (key,))  # noqa: S608 - constant
        present = _binding(same[0]) if same else None
        if not rules.judge_binding(present, _active_in(tx, code.subject), code):
            tx.run(
                "UPDATE node_bindings SET certificate_expire_time = ? WHERE signing_key = ?",
                (to_micros(expire), key),
            )
            return
        count = tx.execute("SELECT count(*) FROM node_bindings WHERE revoke_time IS NULL")[0][0]
        if count >= IDENTITIES_MAX:
            raise Refused("FED-3031", f"there are already {IDENTITIES_MAX} nodes")
        tx.run(  # the machine that a code recovers from is out with this commit
            "UPDATE node_bindings SET revoke_time = ?, revoked_by = ?, revoke_reason = ?"
            " WHERE node_id = ? AND revoke_time IS NULL",
            (to_micros(now), code.created_by, MACHINE_LOST, code.subject),
        )
        tx.run(
            f"INSERT INTO node_bindings ({_BINDING}) VALUES (?, ?, ?, ?, ?, ?, NULL, '', '')",  # noqa: S608 - constant
            (key, code.subject, code.province, code.zone, to_micros(now), to_micros(expire)),
        )
        self._append_in(
            tx,
            NodeEnrolled(
                node_id=code.subject, province=code.province, zone=code.zone, signing_key=key
            ),
        )


def _supersede_in(tx: Transaction, code: Code) -> None:
    tx.run(
        "UPDATE enrolment_codes SET state = 'REVOKED', ended_by = ?, end_reason = ?"
        " WHERE subject_kind = ? AND subject = ? AND state = 'OPEN'",
        (code.created_by, f"followed by {code.code_id}", code.subject_kind, code.subject),
    )


def _insert_code_in(tx: Transaction, code: Code) -> None:
    tx.run(
        f"INSERT INTO enrolment_codes ({_CODE})"  # noqa: S608 - constant
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, NULL, NULL, '', '', ?)",
        (
            *(code.code_id, code.subject_kind, code.subject, code.province, code.zone, code.role),
            *(code.proof_key, code.state, code.created_by),
            *(to_micros(code.create_time), to_micros(code.expire_time)),
            int(code.recovers),
        ),
    )


def _end_code_in(tx: Transaction, code_id: str, by: str, reason: str) -> None:
    tx.run(
        "UPDATE enrolment_codes SET state = 'REVOKED', ended_by = ?, end_reason = ?"
        " WHERE code_id = ?",
        (by, reason, code_id),
    )


def _code_in(tx: Transaction, code_id: str) -> Code | None:
    rows = tx.execute(f"SELECT {_CODE} FROM enrolment_codes WHERE code_id = ?", (code_id,))  # noqa: S608 - constant
    return _code(rows[0]) if rows else None


def _active_in(tx: Transaction, node_id: str) -> Binding | None:
    rows = tx.execute(
        f"SELECT {_BINDING} FROM node_bindings WHERE node_id = ? AND revoke_time IS NULL",  # noqa: S608 - constant
        (node_id,),
    )
    return _binding(rows[0]) if rows else None


def _node_in(tx: Transaction, node_id: str) -> Binding | None:
    rows = tx.execute(
        f"SELECT {_BINDING} FROM node_bindings WHERE node_id = ?"  # noqa: S608 - constant
        " ORDER BY revoke_time IS NULL DESC, enrol_time DESC LIMIT 1",
        (node_id,),
    )
    return _binding(rows[0]) if rows else None


def _spend_nonce_in(tx: Transaction, nonce: bytes, now: datetime) -> None:
    tx.run("DELETE FROM renewal_nonces WHERE forget_time < ?", (to_micros(now),))
    if tx.execute("SELECT 1 FROM renewal_nonces WHERE nonce = ?", (nonce,)):
        raise Denied("FED-3029", "this renewal was sent before")
    forget = now + timedelta(seconds=2 * RENEWAL_CLOCK_SECONDS_MAX)
    tx.run(
        "INSERT INTO renewal_nonces (nonce, forget_time) VALUES (?, ?)", (nonce, to_micros(forget))
    )


def _unknown_node(node_id: str) -> NotFound:
    return NotFound("FED-3030", f"no node {node_id} was ever enrolled")


def _code(row: tuple[Any, ...]) -> Code:
    values = list(row)
    for place in (10, 11, 12):
        values[place] = None if values[place] is None else from_micros(values[place])
    values[16] = bool(values[16])
    return Code(*values)


def _binding(row: tuple[Any, ...]) -> Binding:
    values = list(row)
    for place in (4, 5, 6):
        values[place] = None if values[place] is None else from_micros(values[place])
    return Binding(*values)
