"""Grants: their table, and the memory in front of it.

Owns the table `grants`. Rules: a token is never stored, only its SHA-256; the address of a repeated
request is made again from the node's key; a revocation counts from its commit on, for requests that
run already too. Nothing here lists grants: their number would count future bidders. Leaves out what
a grant is (`rules`) and what is uploaded with it (regional_node/tus).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from typing import Final

from lpse.federation.acts import canonical
from lpse.federation.errors import Conflict
from lpse.federation.limits import GRANTS_PER_PACKAGE_MAX, GRANTS_REMEMBERED_MAX
from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros
from regional_node.grants import rules
from regional_node.grants.rules import Grant, Wish
from regional_node.intake.ports import EffectiveSchedule

_SELECT: Final = (
    "SELECT grant_id, name, package, stage, vendor, channel, seat, bytes_max, create_time,"
    " expire_time, extra, revoke_time, revoke_reason, token_digest FROM grants"
)


class Grants:
    """See the module's first lines."""

    def __init__(
        self,
        database: Database,
        schedule: EffectiveSchedule,
        clock: Clock,
        entropy: Entropy,
        key: bytes,
        *,
        bytes_max: int,
    ) -> None:
        """`key`: 32 secret bytes of this node that make tokens; `bytes_max`: one submission."""
        self._database = database
        self._schedule = schedule
        self._clock = clock
        self._entropy = entropy
        self._key = key
        self._bytes_max = bytes_max
        self._remembered: OrderedDict[bytes, Grant] = OrderedDict()
        self._revoked: set[int] = set()  # since the start: for requests that run already

    async def create(self, wish: Wish) -> tuple[Grant, str]:
        """A grant and its token, durable; the same request_id gives the same ones again.

        NotFound FED-4101 and Refused FED-4102 for an unknown package or stage, FED-5302, FED-5303,
        FED-500x; Conflict FED-5306 (too many), FED-5307 (request_id used for something else).
        """
        name = rules.name_of(self._entropy.token(rules.NAME_BYTES))
        made = rules.settle(wish, name, self._clock.now(), self._bytes_max)
        grant, token = await self._database.write(lambda tx: self._create(tx, wish, made))
        return grant, token

    async def find(self, token: str) -> Grant:
        """The live grant of a token; NotFound FED-5301 for every reason alike."""
        digest = rules.digest_of(token)
        if digest is None:
            raise rules.unknown()
        grant = self._remembered.get(digest)
        if grant is None:
            grant = await self._read(digest)
        else:
            self._remembered.move_to_end(digest)
        if grant is None or not self.is_live(grant):
            raise rules.unknown()
        return grant

    def is_live(self, grant: Grant) -> bool:
        """Whether a grant found before still counts; asked at every piece of a running upload."""
        return grant.grant_id not in self._revoked and grant.is_live(self._clock.now())

    async def get(self, name: str) -> Grant:
        """A grant by its name, ended ones too; NotFound FED-5305."""
        rules.check_name(name)
        found = await self._database.read(lambda tx: _one(tx, "name", name))
        if found is None:
            raise rules.unknown_name()
        return found

    async def revoke(self, name: str, reason: str) -> Grant:
        """Take a grant back for good; harmless when repeated. NotFound FED-5305, FED-5304."""
        rules.check_name(name)
        rules.check_reason(reason)
        now = self._clock.now()
        grant = await self._database.write(lambda tx: _revoke(tx, name, reason, now))
        self._revoked.add(grant.grant_id)
        return grant

    async def _read(self, digest: bytes) -> Grant | None:
        rows = await self._database.read(
            lambda tx: tx.execute(_SELECT + " WHERE token_digest = ?", (digest,))
        )
        if not rows or not hmac.compare_digest(bytes(rows[0][13]), digest):
            return None
        grant = _grant(rows[0])
        self._remembered[digest] = grant
        if len(self._remembered) > GRANTS_REMEMBERED_MAX:
            self._remembered.popitem(last=False)
        return grant

    def _create(self, tx: Transaction, wish: Wish, made: Grant) -> tuple[Grant, str]:
        request = hashlib.sha256(wish.request_id.encode()).digest() if wish.request_id else None
        if request is not None:
            rows = tx.execute(
                "SELECT name, wish_digest, token_digest FROM grants WHERE request_digest = ?",
                (request,),
            )
            if rows:
                return self._repeated(tx, wish, *rows[0])
        window = self._schedule.submission_window_in(
            tx, made.package, made.stage or None, made.create_time
        )
        _check_count(tx, made.package)
        settled = replace(made, stage=window.stage)
        token = rules.token_of(self._key, made.name, wish.request_id)
        _insert(tx, settled, (rules.digest_of(token) or b"", request, wish.digest()))
        stored = _one(tx, "name", made.name)
        assert stored is not None
        return stored, token

    def _repeated(
        self, tx: Transaction, wish: Wish, name: str, asked: bytes, kept: bytes
    ) -> tuple[Grant, str]:
        token = rules.token_of(self._key, name, wish.request_id)
        grant = _one(tx, "name", name)
        if grant is None or asked != wish.digest() or rules.digest_of(token) != kept:
            raise Conflict(
                "FED-5307",
                "this request_id stands for another grant, or for one from before a restore",
                remedy="ask again with a new request_id",
            )
        return grant, token


def grant_in(tx: Transaction, grant_id: int) -> Grant | None:
    """A grant by its number, inside the caller's transaction."""
    return _one(tx, "grant_id", grant_id)


def _one(tx: Transaction, column: str, value: int | str) -> Grant | None:
    assert column in ("grant_id", "name")
    rows = tx.execute(f"{_SELECT} WHERE {column} = ?", (value,))
    return _grant(rows[0]) if rows else None


def _check_count(tx: Transaction, package: str) -> None:
    counted = tx.execute("SELECT count(*) FROM grants WHERE package = ?", (package,))
    if counted[0][0] >= GRANTS_PER_PACKAGE_MAX:
        raise Conflict(
            "FED-5306",
            "this package has as many grants as a node keeps",
            remedy="use the address that the vendor has already; ask the help desk",
        )


def _insert(tx: Transaction, grant: Grant, digests: tuple[bytes, bytes | None, bytes]) -> None:
    tx.run(
        "INSERT INTO grants (name, token_digest, request_digest, wish_digest, package, stage,"
        " vendor, channel, seat, bytes_max, extra, create_time, expire_time)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            grant.name,
            *digests,
            grant.package,
            grant.stage,
            grant.vendor,
            grant.channel,
            grant.seat,
            grant.bytes_max,
            canonical(grant.extra).decode(),
            to_micros(grant.create_time),
            to_micros(grant.expire_time),
        ),
    )


def _revoke(tx: Transaction, name: str, reason: str, now: datetime) -> Grant:
    tx.run(
        "UPDATE grants SET revoke_time = ?, revoke_reason = ?"
        " WHERE name = ? AND revoke_time IS NULL",
        (to_micros(now), reason, name),
    )
    grant = _one(tx, "name", name)
    if grant is None:
        raise rules.unknown_name()
    return grant


def _grant(row: Row) -> Grant:
    return Grant(
        grant_id=row[0],
        name=row[1],
        package=row[2],
        stage=row[3],
        vendor=row[4],
        channel=row[5],
        seat=row[6],
        bytes_max=row[7],
        create_time=from_micros(row[8]),
        expire_time=from_micros(row[9]),
        extra=json.loads(row[10]),
        revoked=row[11] is not None,
        revoke_reason=row[12],
    )
