"""The statements behind restored submissions and attempts, and the table `restore_sealed`.

Rules: every function works inside the caller's transaction; a place in the own journal is
(epoch, index); a submission is found by its intake key, because commitments have no index of their
own. Leaves out the order of things (`restore_store`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpse.federation.commitments import SubmissionDetails
from lpse.federation.receipts import Commitment
from lpse.federation.v1.records_pb2 import SealedBlob
from lpse.runtime.sqlite import Transaction, Value
from regional_node.intake.restored_rows import AttemptRow, SubmissionRow, twin_key
from regional_node.restored import RestoredEntry

Place = tuple[bytes, int]
_REFERENCE = (
    "INSERT INTO intake_blobs VALUES (?, ?, 1, ?, ?) ON CONFLICT (digest) DO UPDATE SET"
    " reference_count = reference_count + 1,"
    " least_deadline = min(least_deadline, excluded.least_deadline)"
)
_PARKED = "SELECT refused, epoch, idx, record, accept_time FROM restore_sealed"


@dataclass(frozen=True, slots=True)
class Parked:
    """An entry that waits for its details; `accept_time` is in µs, or when it was refused."""

    refused: bool
    place: Place
    record: bytes
    accept_time: int


def park_in(
    tx: Transaction, entry: RestoredEntry, commitment: bytes, when: int, *, refused: bool
) -> bool:
    """Keep an entry until its details are known; whether it was not kept before."""
    assert entry.record is not None
    payload = entry.record.SerializeToString(deterministic=True)
    return bool(
        tx.run(
            "INSERT INTO restore_sealed VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (commitment, int(refused), entry.epoch, entry.index, payload, when),
        )
    )


def parked_in(tx: Transaction, commitment: bytes) -> Parked | None:
    """The entry of a commitment that waits for its details."""
    rows = tx.execute(f"{_PARKED} WHERE commitment = ?", (commitment,))
    if not rows:
        return None
    refused, epoch, index, record, when = rows[0]
    return Parked(bool(refused), (epoch, index), record, when)


def unpark_in(tx: Transaction, commitment: bytes) -> None:
    """Its details are known."""
    tx.run("DELETE FROM restore_sealed WHERE commitment = ?", (commitment,))


def waiting_in(tx: Transaction, after: bytes, limit: int) -> list[tuple[bytes, Parked]]:
    """Everything that waits, by commitment."""
    rows = tx.execute(
        "SELECT commitment, refused, epoch, idx, record, accept_time FROM restore_sealed"
        " WHERE commitment > ? ORDER BY commitment LIMIT ?",
        (after, limit),
    )
    return [
        (bytes(commitment), Parked(bool(refused), (epoch, index), record, when))
        for commitment, refused, epoch, index, record, when in rows
    ]


def all_waiting_in(tx: Transaction) -> int:
    """How many entries of this node wait for their details."""
    return int(tx.execute("SELECT count(*) FROM restore_sealed")[0][0])


def waiting_count_in(tx: Transaction, start: int, end: int) -> int:
    """Submissions that wait for details, accepted in [start, end): of whichever package."""
    rows = tx.execute(
        "SELECT count(*) FROM restore_sealed WHERE refused = 0 AND accept_time >= ?"
        " AND accept_time < ?",
        (start, end),
    )
    return int(rows[0][0])


def knows_submission_in(tx: Transaction, row: SubmissionRow) -> bool:
    """Whether this very submission is here."""
    return _number_in(tx, row.details.intake_key, row.commitment.digest) is not None


def knows_attempt_in(tx: Transaction, row: AttemptRow) -> bool:
    """Whether this very attempt is here."""
    return bool(
        tx.execute(
            "SELECT 1 FROM intake_attempts WHERE intake_key = ? AND commitment = ?",
            (row.details.intake_key, row.commitment.digest),
        )
    )


def insert_submission_in(tx: Transaction, row: SubmissionRow, place: Place) -> bool:
    """A new row; whether another submission had its key, so that one of them got another key."""
    key, twin = row.details.intake_key, False
    present = tx.execute(
        "SELECT commitment, accept_time FROM intake_submissions WHERE intake_key = ?", (key,)
    )
    if present:
        twin = True
        commitment, accepted = present[0]
        if accepted <= row.accept_time:
            key = twin_key(key, row.commitment.digest)
        else:  # the earlier one is what the key stands for
            _rename_in(tx, key, twin_key(key, commitment))
    tx.run(
        "INSERT INTO intake_submissions (intake_key, package, commitment, salt, details,"
        " accept_time, clock_error, zone, receipt, verdict, deadline_time, schedule_revision,"
        " journal_epoch, journal_index, clock_offset)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (key, row.details.package, *_committed(row.commitment), *_facts(row), *place,
         row.clock_offset),
    )  # fmt: skip
    number = _number_in(tx, row.details.intake_key, row.commitment.digest)
    assert number is not None
    _remember_in(tx, row.commitment.digest, number)
    return twin


def insert_attempt_in(tx: Transaction, row: AttemptRow, place: Place) -> None:
    """A new row."""
    details, reason, proof = row.details, row.reason, row.proof
    tx.run(
        "INSERT INTO intake_attempts (intake_key, package, commitment, salt, details, reason,"
        " proof, journal_epoch, journal_index) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (details.intake_key, details.package, *_committed(row.commitment), reason, proof, *place),
    )


def fill_in(tx: Transaction, row: SubmissionRow) -> bool:
    """Put a receipt where a row has none; what a verdict says since stays as it is."""
    number = _number_in(tx, row.details.intake_key, row.commitment.digest)
    return number is not None and bool(
        tx.run(
            "UPDATE intake_submissions SET receipt = ?, clock_error = ?, clock_offset = ?"
            " WHERE submission = ? AND receipt = x''",
            (row.receipt, row.clock_error, row.clock_offset, number),
        )
    )


def fill_attempt_in(tx: Transaction, row: AttemptRow) -> bool:
    """Put a proof where a row has none."""
    return bool(
        tx.run(
            "UPDATE intake_attempts SET proof = ? WHERE intake_key = ? AND commitment = ?"
            " AND proof = x''",
            (row.proof, row.details.intake_key, row.commitment.digest),
        )
    )


def reference_in(tx: Transaction, blobs: Sequence[SealedBlob], stored: int, deadline: int) -> None:
    """Vouch for the bytes of one more submission."""
    for one in blobs:
        tx.run(_REFERENCE, (one.digest, one.size_bytes, stored, deadline))


def open_in(tx: Transaction, row: Sequence[Value]) -> None:
    """The first opening of a package counts."""
    tx.run(
        "INSERT INTO intake_openings (package, open_time, deadline_time, schedule_revision, zone,"
        " actor, clock_offset, clock_error) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        row,
    )


def reveal_in(tx: Transaction, commitment: Commitment, details: SubmissionDetails) -> bool:
    """Mark what an opening revealed; False where this node has no such row."""
    number = _number_in(tx, details.intake_key, commitment.digest)
    if number is not None:
        tx.run("UPDATE intake_submissions SET revealed = 1 WHERE submission = ?", (number,))
        _remember_in(tx, commitment.digest, number)
        return True
    return bool(
        tx.run(
            "UPDATE intake_attempts SET revealed = 1 WHERE intake_key = ? AND commitment = ?",
            (details.intake_key, commitment.digest),
        )
    )


def number_of_in(tx: Transaction, commitment: bytes) -> int | None:
    """The submission of a commitment that came back, or that was revealed by what came back."""
    rows = tx.execute(
        "SELECT submission FROM restore_submissions WHERE commitment = ?", (commitment,)
    )
    return int(rows[0][0]) if rows else None


def judge_in(tx: Transaction, number: int, revision: int, verdict: int, deadline: int) -> None:
    """One more verdict; the newest stands in the submission too."""
    tx.run(
        "INSERT INTO intake_judgements VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (number, revision, verdict, deadline),
    )
    tx.run(
        "UPDATE intake_submissions SET verdict = ?, deadline_time = ?, schedule_revision = ?,"
        " judged_revision = ? WHERE submission = ? AND judged_revision <= ?",
        (verdict, deadline, revision, revision, number, revision),
    )


def hand_over_in(tx: Transaction, package: str, submissions: int, confirmed: int) -> bool:
    """A confirmed hand-over; False before the opening is here."""
    if not tx.execute("SELECT 1 FROM intake_openings WHERE package = ?", (package,)):
        return False
    tx.run(
        "INSERT INTO intake_handovers VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (package, submissions, confirmed),
    )
    return True


def move_in(tx: Transaction, table: str, commitment: bytes, key: str | None, place: Place) -> None:
    """The entry of a row stands elsewhere; without its key the whole table is looked through."""
    changed = f"UPDATE {table} SET journal_epoch = ?, journal_index = ? WHERE commitment = ?"  # noqa: S608 - our own word
    if key is None:
        tx.run(changed, (*place, commitment))
    else:
        keys = (key, twin_key(key, commitment))
        tx.run(f"{changed} AND intake_key IN (?, ?)", (*place, commitment, *keys))
    tx.run(
        "UPDATE restore_sealed SET epoch = ?, idx = ? WHERE commitment = ?", (*place, commitment)
    )


def _number_in(tx: Transaction, key: str, commitment: bytes) -> int | None:
    rows = tx.execute(
        "SELECT submission FROM intake_submissions WHERE intake_key IN (?, ?) AND commitment = ?",
        (key, twin_key(key, commitment), commitment),
    )
    return int(rows[0][0]) if rows else None


def _remember_in(tx: Transaction, commitment: bytes, number: int) -> None:
    tx.run(
        "INSERT INTO restore_submissions VALUES (?, ?) ON CONFLICT DO NOTHING", (commitment, number)
    )


def _rename_in(tx: Transaction, key: str, twin: str) -> None:
    tx.run("UPDATE intake_submissions SET intake_key = ? WHERE intake_key = ?", (twin, key))
    tx.run("UPDATE receipt_proofs SET intake_key = ? WHERE intake_key = ?", (twin, key))


def _committed(commitment: Commitment) -> tuple[bytes, bytes, bytes]:
    return commitment.digest, commitment.salt, commitment.details


def _facts(row: SubmissionRow) -> tuple[Value, ...]:
    return (
        row.accept_time,
        row.clock_error,
        row.zone,
        row.receipt,
        row.verdict,
        row.deadline_time,
        row.revision,
    )
