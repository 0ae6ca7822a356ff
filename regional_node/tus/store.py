"""Files, submissions and attempts of upload grants: all their SQL.

Owns the tables `tus_files`, `tus_submissions` and `tus_attempts`. Rules: an offset is written after
its bytes were fsynced (Invariant 1); a state moves forward only; what becomes part of a submission
or ends with a proof does so in the transaction of its journal entry (functions `…_in`). Leaves out
the entries (regional_node/intake) and the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from lpse.federation.errors import FederationError
from lpse.federation.receipts import Moment
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros
from regional_node.grants.rules import Grant
from regional_node.intake.ports import EffectiveSchedule, Window
from regional_node.intake.rules import Admission, admit
from regional_node.intake.store import submission_in
from regional_node.intake.windows import moment_text, read_moment
from regional_node.tus.errors import FileGone, submitted_before, unfinished
from regional_node.tus.rows import FileState, GrantAttempt, GrantSubmission, State

T = TypeVar("T")
GrantIn = Callable[[Transaction, int], Grant | None]
_FILES: Final = (
    "SELECT file, grant_id, name, size_bytes, offset_bytes, state, digest, begin_moment,"
    " durable_moment, last_byte_time, expire_time FROM tus_files"
)
_ATTEMPTS: Final = (
    "SELECT number, reason, received_bytes, size_bytes, begin_time, end_time, proof"
    " FROM tus_attempts WHERE grant_id = ?"
)


class NotAdmitted(Exception):
    """The schedule takes no file now; nothing was written."""

    def __init__(self, admission: Admission, window: Window) -> None:
        super().__init__(admission.value)
        self.admission = admission
        self.window = window


@dataclass(frozen=True, slots=True)
class Entered:
    """A whole file on its way to its row; a new one is made for a package and a stage."""

    file: FileState
    made_for: tuple[str, str] | None


class FileStore:
    """See the module's first lines."""

    def __init__(self, database: Database, schedule: EffectiveSchedule, grant_in: GrantIn) -> None:
        self._database = database
        self._schedule = schedule
        self._grant_in = grant_in

    async def admit(self, package: str, stage: str, begun: Moment) -> None:
        """NotAdmitted where the upload stage takes no file that begins at this moment."""
        await self._database.read(lambda tx: self._admit_in(tx, package, stage, begun))

    async def insert(self, file: FileState, package: str, stage: str) -> None:
        """A new file, admitted by the schedule in the same transaction; NotAdmitted."""

        def work(tx: Transaction) -> None:
            self._admit_in(tx, package, stage, file.begin)
            _insert(tx, file)

        await self._database.write(work)

    async def enter(self, listed: Sequence[Entered]) -> list[FileState | Exception]:
        """Rows of whole files in one unit; NotAdmitted or FileGone in the place of one not made."""
        return await self._database.write(lambda tx: self._enter_in(tx, listed))

    async def record(self, file: FileState, offset: int, now: datetime) -> FileState:
        """Bytes up to `offset` are durable."""
        moved = replace(file, offset_bytes=offset, last_byte_time=now)
        await self._database.write(lambda tx: _record(tx, moved))
        return moved

    async def complete(self, file: FileState, digest: bytes, durable: Moment) -> FileState:
        """The file is whole under its digest."""
        whole = replace(
            file,
            offset_bytes=file.size_bytes,
            state=State.WHOLE,
            digest=digest,
            durable=durable,
            last_byte_time=durable.time,
        )
        moved = await self._database.write(lambda tx: _complete(tx, whole))
        assert moved, "a file is completed once"
        return whole

    async def end(self, file: FileState, state: State) -> None:
        """The file ends without a proof."""
        await self._database.write(lambda tx: end_in(tx, file, state))

    async def grants(self, grant_ids: Collection[int]) -> dict[int, Grant]:
        """Grants by their numbers, revoked and expired ones too."""

        def work(tx: Transaction) -> dict[int, Grant]:
            found = {one: self._grant_in(tx, one) for one in grant_ids}
            return {one: grant for one, grant in found.items() if grant is not None}

        return await self._database.read(work)

    async def live(self) -> list[FileState]:
        """Every file that can still become part of a submission."""
        rows = await self._database.read(
            lambda tx: tx.execute(_FILES + " WHERE state <= 2 ORDER BY position")
        )
        return [_file(row) for row in rows]

    async def find(self, file_id: str) -> FileState | None:
        """A file in any state."""
        rows = await self._database.read(
            lambda tx: tx.execute(_FILES + " WHERE file = ?", (file_id,))
        )
        return _file(rows[0]) if rows else None

    async def files_made(self, grant_id: int) -> int:
        """How many files a grant ever had."""
        rows = await self._database.read(
            lambda tx: tx.execute("SELECT count(*) FROM tus_files WHERE grant_id = ?", (grant_id,))
        )
        return int(rows[0][0])

    async def files(self, grant_id: int, limit: int) -> list[FileState]:
        """The newest files of a grant, oldest first."""
        by_grant = _FILES + " WHERE grant_id = ? ORDER BY position DESC LIMIT ?"
        rows = await self._database.read(lambda tx: tx.execute(by_grant, (grant_id, limit)))
        return [_file(row) for row in reversed(rows)]

    async def submissions(self, grant_id: int) -> list[GrantSubmission]:
        """The submissions of a grant by number."""
        return await self._database.read(lambda tx: _submissions(tx, grant_id))

    async def standing(
        self, grant_id: int, files: Sequence[str], look: Callable[[Transaction, int], T]
    ) -> tuple[list[GrantSubmission], T | None]:
        """The submissions of a grant, and what `look` says of the next number.

        It is not asked where these files were submitted before.
        """

        def work(tx: Transaction) -> tuple[list[GrantSubmission], T | None]:
            before = _submissions(tx, grant_id)
            if any(earlier.files == tuple(files) for earlier in before):
                return before, None
            return before, look(tx, before[-1].number + 1 if before else 1)

        return await self._database.read(work)

    async def attempts(self, grant_id: int) -> list[GrantAttempt]:
        """The attempts of a grant by number."""
        rows = await self._database.read(
            lambda tx: tx.execute(_ATTEMPTS + " ORDER BY number", (grant_id,))
        )
        return [_attempt(row) for row in rows]

    async def attempt(self, grant_id: int, number: int) -> GrantAttempt | None:
        """One attempt with its proof."""
        rows = await self._database.read(
            lambda tx: tx.execute(_ATTEMPTS + " AND number = ?", (grant_id, number))
        )
        return _attempt(rows[0]) if rows else None

    async def attempts_counted(self, grant_id: int) -> int:
        """How many attempts of a grant have a proof."""
        counted = "SELECT count(*) FROM tus_attempts WHERE grant_id = ?"
        rows = await self._database.read(lambda tx: tx.execute(counted, (grant_id,)))
        return int(rows[0][0])

    async def window(self, package: str, stage: str, now: datetime) -> Window:
        """The effective upload window; NotFound FED-4101, Refused FED-4102."""
        return await self._database.read(
            lambda tx: self._schedule.submission_window_in(tx, package, stage or None, now)
        )

    def _enter_in(self, tx: Transaction, listed: Sequence[Entered]) -> list[FileState | Exception]:
        outcomes: list[FileState | Exception] = []
        windows: dict[tuple[str, str], Window] = {}
        for one in listed:
            file = one.file
            try:
                if one.made_for is None:
                    if not _complete(tx, file):
                        raise FileGone
                else:
                    window = self._window_in(tx, windows, one.made_for, file.begin)
                    _check(window, file.begin)
                    _insert(tx, file)
                outcomes.append(file)
            except (NotAdmitted, FederationError) as error:
                outcomes.append(error)
        return outcomes

    def _window_in(
        self,
        tx: Transaction,
        windows: dict[tuple[str, str], Window],
        stage: tuple[str, str],
        begun: Moment,
    ) -> Window:
        """Read once for all before its deadline; behind it a hold depends on each one's moment."""
        window = windows.get(stage)
        if window is None or window.deadline <= begun.time:
            now = begun.time
            window = self._schedule.submission_window_in(tx, stage[0], stage[1] or None, now)
            if now < window.deadline:
                windows[stage] = window
        return window

    def _admit_in(self, tx: Transaction, package: str, stage: str, begun: Moment) -> None:
        _check(
            self._schedule.submission_window_in(tx, package, stage or None, begun.time),
            begun,
        )


