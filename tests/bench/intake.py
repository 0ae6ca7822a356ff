"""Intake commits per second, against a raw group commit on the same disk at the same concurrency.

Ours is everything between "the bytes are sealed" and "the receipt may be handed out": commitment,
verdict by the effective schedule, signed receipt, journal entry, Merkle tree, signed head, rows and
the durable commit. The yardsticks compute nothing: one row per submission through our own executor
and through a plain sqlite3 thread, and the very rows of an acceptance through that thread. One
Ed25519 signature per receipt is the law of the domain and has a price of its own: it is printed.
A second pair takes whole submissions, bytes included, against a file and a row stored by hand.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from lpse.federation.notes import Signer
from lpse.runtime.sqlite import Database, Transaction
from tests.bench.figures import Candidate, Report, interleave
from tests.bench.intake_node import MIGRATIONS, AcceptPath
from tests.bench.raw_sqlite import ROW, RawGroupCommit, rows_of_an_acceptance

T = TypeVar("T")
GOAL = 0.7
CONCURRENCY = (8, 64)
COMMITS = {8: 1_200, 64: 3_000}
WHOLE = 400
RAW_SCHEMA = "CREATE TABLE raw (id INTEGER PRIMARY KEY, data BLOB NOT NULL);\n"


async def measure(folder: Path, rounds: int) -> Report:
    """All figures of this benchmark."""
    report = Report("intake", "accepted submissions per second, each durable before its answer")
    ours = await AcceptPath.open(_sub(folder, "node"))
    executor = await _open_executor(_sub(folder, "executor"))
    plain = RawGroupCommit(_sub(folder, "plain") / "raw.db")
    same = await _open_same_tables(_sub(folder, "same"))
    try:
        for at_once in CONCURRENCY:
            count = COMMITS[at_once]
            candidates: dict[str, Candidate] = {
                "accept": partial(_accept, ours, count, at_once),
                "one row, our executor": partial(_repeat, count, at_once, _inserter(executor)),
                "one row, plain thread": partial(_repeat, count, at_once, plain.insert),
                "same rows, plain thread": partial(_repeat, count, at_once, same.insert),
                "signatures alone": partial(_sign, count),
            }
            found = await interleave(candidates, rounds)
            _report(report, found, at_once)
            whole: dict[str, Candidate] = {
                "whole submission of 4 kB": partial(_submit, ours, at_once),
                "4 kB file and one row": partial(
                    _store, _sub(folder, f"{at_once}"), plain, at_once
                ),
            }
            _report_whole(report, await interleave(whole, rounds), at_once)
    finally:
        await plain.close()
        await same.close()
        await executor.close()
        await ours.database.close()
    return report


def _report(report: Report, found: dict[str, list[float]], at_once: int) -> None:
    for name, rates in found.items():
        report.add(f"{name}, {at_once} at once", "/s", rates)
    for name in ("one row, our executor", "one row, plain thread", "same rows, plain thread"):
        report.compare(f"accept / {name}, {at_once}", found["accept"], found[name], goal=GOAL)


def _report_whole(report: Report, found: dict[str, list[float]], at_once: int) -> None:
    for name, rates in found.items():
        report.add(f"{name}, {at_once} at once", "/s", rates)
    ours, theirs = found.values()
    report.compare(f"whole / file and row, {at_once}", ours, theirs, goal=GOAL)


async def _submit(path: AcceptPath, at_once: int) -> float:
    """From the first word of an uploader to the receipt, bytes included."""

    async def one(content: bytes) -> None:
        upload = await path.begin(len(content))
        await upload.write(0, content)
        await upload.finish()

    return await _rate(_contents(), at_once, one)


async def _store(folder: Path, plain: RawGroupCommit, at_once: int) -> float:
    """The same promises by hand: file, fsync, re-read, rename, directory, row."""

    async def one(content: bytes) -> None:
        await asyncio.to_thread(_store_file, folder, content)
        await plain.insert()

    return await _rate(_contents(), at_once, one)


def _store_file(folder: Path, content: bytes) -> None:
    name = hashlib.sha256(content).hexdigest()
    draft, final = folder / name, folder / name[:2] / name
    final.parent.mkdir(exist_ok=True)
    with draft.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    assert hashlib.sha256(draft.read_bytes()).hexdigest() == name
    draft.replace(final)
    descriptor = os.open(final.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _contents() -> list[bytes]:
    return [os.urandom(4_096) for _ in range(WHOLE)]


async def _accept(path: AcceptPath, count: int, at_once: int) -> float:
    ready = await path.ready(count)
    return await _rate(ready, at_once, lambda one: path.intake.accept(*one))


async def _rate(items: Sequence[T], at_once: int, work: Callable[[T], Awaitable[object]]) -> float:
    """Items per second with `at_once` callers, each waiting for its answer."""
    remaining = iter(items)

    async def caller() -> None:
        for item in remaining:
            await work(item)

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(at_once)))
    return len(items) / (time.perf_counter() - start)


async def _repeat(count: int, at_once: int, work: Callable[[], Awaitable[object]]) -> float:
    return await _rate(range(count), at_once, lambda _: work())


async def _sign(count: int) -> float:
    signer, text = Signer.from_seed("lpse-bench", bytes(32)), "x" * 1_100
    start = time.perf_counter()
    for _ in range(count):
        signer.sign_note(text)
    return count / (time.perf_counter() - start)


def _inserter(database: Database) -> Callable[[], Awaitable[object]]:
    def unit(tx: Transaction) -> int:
        return tx.run("INSERT INTO raw (data) VALUES (?)", (ROW,))

    return lambda: database.write(unit)


async def _open_same_tables(folder: Path) -> RawGroupCommit:
    database = await Database.open(folder / "raw.db", MIGRATIONS)
    await database.write(
        lambda tx: tx.run(
            "INSERT INTO journal_epochs (number, epoch, open_time, reason) VALUES (1, ?, '', '')",
            (bytes(16),),
        )
    )
    await database.close()
    return RawGroupCommit(folder / "raw.db", rows_of_an_acceptance)


async def _open_executor(folder: Path) -> Database:
    migrations = _sub(folder, "migrations")
    (migrations / "0010_raw.sql").write_text(RAW_SCHEMA, "ascii")
    return await Database.open(folder / "raw.db", migrations)


def _sub(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir(parents=True)
    return path
