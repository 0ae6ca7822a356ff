"""One group commit: many units of work, one SQLite transaction, one fsync.

Owns what happens inside the database thread: each unit runs under its own SAVEPOINT (a failing
unit takes back only itself), participants such as the journal seal what was appended, and the
commit decides for all. Whatever breaks the commit breaks it for every unit in it: there is no
answer that is better known than the disk. Leaves out queueing and waiting (`database`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from lpse.federation.errors import Unavailable
from lpse.federation.limits import COMMIT_BYTES_MAX
from lpse.runtime.sqlite.errors import StorageFailed, storage_error

Value = bytes | str | int | float | None
Row = tuple[Any, ...]
Work = Callable[["Transaction"], Any]


class Transaction:
    """What a unit of work may do; synchronous, valid only inside the unit."""

    def __init__(
        self, connection: sqlite3.Connection, participants: Sequence[CommitParticipant] = ()
    ) -> None:
        self._connection = connection
        self._participants = participants
        self.written_bytes = 0
        self.broken: Unavailable | None = None

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """All rows of one statement."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            self._remember(error)
            raise

    def run(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """The number of rows that one writing statement changed."""
        self.written_bytes += _size(parameters)
        try:
            return self._connection.execute(sql, parameters).rowcount
        except sqlite3.Error as error:
            self._remember(error)
            raise

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """One writing statement for many rows."""
        listed = rows if isinstance(rows, list) else list(rows)
        self.written_bytes += sum(map(_size, listed))
        try:
            self._connection.executemany(sql, listed)
        except sqlite3.Error as error:
            self._remember(error)
            raise

    @contextmanager
    def nested(self) -> Iterator[None]:
        """A SAVEPOINT inside the unit: an exception takes back this part, memory included.

        The caller catches the exception to go on with the rest, for example to park one entry.
        """
        saved = [participant.save() for participant in self._participants]
        self._connection.execute("SAVEPOINT nested")
        try:
            yield
        except BaseException:
            if not self.broken:
                self._connection.execute("ROLLBACK TO nested")
                self._connection.execute("RELEASE nested")
                for participant, state in zip(self._participants, saved, strict=True):
                    participant.restore(state)
            raise
        self._connection.execute("RELEASE nested")

    def _remember(self, error: sqlite3.Error) -> None:
        # A unit may swallow the error; the commit must know about it all the same.
        self.broken = self.broken or storage_error(error)


def _size(parameters: Sequence[Value]) -> int:
    total = 0
    for value in parameters:
        kind = type(value)
        if kind is bytes or kind is str:
            total += len(value)  # type: ignore[arg-type] # narrowed by the line above
    return total


class CommitParticipant(Protocol):
    """Memory that must move together with the transaction, for example a journal's tree.

    All but the last two run in the database thread; `after_commit` and `after_rollback` run in the
    event loop, before any waiter of that commit is answered and before the next commit begins.
    """

    def begin(self) -> None:
        """A group commit starts."""

    def save(self) -> object:
        """The state to return to if the next unit fails."""

    def restore(self, saved: object) -> None:
        """Forget what happened since `saved`."""

    def before_commit(self, tx: Transaction) -> None:
        """Write what belongs to the whole commit, for example signed heads."""

    def after_commit(self) -> None:
        """What was appended is durable."""

    def after_rollback(self) -> None:
        """Nothing of this commit was kept."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of a group commit: one outcome per unit that ran, in order."""

    values: list[Any]  # the unit's return value, or a `Failure`
    committed: bool
    error: Unavailable | Exception | None  # the reason why nothing at all was kept
    written_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A unit raised; only its own changes were taken back."""

    error: BaseException


class _CommitBroken(Exception):
    def __init__(self, reason: Unavailable | Exception) -> None:
        super().__init__(reason)
        self.reason = reason


def run_batch(
    connection: sqlite3.Connection,
    participants: Sequence[CommitParticipant],
    units: Sequence[Work],
) -> BatchResult:
    """Run units until the byte limit, commit, and say what became of each that ran."""
    try:
        return _attempt(connection, participants, units)
    except _CommitBroken as broken:
        reason = broken.reason
    except sqlite3.Error as error:
        reason = storage_error(error) or StorageFailed(type(error).__name__)
    except Exception as error:  # a participant refused to seal: nothing may be kept
        reason = error
    return BatchResult([], False, _roll_back(connection, reason))


def _attempt(
    connection: sqlite3.Connection,
    participants: Sequence[CommitParticipant],
    units: Sequence[Work],
) -> BatchResult:
    for participant in participants:
        participant.begin()
    connection.execute("BEGIN IMMEDIATE")
    tx = Transaction(connection, participants)
    if len(units) == 1:
        values = [_run_alone(tx, units[0])]
    else:
        values = _run_each(connection, participants, tx, units)
    if all(type(value) is Failure for value in values):
        connection.execute("ROLLBACK")
        return BatchResult(values, False, None)
    for participant in participants:
        participant.before_commit(tx)
    if tx.broken:
        raise _CommitBroken(tx.broken)
    connection.execute("COMMIT")
    return BatchResult(values, True, None, tx.written_bytes)


def _run_alone(tx: Transaction, work: Work) -> Any:
    """Without a SAVEPOINT: a failure takes back the whole transaction, which is this unit."""
    try:
        value = work(tx)
    except BaseException as error:
        value = Failure(error)
    if tx.broken:
        raise _CommitBroken(tx.broken)
    return value


def _run_each(
    connection: sqlite3.Connection,
    participants: Sequence[CommitParticipant],
    tx: Transaction,
    units: Sequence[Work],
) -> list[Any]:
    values: list[Any] = []
    for work in units:
        saved = [participant.save() for participant in participants]
        connection.execute("SAVEPOINT unit")
        try:
            values.append(work(tx))
        except BaseException as error:
            values.append(Failure(error))
            if not tx.broken:
                connection.execute("ROLLBACK TO unit")
                for participant, state in zip(participants, saved, strict=True):
                    participant.restore(state)
        if tx.broken:
            raise _CommitBroken(tx.broken)
        connection.execute("RELEASE unit")
        if tx.written_bytes >= COMMIT_BYTES_MAX:
            break
    return values


def _roll_back(
    connection: sqlite3.Connection, reason: Unavailable | Exception
) -> Unavailable | Exception:
    """SQLite may have rolled back by itself; if it cannot at all, the database has failed."""
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        return StorageFailed(type(error).__name__)
    return reason
