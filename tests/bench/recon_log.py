"""How fast the reconciliation log answers: pages, counts, and an export, on many entries.

Owns a made-up log of a country (nodes, provinces, rules with their real frequencies, four months)
whose runs stand in real signed journals, the mix of filters, and what is measured. Rules: every
number of a filter combination is drawn with a fixed seed; the database is a real file; nothing is
cached between two questions but what SQLite itself keeps. Leaves out printing.
"""

from __future__ import annotations

import resource
import statistics
import time
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, cast

from central.ledger.ledger import PREFIX, Ledger
from central.ledger.ports import Source
from central.reconciliation.exporting import Exporting, Sources
from central.reconciliation.keys_store import KeysStore
from central.reconciliation.log_store import NEWEST, LogStore
from central.reconciliation.store import ReconciliationStore
from central.reconciliation.tokens import query_of
from lpse.federation.checkpoints import sign_head
from lpse.federation.entries import DecodedEntry, VerifiedBatch, encode_entry, timestamp
from lpse.federation.limits import BATCH_ENTRIES_MAX
from lpse.federation.merkle import CompactRange, leaf_hash
from lpse.federation.notes import Signer
from lpse.federation.recon_export import About
from lpse.federation.recon_export_check import verify_export
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import SystemClock, SystemEntropy
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.journal import Journal
from lpse.storage.received import ReceivedJournals
from tests.central.reconciliation.runs import START, node_of, run_of

MIGRATIONS = Path(__file__).resolve().parents[2] / "central" / "migrations"
NODES = 700
PROVINCES = tuple(f"ID-{first}{second}" for first in "ABCDEF" for second in "ABCDEFG")[:38]
QUESTIONS = 300
EPOCH = b"e" * 16
WORDS = (
    "root", "same sides", "blob", "recon lpse 0042", "certificate", "restored", "held*",
    "R-DIRECTIVE-LATE", "sambungan putus", "nobody-wrote-this",
)  # fmt: skip


async def measure(folder: Path, entries: int) -> dict[str, Any]:
    """Fill a log with about so many entries and measure it; figures by name."""
    database = await Database.open(folder / "log.db", MIGRATIONS)
    try:
        began = time.perf_counter()
        filled = await _fill(database, entries)
        figures: dict[str, Any] = {
            "entries": filled,
            "indexed_per_second": round(filled / (time.perf_counter() - began)),
            "database_bytes": (folder / "log.db").stat().st_size,
        }
        figures |= await _pages(LogStore(database))
        figures |= await _counts(LogStore(database))
        figures |= await _export(database, folder)
        return figures
    finally:
        await database.close()


# --- the made-up log ---


async def _fill(database: Database, entries: int) -> int:
    """Node by node journals; the log sees the runs in the order of their begin."""
    chance = Random(20_261_122)
    signers = [Signer.from_seed(node_of(one), one.to_bytes(32, "big")) for one in range(NODES)]
    await database.write(lambda tx: _bind_in(tx, signers))
    store, received = ReconciliationStore(database), ReceivedJournals(database, PREFIX)
    trees = [CompactRange() for _ in signers]
    filled, number = 0, 0
    while filled < entries:
        runs = [_run(number + at, entries, chance) for at in range(BATCH_ENTRIES_MAX)]
        number += len(runs)
        filled += sum(len(record.entries) for _, record, _ in runs)

        def work(tx: Transaction, runs: list[Any] = runs) -> None:
            for node, record, begin in runs:
                index = trees[node].size
                trees[node] = _journal_in(tx, received, signers[node], trees[node], record)
                source = Source(node_of(node), EPOCH, index, begin, bytes(16))
                store.apply_in(tx, source, record)

        await database.write(work)
    return filled


def _run(
    number: int, entries: int, chance: Random
) -> tuple[int, records.ReconciliationRecorded, datetime]:
    """Some nodes have many runs, most have few; four months in all."""
    node = min(int(chance.expovariate(1 / 150)), NODES - 1)
    begin = (
        START
        + timedelta(days=120) * (number * 3 / entries)
        + timedelta(seconds=chance.randrange(7_200))
    )
    return node, run_of(node_of(node), number, chance, begin), begin


def _journal_in(
    tx: Transaction,
    received: ReceivedJournals,
    signer: Signer,
    tree: CompactRange,
    record: records.ReconciliationRecorded,
) -> CompactRange:
    data = encode_entry(
        DecodedEntry(
            "reconciliation.recorded",
            bytes(16),
            record.begin_time.ToDatetime(tzinfo=START.tzinfo),
            record.SerializeToString(deterministic=True),
        )
    )
    leaf, grown = leaf_hash(data), tree.copy()
    grown.append(leaf)
    head = sign_head(signer, EPOCH, grown.size, grown.root())
    received.store_batch_in(tx, VerifiedBatch(tree.size, (data,), (leaf,), head, grown))
    return grown


