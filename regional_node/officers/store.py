"""The table of officers, the journal entries that tell of its changes, and used signatures.

Rules: a person's row and the journal entry are one transaction; a signature counts once. Other
areas call `verify_in` inside the transaction of the decision that was signed. Signatures are judged
by the wall clock, because people sign by the clock of their machine. Leaves out gRPC (`service`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, timedelta
from typing import Final

from google.protobuf.message import Message

from lpse.federation.acts import Deed
from lpse.federation.errors import Conflict, NotFound
from lpse.federation.limits import ACT_AGE_SECONDS_MAX
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.federation.v1.records_pb2 import OfficerAdded, OfficerRevoked
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros
from regional_node.officers import rules
from regional_node.officers.rules import ADMIN, Officer

AppendIn = Callable[[Transaction, Message], int]  # the node's journal, inside a transaction

_SELECT: Final = (
    "SELECT name, role, signing_key, added_by, create_time, revoke_time, revoke_reason"
    " FROM officers"
)


class Officers:
    """All persons of the node `party`; acts signed for another party do not count here."""

    def __init__(
        self, database: Database, append_in: AppendIn, clock: Clock, *, party: str
    ) -> None:
        self._database = database
        self._append_in = append_in
        self._clock = clock
        self._party = party

    def verify_in(
        self,
        tx: Transaction,
        signed: SignedAct,
        *,
        act: str,
        digest: bytes,
        roles: Collection[str],
    ) -> Officer:
        """The officer who signed this act on this subject just now, in one of `roles`.

        Denied (FED-3101, 3104, 3105, 3106); Conflict (FED-3107) for a signature used before. A
        caller that answers repeated requests alike does so before it asks here.
        """
        now = self._clock.wall()
        deed = Deed(self._party, act, digest)
        officer = rules.check_act(
            self.find_in(tx, signed.actor), signed, deed, roles=roles, now=now
        )
        tx.run(
            "DELETE FROM officer_acts WHERE act_time < ?",
            (to_micros(now - timedelta(seconds=2 * ACT_AGE_SECONDS_MAX)),),
        )
        fresh = tx.run(
            "INSERT INTO officer_acts (signature, act_time) VALUES (?, ?)"
            " ON CONFLICT (signature) DO NOTHING",
            (signed.signature, to_micros(signed.act_time.ToDatetime(tzinfo=UTC))),
        )
        if not fresh:
            raise Conflict(
                "FED-3107", f"this signature of {signed.actor} was used before", remedy="sign again"
            )
        return officer

    async def verify(
        self, signed: SignedAct, *, act: str, digest: bytes, roles: Collection[str]
    ) -> Officer:
        """As `verify_in`, in a transaction of its own."""
        return await self._database.write(
            lambda tx: self.verify_in(tx, signed, act=act, digest=digest, roles=roles)
        )

    async def add(
        self,
        name: str,
        role: str,
        signing_key: bytes,
        signed: SignedAct | None,
        *,
        validate_only: bool = False,
    ) -> Officer:
        """Register a person; the same registration again changes nothing."""

        def work(tx: Transaction) -> Officer:
            present = [_officer(row) for row in tx.execute(_SELECT)]
            new = rules.check_addition(present, name, role, signing_key, signed=signed is not None)
            if not new:
                return self.get_in(tx, name)
            by = ""
            if present and signed is not None:
                digest = rules.addition_digest(name, role, signing_key)
                by = self.verify_in(tx, signed, act=rules.ADD, digest=digest, roles=(ADMIN,)).name
            officer = Officer(name, role, signing_key, by, self._clock.wall())
            if validate_only:
                raise _Validated(officer)
            _insert(tx, officer)
            self._append_in(
                tx,
                OfficerAdded(
                    officer=name, role=role, signing_key=signing_key, act=signed if by else None
                ),
            )
            return officer

        return await self._write(work)

    async def revoke(
        self, name: str, reason: str, signed: SignedAct, *, validate_only: bool = False
    ) -> Officer:
        """End a person's rights; repeating it changes nothing."""

        def work(tx: Transaction) -> Officer:
            officer = self.get_in(tx, name)
            if not officer.active:
                return officer
            rules.check_revocation(officer, [_officer(row) for row in tx.execute(_SELECT)], reason)
            digest = rules.revocation_digest(name, reason)
            self.verify_in(tx, signed, act=rules.REVOKE, digest=digest, roles=(ADMIN,))
            if validate_only:
                raise _Validated(officer)
            tx.run(
                "UPDATE officers SET revoke_time = ?, revoke_reason = ? WHERE name = ?",
                (to_micros(self._clock.wall()), reason, name),
            )
            self._append_in(tx, OfficerRevoked(officer=name, reason=reason, act=signed))
            return self.get_in(tx, name)

        return await self._write(work)

    def find_in(self, tx: Transaction, name: str) -> Officer | None:
        """A person by name, revoked or not."""
        rows = tx.execute(f"{_SELECT} WHERE name = ?", (name,))
        return _officer(rows[0]) if rows else None

    def get_in(self, tx: Transaction, name: str) -> Officer:
        """A person by name; NotFound (FED-3103)."""
        found = self.find_in(tx, name)
        if found is None:
            raise NotFound("FED-3103", f"there is no person {name}")
        return found

    async def get(self, name: str) -> Officer:
        """A person by name; NotFound (FED-3103)."""
        return await self._database.read(lambda tx: self.get_in(tx, name))

    async def page(self, after: str, limit: int) -> list[Officer]:
        """Persons whose names follow `after`, in order."""
        rows = await self._database.read(
            lambda tx: tx.execute(f"{_SELECT} WHERE name > ? ORDER BY name LIMIT ?", (after, limit))
        )
        return [_officer(row) for row in rows]

    async def _write(self, work: Callable[[Transaction], Officer]) -> Officer:
        try:
            return await self._database.write(work)
        except _Validated as validated:
            return validated.officer


class _Validated(Exception):
    """Takes back a unit that was only to be checked, its used signature with it."""

    def __init__(self, officer: Officer) -> None:
        super().__init__(officer.name)
        self.officer = officer


def _insert(tx: Transaction, officer: Officer) -> None:
    tx.run(
        "INSERT INTO officers (name, role, signing_key, added_by, create_time, revoke_reason)"
        " VALUES (?, ?, ?, ?, ?, '')",
        (
            officer.name,
            officer.role,
            officer.signing_key,
            officer.added_by,
            to_micros(officer.create_time),
        ),
    )


def _officer(row: Row) -> Officer:
    name, role, key, added_by, created, revoked, reason = row
    moment = None if revoked is None else from_micros(revoked)
    return Officer(name, role, key, added_by, from_micros(created), moment, reason)
