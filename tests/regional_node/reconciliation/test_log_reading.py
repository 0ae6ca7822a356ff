"""The log of a node's own runs: filtered as the contract reads a filter, page by page, live."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from lpse.federation import reconciliation_rules as rules
from lpse.federation.commitments import SealedFile, SubmissionDetails
from lpse.federation.errors import Conflict
from lpse.federation.recon_log import passes
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import ManualClock
from lpse.runtime.sqlite import Database, Transaction, Value
from regional_node.reconciliation.log_reading import NEWEST, LogReading
from regional_node.reconciliation.log_store import LogStore
from regional_node.reconciliation.store import ReconciliationStore, RunRow
from tests.central.reconciliation.runs import START, run_of

MIGRATIONS = Path(__file__).resolve().parents[3] / "regional_node" / "migrations"
NODE, PROVINCE = "lpse-0001", "ID-JI"


class Log:
    """A node's runs, written without a link."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = ReconciliationStore(database)
        self.clock = ManualClock(START)
        self.reading = LogReading(LogStore(database), self.clock, (NODE, PROVINCE))

    async def keep(self, number: int, record: records.ReconciliationRecorded, done: bool) -> None:
        row = RunRow(
            number,
            record.trigger,
            done,
            True,
            record.heads_equal,
            number,
            record,
            str(START),
            bytes([number % 256]) * 16,
        )
        await self.database.write(lambda tx: self.store.keep_in(tx, row))

    async def fill(self, runs: int) -> dict[str, records.ReconciliationRecorded]:
        chance, made = Random(5), {}
        for number in range(1, runs + 1):
            record = run_of(NODE, number, chance, START + timedelta(hours=number))
            if number % 4 == 0:  # had nothing to decide
                del record.entries[:]
            await self.keep(number, record, done=True)
            made[record.run] = record
        return made

    async def all(self, asked: log.LogFilter, step: int = 50) -> list[log.LogEntry]:
        found: list[log.LogEntry] = []
        before = NEWEST
        while page := await self.reading.page(asked, before, step):
            found += [line for _, line in page]
            before = page[-1][0]
        return found


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Log]:
    database = await Database.open(tmp_path / "node.db", MIGRATIONS)
    yield Log(database)
    await database.close()


async def test_pages_of_every_size_hold_the_same_entries(kept: Log) -> None:
    """Entries come newest first, once each, however the pages are cut; filters narrow them."""
    made = await kept.fill(60)
    everything = await kept.all(log.LogFilter(), step=1_000)
    assert len(everything) == sum(len(record.entries) or 1 for record in made.values())
    order = [(int(one.run.rpartition("/")[2]), one.number) for one in everything]
    assert order == sorted(order, reverse=True)
    for asked in (
        log.LogFilter(),
        log.LogFilter(states=[log.ENTRY_STATE_NEEDS_PERSON]),
        log.LogFilter(text="regional", heads_unequal=True),
        log.LogFilter(provinces=["ID-XX"]),
    ):
        expected = [one for one in everything if passes(asked, one, made[one.run])]
        assert await kept.all(asked, step=3) == expected
        total, counters = await kept.reading.counts(asked)
        assert total == len(expected) == counters["state"].total()


async def test_runs_without_a_difference_are_found_like_others(kept: Log) -> None:
    """By date, trigger, province and state a quiet run is listed, and is one line of the log."""
    made = await kept.fill(40)
    quiet = made[f"recon/{NODE}/20"]
    for asked in (
        log.LogFilter(since_time=quiet.legal_time, until_time=made[f"recon/{NODE}/21"].legal_time),
        log.LogFilter(triggers=[quiet.trigger], provinces=[PROVINCE]),
        log.LogFilter(states=[log.ENTRY_STATE_EQUAL], node_ids=[NODE]),
    ):
        assert 20 in [row.number for row in await kept.reading.runs(asked, NEWEST, 100)]
        rows = [one for one in await kept.all(asked) if one.run == quiet.run]
        assert [(one.number, one.state) for one in rows] == [(0, log.ENTRY_STATE_EQUAL)]
    differing = log.LogFilter(with_difference=True)
    assert 20 not in [row.number for row in await kept.reading.runs(differing, NEWEST, 100)]
    found = await kept.reading.line(quiet.run, 0)
    assert found is not None and not found[1].entry.rule
    assert await kept.reading.line(quiet.run, 1) is None


