"""All SQL of the link at the node: token, acknowledgements, pause, attempts, cosignatures.

Rule: a token is durable before it is confirmed (Invariant 1), and an acknowledged head never moves
backwards within its epoch. Leaves out what is kept in memory (`state`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from lpse.federation.checkpoints import Cosignature, Head
from lpse.federation.limits import LINK_ATTEMPTS_KEPT_MAX
from lpse.federation.v1 import journal_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Transaction


@dataclass(frozen=True, slots=True)
class StateRow:
    """What outlives a restart."""

    token_number: int
    token_value: bytes
    stored_head: Head | None
    applied_size: int
    parked: tuple[int, ...]
    pause_reason: str
    contradiction: records.CentreContradicted | None
    end_time: datetime | None
    ever_connected: bool
    protocol: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to reach the centre."""

    begin_time: datetime
    number: int
    outcome: str
    cause: str
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What the centre said that it holds."""

    stored_head: Head
    applied_size: int
    parked: tuple[int, ...]
    cosignature: Cosignature | None


class LinkStore:
    """Tables `link_state`, `link_attempts` and `link_cosignatures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> StateRow:
        """What outlives a restart."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT token_number, token_value, stored_head, applied_size, parked,"
                " pause_reason, contradiction, end_time, ever_connected, protocol"
                " FROM link_state"
            )
        )
        number, value, head, applied, parked, pause, contradiction, end, ever, protocol = rows[0]
        return StateRow(
            token_number=number,
            token_value=value or b"",
            stored_head=Head.of(wire.Head.FromString(head)) if head else None,
            applied_size=applied,
            parked=tuple(json.loads(parked)),
            pause_reason=pause,
            contradiction=(
                records.CentreContradicted.FromString(contradiction) if contradiction else None
            ),
            end_time=datetime.fromisoformat(end) if end else None,
            ever_connected=bool(ever),
            protocol=protocol,
        )

    async def keep_token(self, number: int, value: bytes) -> None:
        """Durable before it is confirmed to the centre."""
        await self._set("token_number = ?, token_value = ?", (number, value))

    async def keep_protocol(self, protocol: int) -> None:
        """Of the last session: it decides the form of the next hello."""
        await self._set("protocol = ?", (protocol,))

    async def keep_pause(self, reason: str) -> None:
        """Empty means not paused."""
        await self._set("pause_reason = ?", (reason,))

    async def keep_alive(self, moment: datetime) -> None:
        """The last moment at which the link was known to be up."""
        await self._set("end_time = ?, ever_connected = 1", (moment.isoformat(),))

    async def keep_ack(self, ack: Acknowledged) -> None:
        """What the centre holds; a centre that was restored may hold less than before."""
        head = ack.stored_head.message().SerializeToString(deterministic=True)

        def work(tx: Transaction) -> None:
            tx.run(
                "UPDATE link_state SET stored_head = ?, applied_size = ?, parked = ?",
                (head, ack.applied_size, json.dumps(ack.parked)),
            )
            if ack.cosignature is not None:
                tx.run(
                    "INSERT OR REPLACE INTO link_cosignatures (epoch, head, cosignature)"
                    " VALUES (?, ?, ?)",
                    (
                        ack.stored_head.epoch,
                        head,
                        ack.cosignature.message().SerializeToString(deterministic=True),
                    ),
                )

        await self._database.write(work)

    def keep_contradiction_in(self, tx: Transaction, record: records.CentreContradicted) -> None:
        """In the transaction that journals it."""
        data = record.SerializeToString(deterministic=True)
        tx.run("UPDATE link_state SET contradiction = ?", (data,))

    async def forget_contradiction(self) -> None:
        """The centre shows again what this node holds."""
        await self._set("contradiction = ?", (None,))

    async def keep_cosigned(self, head: Head, cosignature: Cosignature) -> None:
        """The centre's word for an ended epoch, which no acknowledgement renews."""
        values = (
            head.epoch,
            head.message().SerializeToString(deterministic=True),
            cosignature.message().SerializeToString(deterministic=True),
        )
        await self._database.write(
            lambda tx: tx.run(
                "INSERT OR REPLACE INTO link_cosignatures (epoch, head, cosignature)"
                " VALUES (?, ?, ?)",
                values,
            )
        )

    async def cosigned(self, epoch: bytes) -> tuple[Head, Cosignature] | None:
        """The newest head of an own epoch that the centre cosigned."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT head, cosignature FROM link_cosignatures WHERE epoch = ?", (epoch,)
            )
        )
        if not rows:
            return None
        head, cosignature = rows[0]
        return (
            Head.of(wire.Head.FromString(head)),
            Cosignature.of(wire.Cosignature.FromString(cosignature)),
        )

    async def add_attempt(self, attempt: Attempt) -> None:
        """Remember an attempt; the oldest make way."""

        def work(tx: Transaction) -> None:
            tx.run(
                "INSERT INTO link_attempts (begin_time, number, outcome, cause, wait_seconds)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    attempt.begin_time.isoformat(),
                    attempt.number,
                    attempt.outcome,
                    attempt.cause,
                    attempt.wait_seconds,
                ),
            )
            tx.run(
                "DELETE FROM link_attempts WHERE id <= (SELECT max(id) FROM link_attempts) - ?",
                (LINK_ATTEMPTS_KEPT_MAX,),
            )

        await self._database.write(work)

    async def attempts(self, limit: int) -> list[Attempt]:
        """Newest first."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT begin_time, number, outcome, cause, wait_seconds FROM link_attempts"
                " ORDER BY id DESC LIMIT ?",
                (limit,),
            )
        )
        return [Attempt(datetime.fromisoformat(row[0]), *row[1:]) for row in rows]

    async def _set(self, columns: str, values: tuple[str | int | bytes | None, ...]) -> None:
        sql = f"UPDATE link_state SET {columns}"  # noqa: S608 - constant columns
        await self._database.write(lambda tx: tx.run(sql, values))
