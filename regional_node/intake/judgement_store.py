"""Verdicts that follow after a deadline: one per submission and schedule revision that fell due.

Owns the table `intake_judgements` and the mark `judged_revision`. Rules: a verdict once noted
stays, a later revision adds another one; all of them are journalled with the opening, because
before it they would count the bids of a package. Functions run inside the caller's transaction.
Leaves out when to judge (`opening_store`) and the verdict itself (`rules`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lpse.federation.v1.records_pb2 import UploadJudged, Verdict
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros
from lpse.storage.journal import Journal
from regional_node.intake import rules
from regional_node.intake.store import SELECT_SUBMISSIONS, submission_of
from regional_node.intake.windows import Opening


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict by one revision of the schedule."""

    revision: int
    verdict: Verdict.ValueType
    deadline: datetime


def judge_in(tx: Transaction, opening: Opening, limit: int) -> int:
    """Judge unrevealed submissions by this revision; how many were (-1: no limit)."""
    deadline, revision = to_micros(opening.deadline), opening.revision
    rows = tx.execute(
        SELECT_SUBMISSIONS + " WHERE package = ? AND revealed = 0 AND judged_revision < ? LIMIT ?",
        (opening.package, revision, limit),
    )
    for stored in map(submission_of, rows):
        verdict = rules.judge_by(opening.deadline, stored.durable)
        tx.run(
            "UPDATE intake_submissions SET verdict = ?, deadline_time = ?, schedule_revision = ?,"
            " judged_revision = ? WHERE submission = ?",
            (verdict, deadline, revision, revision, stored.number),
        )
        tx.run(
            "INSERT INTO intake_judgements VALUES (?, ?, ?, ?)",
            (stored.number, revision, verdict, deadline),
        )
    return len(rows)


def journal_in(tx: Transaction, journal: Journal, package: str) -> None:
    """Write down every verdict of the submissions that an opening is about to reveal."""
    for commitment, judgement in _unrevealed_in(tx, package):
        record = UploadJudged(
            commitment=commitment,
            verdict=judgement.verdict,
            schedule_revision=judgement.revision,
        )
        record.deadline_time.FromDatetime(judgement.deadline)
        journal.append_in(tx, record)


def judgements_in(tx: Transaction, submission: int) -> tuple[Judgement, ...]:
    """Every verdict of one submission, in the order of revisions."""
    rows = tx.execute(
        "SELECT schedule_revision, verdict, deadline_time FROM intake_judgements"
        " WHERE submission = ? ORDER BY schedule_revision",
        (submission,),
    )
    return tuple(Judgement(row[0], row[1], from_micros(row[2])) for row in rows)


def _unrevealed_in(tx: Transaction, package: str) -> Iterator[tuple[bytes, Judgement]]:
    rows = tx.execute(
        "SELECT s.commitment, j.schedule_revision, j.verdict, j.deadline_time"
        " FROM intake_submissions AS s JOIN intake_judgements AS j ON j.submission = s.submission"
        " WHERE s.package = ? AND s.revealed = 0 ORDER BY s.submission, j.schedule_revision",
        (package,),
    )
    for commitment, revision, verdict, deadline in rows:
        yield bytes(commitment), Judgement(revision, verdict, from_micros(deadline))