def _check(window: Window, begun: Moment) -> None:
    admission = admit(window, begun)
    if admission is not Admission.ADMITTED:
        raise NotAdmitted(admission, window)


def submit_in(
    tx: Transaction, grant_id: int, number: int, intake_key: str, files: Sequence[str]
) -> None:
    """Whole files become a submission; Conflict where one is not whole any more."""
    for file_id in files:
        moved = "UPDATE tus_files SET state = 3 WHERE file = ? AND grant_id = ? AND state = 2"
        if tx.run(moved, (file_id, grant_id)) != 1:
            raise unfinished()
    tx.run(
        "INSERT INTO tus_submissions VALUES (?, ?, ?, ?)",
        (grant_id, number, intake_key, " ".join(files)),
    )


def end_in(tx: Transaction, file: FileState, state: State) -> None:
    """A live file ends; Conflict FED-5411 where a submission has it meanwhile."""
    ended = "UPDATE tus_files SET state = ? WHERE file = ? AND state <= 2"
    if tx.run(ended, (int(state), file.file_id)) != 1:
        raise submitted_before()


def attempt_in(tx: Transaction, grant_id: int, attempt: GrantAttempt) -> None:
    """Note an attempt under the grant's next number, once per proof."""
    known = "SELECT 1 FROM tus_attempts WHERE grant_id = ? AND proof = ?"
    if tx.execute(known, (grant_id, attempt.proof)):
        return
    tx.run(
        "INSERT INTO tus_attempts SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?, ?, ?, ?"
        " FROM tus_attempts WHERE grant_id = ?",
        (
            grant_id,
            attempt.reason,
            attempt.received_bytes,
            attempt.size_bytes,
            to_micros(attempt.begin_time),
            to_micros(attempt.end_time),
            attempt.proof,
            grant_id,
        ),
    )


