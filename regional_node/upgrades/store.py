"""All SQL of the upgrades: attempts, their steps, and the journal entries of these steps.

Rule: a step is written ahead. `begin` and `move` put the attempt's row, its step and its journal
entry into one transaction that is durable before they return, and only then may the caller act on
it. A move that the table does not have raises and writes nothing. Leaves out what is done between
two steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, cast

from google.protobuf.message import Message

from lpse.federation.errors import Conflict
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.versions import SpseVersion, parse_version
from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros
from regional_node.upgrades.rules import (
    FINAL,
    Attempt,
    Reason,
    State,
    WantedRelease,
    check_move,
)

_COLUMNS: Final = (
    "attempt, rollout, version, from_version, bundle_digest, bundle_bytes, state, reason, detail,"
    " hold_until, from_slot, to_slot, received_time, changed_time"
)


class JournalSink(Protocol):
    """The node's journal, as far as a step needs it; `lpse.storage.journal.Journal` is one."""

    def append_in(self, tx: Transaction, record: Message) -> int:
        """Append within the caller's transaction; the entry's index."""


@dataclass(frozen=True, slots=True)
class Step:
    """A move with what is to be remembered of it; an empty slot leaves the row's slot as it is."""

    state: State
    reason: Reason = Reason.NONE
    detail: str = ""
    hold_until: datetime | None = None
    to_slot: str = ""
    reported_version: str = ""


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One row of an attempt's history, with the journal entry that it made."""

    step: int
    state: State
    reason: Reason
    detail: str
    hold_until: datetime | None
    record_time: datetime
    journal_index: int


