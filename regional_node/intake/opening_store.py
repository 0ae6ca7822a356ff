"""Judging, opening and handing over: all their SQL and journal entries.

Owns the tables `intake_openings` and `intake_handovers`, and the mark `revealed` of submissions.
Rules: whether a package may be read is asked in the transaction that reads it (Invariant 6); a
verdict is journalled with the opening, because a declaration that comes late may still move the
deadline, and verdicts would have counted the bids; every commitment is revealed once; an upload
that was still on its way when the package was opened is revealed by the next opening. Leaves out
verdicts (`judgement_store`), bytes and answers (`opening`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from lpse.federation.errors import Conflict, FederationError, Refused, Unavailable
from lpse.federation.limits import (
    ATTEMPTS_SHOWN_MAX,
    JUDGED_PACKAGES_PER_STEP_MAX,
    JUDGED_UPLOADS_PER_COMMIT_MAX,
    OPENING_PART_BYTES_MAX,
    RELEASE_PAGE_SUBMISSIONS,
)
from lpse.federation.receipts import Commitment, Moment
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.federation.v1.records_pb2 import HandoverConfirmed, PackageOpened, Reveal
from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros
from lpse.storage.journal import Journal
from regional_node.intake import judgement_store, rules, sealed_store
from regional_node.intake.judgement_store import Judgement, judgements_in
from regional_node.intake.ports import EffectiveSchedule, OfficerActs
from regional_node.intake.rows import StoredAttempt, StoredSubmission
from regional_node.intake.store import (
    SELECT_ATTEMPTS,
    SELECT_SUBMISSIONS,
    attempt_of,
    submission_of,
)
from regional_node.intake.windows import Opening


@dataclass(frozen=True, slots=True)
class Opened:
    """A package whose bids may be read, as first opened; counts as of now."""

    package: str
    open_time: datetime
    deadline: datetime
    revision: int
    zone: str
    submissions: int
    attempts: int
    waiting: int = 0  # of this node, accepted before the opening, whose details nobody knows
    clock: tuple[float, float] | None = None  # offset and error in seconds at the opening


class OpeningStore:
    """See the module's first lines."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        schedule: EffectiveSchedule,
        officers: OfficerActs,
        returning_in: Callable[[Transaction], bool] = lambda _: False,
    ) -> None:
        """`returning_in`: whether own entries, and bids with them, are still on their way back."""
        self._returning_in = returning_in
        self._database = database
        self._journal = journal
        self._schedule = schedule
        self._officers = officers

    async def packages_to_judge(self, now: Moment) -> list[str]:
        """Packages whose deadline has passed outside any hold and that have unjudged uploads."""

        def work(tx: Transaction) -> list[str]:
            rows = tx.execute(
                "SELECT DISTINCT package FROM intake_submissions WHERE revealed = 0 LIMIT ?",
                (JUDGED_PACKAGES_PER_STEP_MAX,),
            )
            packages = [str(package) for (package,) in rows]
            return [one for one in packages if self._is_judgeable(tx, one, now)]

        return await self._database.read(work)

    async def judge(self, package: str, now: Moment) -> int:
        """Note verdicts of one package; how many were written, 0 when nothing is left."""

        def work(tx: Transaction) -> int:
            opening = self._schedule.opening_in(tx, package, now.time)
            if rules.release(opening, now) is not rules.Release.DUE:
                return 0
            return judgement_store.judge_in(tx, opening, JUDGED_UPLOADS_PER_COMMIT_MAX)

        return await self._database.write(work)

    async def open(self, package: str, now: Moment, act: SignedAct | None) -> Opened:
        """Reveal what is not yet revealed; FED-5201 before the deadline, FED-5202 during a hold."""
        return await self._database.write(lambda tx: self._open_in(tx, package, now, act))

    async def submissions(
        self, package: str, after: int
    ) -> list[tuple[StoredSubmission, tuple[Judgement, ...]]]:
        """Revealed submissions with a higher number and their verdicts, one page of them."""
        return await self._database.read(
            lambda tx: [
                (submission_of(row), judgements_in(tx, row[0]))
                for row in tx.execute(
                    SELECT_SUBMISSIONS + " WHERE package = ? AND revealed = 1 AND submission > ?"
                    " ORDER BY submission LIMIT ?",
                    (package, after, RELEASE_PAGE_SUBMISSIONS),
                )
            ]
        )

    async def attempts(self, package: str) -> list[StoredAttempt]:
        """Every revealed attempt; their number is bounded per package."""
        return await self._database.read(
            lambda tx: [
                attempt_of(row)
                for row in tx.execute(
                    SELECT_ATTEMPTS + " WHERE package = ? AND revealed = 1 ORDER BY attempt",
                    (package,),
                )
            ]
        )

    async def attempts_of(self, intake_key: str) -> list[StoredAttempt]:
        """Refused attempts under a key, newest first, up to a limit; its holder may always ask."""
        return await self._database.read(
            lambda tx: [
                attempt_of(row)
                for row in tx.execute(
                    SELECT_ATTEMPTS + " WHERE intake_key = ? ORDER BY attempt DESC LIMIT ?",
                    (intake_key, ATTEMPTS_SHOWN_MAX),
                )
            ]
        )

    async def confirm(self, package: str, submissions: int, now: datetime) -> datetime:
        """SPSE holds this many; FED-5203 before opening, FED-5205 for another number."""
        return await self._database.write(
            lambda tx: self._confirm_in(tx, package, submissions, now)
        )

    async def confirmed(self, package: str) -> int | None:
        """The number of submissions that SPSE confirmed last; None before any confirmation."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT submissions FROM intake_handovers WHERE package = ?"
                " ORDER BY confirm_time DESC LIMIT 1",
                (package,),
            )
        )
        return int(rows[0][0]) if rows else None

    def _is_judgeable(self, tx: Transaction, package: str, now: Moment) -> bool:
        try:
            opening = self._schedule.opening_in(tx, package, now.time)
        except FederationError:
            return False  # one package with a broken schedule must not keep the others waiting
        due = rules.release(opening, now) is rules.Release.DUE
        return due and bool(
            tx.execute(
                "SELECT 1 FROM intake_submissions WHERE package = ? AND revealed = 0"
                " AND judged_revision < ? LIMIT 1",
                (package, opening.revision),
            )
        )

    def _open_in(self, tx: Transaction, package: str, now: Moment, act: SignedAct | None) -> Opened:
        if act is not None:
            digest = rules.open_subject(package)
            self._officers.verify_in(tx, act, act=rules.OPEN, digest=digest, roles=rules.OPENERS)
        opening, open_time = self._first_opening_in(tx, package, now, signed=act is not None)
        first = open_time is None
        judgement_store.judge_in(tx, opening, -1)
        judgement_store.journal_in(tx, self._journal, package)
        parts = _parts(list(_unrevealed_in(tx, package)))
        if parts or first:
            self._reveal_in(tx, opening, now, parts or [[]], act)
        if first:
            actor = act.actor if act is not None else ""
            times = to_micros(now.time), to_micros(opening.deadline)
            clock = now.offset_seconds, now.error_seconds
            row = (package, *times, opening.revision, opening.zone, actor, *clock)
            sealed_store.open_in(tx, row)
        return Opened(
            package,
            open_time or now.time,
            opening.deadline,
            opening.revision,
            opening.zone,
            _count_in(tx, package),
            _count_attempts_in(tx, package),
            sealed_store.waiting_count_in(tx, 0, to_micros(open_time or now.time)),
            _clock_in(tx, package),
        )

    def _first_opening_in(
        self, tx: Transaction, package: str, now: Moment, *, signed: bool
    ) -> tuple[Opening, datetime | None]:
        """The deadline by which the package was opened or may be opened now; else raises."""
        opened = opening_in(tx, package)
        if opened is not None:
            return opened
        opening = self._schedule.opening_in(tx, package, now.time)
        _refuse_unless_due(opening, rules.release(opening, now))
        if not signed and self._returning_in(tx):
            raise Unavailable(
                "FED-2437",
                "this node is getting its own entries back; bids may still be missing",
                remedy="wait for `status`, or have a Pokja officer open it: package open --as",
            )
        return opening, None

    def _reveal_in(
        self,
        tx: Transaction,
        opening: Opening,
        now: Moment,
        parts: Sequence[Sequence[Reveal]],
        act: SignedAct | None,
    ) -> None:
        for number, reveals in enumerate(parts):
            record = PackageOpened(
                package=opening.package, reveals=reveals, act=act, part=number, parts=len(parts),
                clock_offset_seconds=now.offset_seconds, clock_error_seconds=now.error_seconds,
            )  # fmt: skip
            record.open_time.FromDatetime(now.time)
            record.deadline_time.FromDatetime(opening.deadline)
            self._journal.append_in(tx, record)
        for table in _REVEALING:
            tx.run(table, (opening.package,))

    def _confirm_in(
        self, tx: Transaction, package: str, submissions: int, now: datetime
    ) -> datetime:
        if opening_in(tx, package) is None:
            raise Refused(
                "FED-5203", "this package was not opened", remedy="open it first, then confirm"
            )
        known = tx.execute(
            "SELECT confirm_time FROM intake_handovers WHERE package = ? AND submissions = ?",
            (package, submissions),
        )
        if known:
            return from_micros(known[0][0])
        released = _count_in(tx, package)
        if released != submissions:
            raise Conflict(
                "FED-5205",
                f"{submissions} submissions were confirmed, but {released} were handed over",
                remedy="take the hand-over again and compare",
            )
        record = HandoverConfirmed(package=package, submissions=submissions)
        record.confirm_time.FromDatetime(now)
        self._journal.append_in(tx, record)
        tx.run(
            "INSERT INTO intake_handovers VALUES (?, ?, ?)", (package, submissions, to_micros(now))
        )
        return now


_REVEALING = (
    "UPDATE intake_submissions SET revealed = 1 WHERE package = ? AND revealed = 0",
    "UPDATE intake_attempts SET revealed = 1 WHERE package = ? AND revealed = 0",
)


def opening_in(tx: Transaction, package: str) -> tuple[Opening, datetime] | None:
    """How and when a package was first opened; None while its bids are sealed."""
    rows = tx.execute(
        "SELECT zone, deadline_time, schedule_revision, open_time FROM intake_openings"
        " WHERE package = ?",
        (package,),
    )
    if not rows:
        return None
    zone, deadline, revision, opened = rows[0]
    return Opening(package, zone, from_micros(deadline), revision), from_micros(opened)


def _clock_in(tx: Transaction, package: str) -> tuple[float, float] | None:
    query = "SELECT clock_offset, clock_error FROM intake_openings WHERE package = ?"
    ((offset, error),) = tx.execute(query, (package,))
    return None if offset is None else (float(offset), float(error))


def newest_acceptance_in(tx: Transaction) -> datetime | None:
    """The newest legal moment at which bytes were durable; None before any."""
    rows = tx.execute("SELECT max(accept_time) FROM intake_submissions")
    return from_micros(rows[0][0]) if rows[0][0] is not None else None


def _refuse_unless_due(opening: Opening, decision: rules.Release) -> None:
    match decision:
        case rules.Release.DUE:
            return
        case rules.Release.CANCELLED:
            raise Refused(
                "FED-5204",
                "the selection was cancelled; its bids stay sealed",
                remedy="no bid of a cancelled selection is ever opened",
            )
        case rules.Release.HELD:
            raise Refused(
                "FED-5202",
                "the deadline of this package is held because of a disturbance",
                remedy="the Pokja decides about the schedule first: compensation decide",
            )
        case rules.Release.NOT_DUE:
            raise Refused(
                "FED-5201",
                "the effective deadline of this package has not passed",
                remedy="try again after the deadline; package get shows it",
            )


def _unrevealed_in(tx: Transaction, package: str) -> Iterator[Commitment]:
    for row in tx.execute(
        SELECT_SUBMISSIONS + " WHERE package = ? AND revealed = 0 ORDER BY submission", (package,)
    ):
        yield submission_of(row).commitment
    for row in tx.execute(
        SELECT_ATTEMPTS + " WHERE package = ? AND revealed = 0 ORDER BY attempt", (package,)
    ):
        yield attempt_of(row).commitment


def _parts(commitments: Sequence[Commitment]) -> list[list[Reveal]]:
    """Reveals in as few parts as fit into one entry each."""
    parts: list[list[Reveal]] = []
    room = 0
    for one in commitments:
        reveal = Reveal(commitment=one.digest, salt=one.salt, details=one.details)
        size = reveal.ByteSize() + 8
        if size > room or not parts:
            parts.append([])
            room = OPENING_PART_BYTES_MAX
        parts[-1].append(reveal)
        room -= size
    return parts


def _count_in(tx: Transaction, package: str) -> int:
    rows = tx.execute(
        "SELECT count(*) FROM intake_submissions WHERE package = ? AND revealed = 1", (package,)
    )
    return int(rows[0][0])


def _count_attempts_in(tx: Transaction, package: str) -> int:
    rows = tx.execute(
        "SELECT count(*) FROM intake_attempts WHERE package = ? AND revealed = 1", (package,)
    )
    return int(rows[0][0])
