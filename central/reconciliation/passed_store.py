"""Findings that were only counted: beyond the number of runs that a node may add in a day.

Owns the table `recon_central_passed`. Rules: a finding that comes again the same day counts once,
up to a limit of distinct ones, beyond which every time counts; a row goes in the transaction that
journals its number, so nothing vanishes and nothing is told twice. Leaves out writing the run.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits import FINDINGS_PASSED_DISTINCT_MAX
from lpse.federation.reconciliation_rules import entry, evidence
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction

_BEYOND: Final = b""  # the digest of whatever came after the distinct ones


def count_in(
    tx: Transaction, node_id: str, day: str, one: records.ReconciliationEntry, digest: bytes
) -> None:
    """Count this finding instead of writing it."""
    known = tx.execute(
        "SELECT count(*), coalesce(sum(digest = ?), 0) FROM recon_central_passed"
        " WHERE node_id = ? AND day = ?",
        (digest, node_id, day),
    )[0]
    if known[1]:
        return
    kept = digest if known[0] < FINDINGS_PASSED_DISTINCT_MAX else _BEYOND
    tx.run(
        "INSERT INTO recon_central_passed (node_id, day, rule, digest, times)"
        " VALUES (?, ?, ?, ?, 1)"
        " ON CONFLICT (node_id, day, rule, digest) DO UPDATE SET times = times + 1",
        (node_id, day, one.rule, kept),
    )


def waiting_in(tx: Transaction, today: str) -> list[str]:
    """Nodes with numbers of days that are over."""
    rows = tx.execute(
        "SELECT DISTINCT node_id FROM recon_central_passed WHERE day < ? ORDER BY node_id", (today,)
    )
    return [node_id for (node_id,) in rows]


def told_in(tx: Transaction, node_id: str, today: str) -> list[records.ReconciliationEntry]:
    """One entry per day that is over; the caller journals them in the same transaction."""
    rows = tx.execute(
        "SELECT day, rule, sum(times) FROM recon_central_passed"
        " WHERE node_id = ? AND day < ? GROUP BY day, rule ORDER BY day, rule",
        (node_id, today),
    )
    tx.run("DELETE FROM recon_central_passed WHERE node_id = ? AND day < ?", (node_id, today))
    days: dict[str, dict[str, int]] = {}
    for day, rule, times in rows:
        days.setdefault(day, {})[rule] = int(times)
    return [_entry(day, counts) for day, counts in days.items()]


def _entry(day: str, counts: dict[str, int]) -> records.ReconciliationEntry:
    listed = ", ".join(f"{rule} × {times}" for rule, times in counts.items())
    shown = evidence(day=day, **counts)
    return entry(
        "R-FINDINGS-COUNTED",
        "findings",
        b"",
        shown,
        "",
        sum(counts.values()),
        day=day,
        rules=listed,
    )