async def test_runs_of_two_histories_with_one_name_are_both_found(kept: Log) -> None:
    """After a recovery a run may have another number than its name says; pages and names hold."""
    await kept.fill(3)
    chance = Random(6)
    for number, named in ((4, 2), (5, 3), (6, 9)):
        record = run_of(NODE, named, chance, START + timedelta(hours=number))
        await kept.keep(number, record, done=True)
    everything = await kept.all(log.LogFilter(), step=1_000)
    assert await kept.all(log.LogFilter(), step=1) == everything
    assert len({one.run for one in everything}) == 6
    assert (await kept.store.find(f"recon/{NODE}/9")).number == 6
    for number in range(1, 7):
        row = await kept.store.get(number)
        assert row is not None and (await kept.store.find(row.name)).number == number
        (first, *_) = await kept.all(log.LogFilter(run=row.name))
        assert (first.run, first.epoch) == (row.name, row.epoch)
    for name in (f"recon/{NODE}/2", "2"):
        with pytest.raises(Conflict, match="FED-7046"):
            await kept.store.find(name)


async def test_a_decision_stays_with_its_run_when_the_name_is_given_again(kept: Log) -> None:
    """A resolution of one history answers nothing in the other, whenever the other came."""
    asks = records.ReconciliationEntry(object="blob x", rule="R-BLOB-NODE-MISSING/1")
    for number, named in ((1, 1), (2, 1)):
        record = records.ReconciliationRecorded(
            run=f"recon/{NODE}/{named}", cause=str(number), entries=[asks]
        )
        await kept.keep(number, record, done=True)
    second = await kept.store.get(2)
    assert second is not None and second.name == f"recon/{NODE}/1@{'02' * 4}"
    for number, (run, epoch) in enumerate(
        ((f"recon/{NODE}/1", second.epoch), (f"recon/{NODE}/1@{'01' * 4}", second.epoch)), 1
    ):

        def work(tx: Transaction, values: tuple[int, str, bytes] = (number, run, epoch)) -> None:
            tx.run(
                "INSERT INTO recon_resolutions (number, run, entry, record, epoch, idx,"
                " resolve_time) VALUES (?, ?, 0, x'', ?, 0, 0)",
                values,
            )

        await kept.database.write(work)
    found = await LogStore(kept.database).resolutions()
    assert found == {(2, 0): "resolutions/1", (1, 0): "resolutions/2"}


async def test_an_unfinished_decision_is_open_until_heads_are_equal_again(kept: Log) -> None:
    """The run that closed it is named; what comes after does not change that."""
    unfinished = records.ReconciliationEntry(
        object="regional 4..9",
        classification=records.CLASSIFICATION_MISSING_AT_CENTRE,
        rule="R-REGIONAL-AHEAD/1",
        outcome="not finished",
    )
    for number, equal in ((1, False), (2, False), (3, True), (4, True)):
        record = records.ReconciliationRecorded(
            run=f"recon/{NODE}/{number}", heads_equal=equal, entries=[unfinished][: number < 3]
        )
        await kept.keep(number, record, done=True)
        found = [one for one in await kept.all(log.LogFilter()) if one.entry.rule]
        state = log.ENTRY_STATE_OPEN if number < 3 else log.ENTRY_STATE_RESOLVED
        assert {one.state for one in found} == {state}
    assert {one.resolved_by for one in found} == {f"recon/{NODE}/3"}