def _insert(tx: Transaction, file: FileState) -> None:
    tx.run(
        "INSERT INTO tus_files (file, grant_id, name, size_bytes, offset_bytes, state, digest,"
        " begin_moment, durable_moment, last_byte_time, expire_time)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            file.file_id,
            file.grant_id,
            file.name,
            file.size_bytes,
            file.offset_bytes,
            int(file.state),
            file.digest,
            moment_text(file.begin),
            moment_text(file.durable) if file.durable else None,
            to_micros(file.last_byte_time),
            to_micros(file.expire_time),
        ),
    )


def _record(tx: Transaction, file: FileState) -> None:
    tx.run(
        "UPDATE tus_files SET offset_bytes = ?, last_byte_time = ?, digest = NULL,"
        " durable_moment = NULL WHERE file = ? AND state = 1",
        (file.offset_bytes, to_micros(file.last_byte_time), file.file_id),
    )


def _complete(tx: Transaction, file: FileState) -> bool:
    assert file.durable is not None
    moved = tx.run(
        "UPDATE tus_files SET offset_bytes = size_bytes, state = 2, digest = ?,"
        " durable_moment = ?, last_byte_time = ? WHERE file = ? AND state = 1",
        (
            file.digest,
            moment_text(file.durable),
            to_micros(file.last_byte_time),
            file.file_id,
        ),
    )
    return moved == 1


def _submissions(tx: Transaction, grant_id: int) -> list[GrantSubmission]:
    rows = tx.execute(
        "SELECT number, files, intake_key FROM tus_submissions WHERE grant_id = ? ORDER BY number",
        (grant_id,),
    )
    found = []
    for number, files, key in rows:
        stored = submission_in(tx, key)
        assert stored is not None, "both rows are of one transaction"
        found.append(GrantSubmission(number, tuple(files.split(" ")), stored))
    return found


def _file(row: Row) -> FileState:
    return FileState(
        file_id=row[0],
        grant_id=row[1],
        name=row[2],
        size_bytes=row[3],
        offset_bytes=row[4],
        state=State(row[5]),
        digest=row[6],
        begin=read_moment(row[7]),
        durable=read_moment(row[8]) if row[8] else None,
        last_byte_time=from_micros(row[9]),
        expire_time=from_micros(row[10]),
    )


def _attempt(row: Row) -> GrantAttempt:
    return GrantAttempt(
        number=row[0],
        reason=row[1],
        received_bytes=row[2],
        size_bytes=row[3],
        begin_time=from_micros(row[4]),
        end_time=from_micros(row[5]),
        proof=row[6],
    )
