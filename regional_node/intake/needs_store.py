"""Which packages need which bytes, for the queue to the centre and for freeing local copies.

Implements the port `Needs` of transfers over intake's own tables. Rules: a package counts as handed
over only when every submission of it is revealed and SPSE has confirmed exactly that many
(Invariant 6); packages never leave the node. Leaves out what is done with the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lpse.federation.commitments import read_details
from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.sqlite.instants import from_micros


@dataclass(frozen=True, slots=True)
class SubmissionNeed:
    """An accepted submission: its number, its package, and the blobs that it has."""

    submission: int
    package: str
    digests: tuple[bytes, ...]


class SubmissionNeeds:
    """See the module's first lines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(self, submission: int, limit: int) -> list[SubmissionNeed]:
        """Accepted submissions with a higher number, in order."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT submission, package, details FROM intake_submissions"
                " WHERE submission > ? ORDER BY submission LIMIT ?",
                (submission, limit),
            )
        )
        return [
            SubmissionNeed(number, package, tuple(one.sha256 for one in read_details(raw).files))
            for number, package, raw in rows
        ]

    def newest_in(self, tx: Transaction) -> int:
        """The highest number of an accepted submission; 0 if there is none."""
        rows = tx.execute("SELECT coalesce(max(submission), 0) FROM intake_submissions")
        return int(rows[0][0])

    def handed_over_in(self, tx: Transaction, package: str) -> datetime | None:
        """Since when everything of a package is opened and its hand-over confirmed; else None."""
        rows = tx.execute(
            "SELECT count(*), coalesce(sum(revealed), 0) FROM intake_submissions WHERE package = ?",
            (package,),
        )
        submissions, revealed = rows[0]
        if not submissions or submissions != revealed:
            return None
        confirmed = tx.execute(
            "SELECT max(confirm_time) FROM intake_handovers WHERE package = ? AND submissions = ?",
            (package, submissions),
        )
        return None if confirmed[0][0] is None else from_micros(confirmed[0][0])
