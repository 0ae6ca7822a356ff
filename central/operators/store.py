"""The table of operators, and the national entries that tell every node of a change in it.

Rule: a person's row and the national entry are one transaction, so that nodes and the centre never
disagree about who may act. Leaves out invitations (enrolment).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from google.protobuf.message import Message

from central.operators import rules
from central.operators.rules import Operator
from lpse.federation.errors import NotFound
from lpse.federation.v1.directives_pb2 import OperatorAdded, OperatorRevoked
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros

AppendIn = Callable[[Transaction, Message], int]  # the national journal, inside a transaction

_COLUMNS: Final = (
    "name, role, signing_key, added_by, create_time, revoke_time, revoked_by, revoke_reason"
)


class OperatorStore:
    """All persons of the centre."""

    def __init__(self, database: Database, append_in: AppendIn) -> None:
        self._database = database
        self._append_in = append_in

    def redeem_in(
        self, tx: Transaction, *, name: str, role: str, signing_key: bytes, added_by: str,
        now: datetime,
    ) -> None:  # fmt: skip
        """A person redeemed an invitation; repeating it with the same key changes nothing."""
        count = tx.execute("SELECT count(*) FROM operators")[0][0]
        present = self.find_in(tx, name)
        if not rules.check_addition(present, name, role, signing_key, count):
            return
        rules.check_key(self._holder_in(tx, signing_key), name)
        tx.run(
            f"INSERT INTO operators ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, NULL, '', '')",  # noqa: S608 - constant
            (name, role, signing_key, added_by, to_micros(now)),
        )
        self._append_in(
            tx, OperatorAdded(operator=name, role=role, signing_key=signing_key, added_by=added_by)
        )

    def _holder_in(self, tx: Transaction, signing_key: bytes) -> str | None:
        sql = "SELECT name FROM operators WHERE signing_key = ? LIMIT 1"
        return next((str(name) for (name,) in tx.execute(sql, (signing_key,))), None)

    def find_in(self, tx: Transaction, name: str) -> Operator | None:
        """A person by name, revoked or not."""
        rows = tx.execute(f"SELECT {_COLUMNS} FROM operators WHERE name = ?", (name,))  # noqa: S608 - constant
        return _operator(rows[0]) if rows else None

    def get_in(self, tx: Transaction, name: str) -> Operator:
        """A person by name; NotFound (FED-3103)."""
        found = self.find_in(tx, name)
        if found is None:
            raise NotFound("FED-3103", f"there is no person {name}")
        return found

    async def get(self, name: str) -> Operator:
        """A person by name; NotFound (FED-3103)."""
        return await self._database.read(lambda tx: self.get_in(tx, name))

    async def page(self, after: str, limit: int) -> list[Operator]:
        """Persons whose names follow `after`, in order."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"SELECT {_COLUMNS} FROM operators WHERE name > ? ORDER BY name LIMIT ?",  # noqa: S608 - constant
                (after, limit),
            )
        )
        return [_operator(row) for row in rows]

    async def revoke(
        self, name: str, *, by: str, reason: str, now: datetime, validate_only: bool = False
    ) -> Operator:
        """End a person's access; repeating it changes nothing. See `rules.check_revocation`."""

        def work(tx: Transaction) -> Operator:
            present = self.get_in(tx, name)
            if not present.active:
                return present
            rows = tx.execute(f"SELECT {_COLUMNS} FROM operators WHERE name <> ?", (name,))  # noqa: S608 - constant
            rules.check_revocation(present, [_operator(row) for row in rows], reason)
            if validate_only:
                return present
            tx.run(
                "UPDATE operators SET revoke_time = ?, revoked_by = ?, revoke_reason = ?"
                " WHERE name = ?",
                (to_micros(now), by, reason, name),
            )
            self._append_in(tx, OperatorRevoked(operator=name, reason=reason, revoked_by=by))
            return self.get_in(tx, name)

        return await self._database.write(work)


def _operator(row: Row) -> Operator:
    name, role, key, added_by, created, revoked, revoked_by, reason = row
    return Operator(
        name=name,
        role=role,
        signing_key=key,
        added_by=added_by,
        create_time=from_micros(created),
        revoke_time=None if revoked is None else from_micros(revoked),
        revoked_by=revoked_by,
        revoke_reason=reason,
    )