async def test_a_follower_sees_a_run_when_it_is_finished(kept: Log) -> None:
    """A run that goes on is not shown yet, and is not lost though a later one ends first."""
    await kept.fill(2)
    chance = Random(1)
    third, fourth = (run_of(NODE, number, chance, START) for number in (3, 4))
    pages = kept.reading.watch(log.LogFilter())
    assert await anext(pages) == []
    await kept.keep(3, third, done=False)
    await kept.keep(4, fourth, done=True)
    assert {one.run for one in await anext(pages)} == {fourth.run}
    await kept.keep(3, third, done=True)
    assert {one.run for one in await anext(pages)} == {third.run}


async def test_a_package_is_found_only_once_it_was_opened(kept: Log) -> None:
    """Invariant 6: the node's own tables know the package; its log does not before the opening."""
    digest = b"d" * 32
    details = SubmissionDetails(
        "k1", "12345123", "Upload", "vendor", "direct", 0, (SealedFile("a.rhs", 3, digest),), {}
    ).canonical()
    entry = records.ReconciliationEntry(
        object=f"blob {digest.hex()}",
        classification=records.CLASSIFICATION_CORRUPT,
        rule="R-BLOB-CORRUPT/1",
    )
    record = records.ReconciliationRecorded(
        run=f"recon/{NODE}/1", trigger=records.RECONCILIATION_TRIGGER_SCRUB, entries=[entry]
    )
    await kept.keep(1, record, done=True)
    columns: dict[str, Value] = {
        "submission": 1, "intake_key": "k1", "package": "12345123", "commitment": b"c",
        "salt": b"s", "details": details, "accept_time": 0, "clock_error": 0.0,
        "zone": "Asia/Jakarta", "receipt": b"r", "verdict": 1, "deadline_time": 0,
        "schedule_revision": 1, "journal_epoch": b"e", "journal_index": 1,
    }  # fmt: skip

    def sealed(tx: Transaction) -> None:
        marks = ", ".join("?" * len(columns))
        names = ", ".join(columns)
        tx.run(f"INSERT INTO intake_submissions ({names}) VALUES ({marks})", list(columns.values()))

    def opened(tx: Transaction) -> None:
        tx.run(
            "INSERT INTO intake_openings (package, open_time, deadline_time, schedule_revision,"
            " zone, actor) VALUES ('12345123', 0, 0, 1, 'Asia/Jakarta', 'x')"
        )
        tx.run("UPDATE intake_submissions SET revealed = 1")

    asked = log.LogFilter(package="12345123")
    await kept.database.write(sealed)
    assert await kept.all(asked) == []
    await kept.database.write(opened)
    assert [one.run for one in await kept.all(asked)] == [f"recon/{NODE}/1"]


def about(subject: str, outcome: str) -> records.ReconciliationEntry:
    return rules.entry("R-BLOB-NODE-DAMAGED", subject, b"{}", b"{}", outcome, 1, found="damaged")


async def test_one_answer_closes_every_entry_that_asked_the_same(kept: Log) -> None:
    """A blob without a good copy waits for a person until a later run tells of a good one."""
    waits = f"kept, {rules.PERSON}"
    lost, other = (about(f"blob {at * 64}", waits) for at in "ab")
    healed = about(lost.object, "whole again")
    for number, entries in enumerate(([lost, other], [lost], [healed]), 1):
        record = records.ReconciliationRecorded(run=f"recon/{NODE}/{number}", entries=entries)
        await kept.keep(number, record, done=True)
    waiting = await kept.all(log.LogFilter(states=[log.ENTRY_STATE_NEEDS_PERSON]))
    assert [one.entry.object for one in waiting] == [other.object]
    closed = [one for one in await kept.all(log.LogFilter()) if one.resolved_by]
    assert {one.resolved_by for one in closed} == {f"recon/{NODE}/3"}
    assert len(closed) == 2
