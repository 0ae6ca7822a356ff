"""Runs as nodes record them, made up: for tests and measurements of the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from central.ledger.ports import Source
from lpse.federation.entries import timestamp
from lpse.federation.reconciliation_rules import TABLE, entry
from lpse.federation.v1 import records_pb2 as records

START = datetime(2026, 1, 1, tzinfo=UTC)
PROVINCES = ("ID-JI", "ID-KS", "ID-AC", "ID-PA", "ID-BA")
TRIGGERS = tuple(
    records.ReconciliationTrigger.values()[at] for at in (1, 1, 1, 1, 2, 2, 3, 4, 5, 6)
)
OUTCOMES = ("sent", "received", "none needed", "not finished", "quarantined", "kept both")
CAUSES = ("", "", "the centre did not answer", "the certificate ended", "sambungan putus")


def node_of(number: int) -> str:
    """The id of a made-up node."""
    return f"lpse-{number:04}"


def run_of(
    node: str, number: int, chance: Random, begin: datetime
) -> records.ReconciliationRecorded:
    """A run with one to six entries by rules of the table."""
    entries = []
    for _ in range(chance.choice((1, 2, 2, 3, 3, 4, 6))):
        rule = chance.choice(TABLE)
        first = chance.randrange(10_000)
        subject = chance.choice(
            (
                f"regional {first}..{first + 8}",
                f"national {first}",
                f"blob {chance.randbytes(32).hex()}",
            )
        )
        words = {"kind": "outage.revised", "of": "x"}
        try:
            made = entry(rule.name, subject, b"{}", b"{}", chance.choice(OUTCOMES), first, **words)
        except (KeyError, IndexError):
            made = entry("R-REGIONAL-EQUAL/1", subject, b"{}", b"{}", "none needed", first)
        entries.append(made)
    return records.ReconciliationRecorded(
        run=f"recon/{node}/{number}",
        trigger=chance.choice(TRIGGERS),
        heads_equal=chance.random() < 0.8,
        cause=chance.choice(CAUSES),
        legal_time=timestamp(begin),
        begin_time=timestamp(begin),
        entries=entries,
    )


def source_of(node: str, number: int, begin: datetime) -> Source:
    """Where the record of a made-up run stands."""
    moment = begin + timedelta(seconds=5)
    return Source(node, b"e" * 16, number, moment, number.to_bytes(16, "big"))