class UpgradeStore:
    """The attempts of this node in its database."""

    def __init__(self, database: Database, journal: JournalSink) -> None:
        self._database = database
        self._journal = journal

    async def begin(
        self, wanted: WantedRelease, present: SpseVersion, from_slot: str, now: datetime
    ) -> Attempt:
        """Record that the node learnt of a release: the attempt in state RECEIVED."""

        def work(tx: Transaction) -> Attempt:
            rows = tx.execute(
                "INSERT INTO upgrade_attempts (rollout, version, from_version, bundle_digest,"
                " bundle_bytes, state, reason, detail, hold_until, from_slot, to_slot,"
                " received_time, changed_time, active)"
                " VALUES (?, ?, ?, ?, ?, ?, '', '', NULL, ?, '', ?, ?, 1) RETURNING attempt",
                (
                    wanted.rollout,
                    str(wanted.version),
                    str(present),
                    wanted.bundle_digest,
                    wanted.bundle_bytes,
                    State.RECEIVED.value,
                    from_slot,
                    to_micros(now),
                    to_micros(now),
                ),
            )
            attempt = _attempt_in(tx, cast(int, rows[0][0]))
            self._record_in(tx, attempt, Step(State.RECEIVED), now)
            return attempt

        return await self._database.write(work)

    async def move(self, attempt: Attempt, step: Step, now: datetime) -> Attempt:
        """Write the next step ahead; Conflict when the row is not where `attempt` says."""

        def work(tx: Transaction) -> Attempt:
            stored = _attempt_in(tx, attempt.attempt)
            if stored != attempt:
                raise Conflict("FED-6102", "the upgrade moved on in the meantime")
            check_move(stored.state, step.state)
            tx.run(
                "UPDATE upgrade_attempts SET state = ?, reason = ?, detail = ?, hold_until = ?,"
                " to_slot = ?, changed_time = ?, active = ? WHERE attempt = ?",
                (
                    step.state.value,
                    step.reason.value,
                    step.detail,
                    _micros_or_none(step.hold_until),
                    step.to_slot or stored.to_slot,
                    to_micros(now),
                    int(step.state not in FINAL),
                    attempt.attempt,
                ),
            )
            moved = _attempt_in(tx, attempt.attempt)
            self._record_in(tx, moved, step, now)
            return moved

        return await self._database.write(work)

    async def active(self) -> Attempt | None:
        """The attempt that the node works on, if any."""
        found = await self._select("WHERE active = 1")
        return found[0] if found else None

    async def earlier(self, wanted: WantedRelease) -> tuple[Attempt, ...]:
        """Finished attempts of this bundle in this rollout, oldest first."""
        return await self._select(
            "WHERE bundle_digest = ? AND rollout = ? AND active = 0 ORDER BY attempt",
            (wanted.bundle_digest, wanted.rollout),
        )

    async def latest(self, limit: int) -> tuple[Attempt, ...]:
        """The newest attempts first, for people."""
        return await self._select("ORDER BY attempt DESC LIMIT ?", (limit,))

    async def steps(self, attempt: int) -> tuple[StepTaken, ...]:
        """The history of one attempt in order."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT step, state, reason, detail, hold_until, record_time, journal_index"
                " FROM upgrade_steps WHERE attempt = ? ORDER BY step",
                (attempt,),
            )
        )
        return tuple(_step_taken(row) for row in rows)

    async def _select(
        self, tail: str, parameters: tuple[str | int | bytes, ...] = ()
    ) -> tuple[Attempt, ...]:
        query = f"SELECT {_COLUMNS} FROM upgrade_attempts {tail}"  # noqa: S608 - our own text
        rows = await self._database.read(lambda tx: tx.execute(query, parameters))
        return tuple(_attempt(row) for row in rows)

    def _record_in(self, tx: Transaction, attempt: Attempt, step: Step, now: datetime) -> None:
        index = self._journal.append_in(tx, _entry(attempt, step, now))
        tx.run(
            "INSERT INTO upgrade_steps (attempt, step, state, reason, detail, hold_until,"
            " record_time, journal_index) SELECT ?, COUNT(*), ?, ?, ?, ?, ?, ?"
            " FROM upgrade_steps WHERE attempt = ?",
            (
                attempt.attempt,
                step.state.value,
                step.reason.value,
                step.detail,
                _micros_or_none(step.hold_until),
                to_micros(now),
                index,
                attempt.attempt,
            ),
        )


def _entry(attempt: Attempt, step: Step, now: datetime) -> records.UpgradeStepped:
    """The journal's words for a step; holds carry their reason as an enum, failures in `detail`."""
    entry = records.UpgradeStepped(
        rollout=attempt.rollout,
        from_version=str(attempt.from_version),
        to_version=str(attempt.version),
        state=records.UpgradeState.Value(f"UPGRADE_STATE_{step.state.value}"),
        detail=step.detail,
        reported_version=step.reported_version,
        bundle_digest=attempt.bundle_digest,
        bundle_bytes=attempt.bundle_bytes,
    )
    entry.step_time.FromDatetime(now)
    if step.state is State.HELD:
        entry.hold_reason = records.HoldReason.Value(f"HOLD_REASON_{step.reason.value}")
        if step.hold_until is not None:
            entry.hold_until_time.FromDatetime(step.hold_until)
    elif step.reason:
        entry.detail = f"{step.reason.value}: {step.detail}"
    return entry


def _attempt_in(tx: Transaction, attempt: int) -> Attempt:
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM upgrade_attempts WHERE attempt = ?",  # noqa: S608 - our own text
        (attempt,),
    )
    return _attempt(rows[0])


def _attempt(row: tuple[object, ...]) -> Attempt:
    return Attempt(
        attempt=cast(int, row[0]),
        rollout=cast(str, row[1]),
        version=parse_version(cast(str, row[2])),
        from_version=parse_version(cast(str, row[3])),
        bundle_digest=cast(bytes, row[4]),
        bundle_bytes=cast(int, row[5]),
        state=State(cast(str, row[6])),
        reason=Reason(cast(str, row[7])),
        detail=cast(str, row[8]),
        hold_until=_moment_or_none(cast("int | None", row[9])),
        from_slot=cast(str, row[10]),
        to_slot=cast(str, row[11]),
        received_time=from_micros(cast(int, row[12])),
        changed_time=from_micros(cast(int, row[13])),
    )


def _step_taken(row: tuple[object, ...]) -> StepTaken:
    index = cast(int, row[6])
    return StepTaken(
        step=cast(int, row[0]),
        state=State(cast(str, row[1])),
        reason=Reason(cast(str, row[2])),
        detail=cast(str, row[3]),
        hold_until=_moment_or_none(cast("int | None", row[4])),
        record_time=from_micros(cast(int, row[5])),
        journal_index=index,
    )


def _micros_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def _moment_or_none(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