def _bind_in(tx: Transaction, signers: list[Signer]) -> None:
    for number, signer in enumerate(signers):
        tx.run(
            "INSERT INTO node_bindings VALUES (?, ?, ?, 'Asia/Jakarta', 0, 0, NULL, '', '')",
            (signer.public, signer.name, PROVINCES[number % len(PROVINCES)]),
        )


# --- what is measured ---


def questions(count: int) -> list[log.LogFilter]:
    """Filters of one to four conditions, in every combination that comes up."""
    chance = Random(4)
    return [_question(chance, chance.sample(range(8), chance.randint(0, 4))) for _ in range(count)]


def _question(chance: Random, conditions: list[int]) -> log.LogFilter:
    asked = log.LogFilter()
    for one in conditions:
        match one:
            case 0:
                asked.node_ids.append(node_of(chance.randrange(NODES)))
            case 1:
                asked.provinces.append(chance.choice(PROVINCES))
            case 2:
                chosen = chance.choice(records.Classification.values()[1:])
                asked.classifications.append(chosen)
            case 3:
                asked.rules.append(chance.choice(("R-REGIONAL-EQUAL", "R-CLONE-SUSPECT/1")))
            case 4:
                asked.triggers.append(chance.choice(records.ReconciliationTrigger.values()[1:]))
            case 5:
                asked.states.append(chance.choice(log.EntryState.values()[1:]))
            case 6:
                asked.text = chance.choice(WORDS)
            case _:
                since = START + timedelta(minutes=chance.randrange(120 * 1_440))
                asked.since_time.CopyFrom(timestamp(since))
                until = since + timedelta(minutes=chance.randrange(30 * 1_440))
                asked.until_time.CopyFrom(timestamp(until))
    return asked


async def _pages(store: LogStore) -> dict[str, Any]:
    """First and second page of entries, and a page of runs, of every question."""
    entries: list[float] = []
    runs: list[float] = []
    for asked in questions(QUESTIONS):
        query = query_of(asked)
        before = NEWEST
        for _ in range(2):
            began = time.perf_counter()
            page = await store.page(query, before=before, limit=50)
            entries.append((time.perf_counter() - began) * 1_000)
            if not page:
                break
            before = page[-1].id
        began = time.perf_counter()
        await store.runs(query, before=NEWEST, limit=50)
        runs.append((time.perf_counter() - began) * 1_000)
    return _spread("page", entries) | _spread("runs_page", runs)


async def _counts(store: LogStore) -> dict[str, Any]:
    taken: list[float] = []
    for asked in questions(QUESTIONS // 5):
        began = time.perf_counter()
        await store.counts(query_of(asked))
        taken.append((time.perf_counter() - began) * 1_000)
    return _spread("facets", taken)


async def _export(database: Database, folder: Path) -> dict[str, Any]:
    """Everything as JSONL to a file, then verified; memory beside."""
    clock = SystemClock()
    signer = Signer.from_seed("lkpp", b"c" * 32)
    journal = Journal(database, signer, clock, SystemEntropy())
    await journal.open()
    received = ReceivedJournals(database, PREFIX)
    ledger = cast(Ledger, _Received(received))
    exporting = Exporting(LogStore(database), Sources(ledger, journal, KeysStore(database)), signer)
    about = About(log.LogFilter(), clock.wall(), "bench")
    target = folder / "export.jsonl"
    before = _peak_bytes()
    began = time.perf_counter()
    rows, front = 0, b""
    with target.open("wb") as file:
        file.write(bytes(32_768))
        async for piece in exporting.pieces(about, "jsonl", journal.head):
            file.write(piece.data)
            rows, front = piece.rows, piece.header or front
        file.seek(0)
        file.write(front)
    exported = time.perf_counter() - began
    grown = _peak_bytes() - before
    began = time.perf_counter()
    with target.open("rb") as file:
        report = verify_export(file, signer.verifier)
    return {
        "export_rows_per_second": round(rows / exported),
        "export_bytes": target.stat().st_size,
        "export_memory_grown_bytes": grown,
        "verified_rows_per_second": round(report.rows / (time.perf_counter() - began)),
    }


class _Received:
    """The one part of a ledger that an export asks."""

    def __init__(self, received: ReceivedJournals) -> None:
        self.received = received


def _spread(name: str, taken: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(taken, n=100)
    return {
        f"{name}_p50_ms": round(cuts[49], 1),
        f"{name}_p95_ms": round(cuts[94], 1),
        f"{name}_max_ms": round(max(taken), 1),
    }


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024
