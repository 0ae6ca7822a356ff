"""The index of the log answers every filter as a plain reading of all entries would."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from google.protobuf.message import Message

from central.ledger.ports import Source
from central.reconciliation.log_store import NEWEST, EntryRow, LogStore
from central.reconciliation.store import ReconciliationStore
from central.reconciliation.tokens import query_of
from lpse.federation.commitments import SealedFile, SubmissionDetails
from lpse.federation.entries import timestamp
from lpse.federation.errors import Refused
from lpse.federation.recon_log import check_filter, passes, word_of
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Transaction
from tests.central.reconciliation.runs import PROVINCES, START, node_of, run_of, source_of

MIGRATIONS = Path(__file__).resolve().parents[3] / "central" / "migrations"
RUNS = 400
TEXTS = (
    "same", "root sides", "blob", "not finished", "outag*", "certificate", "recon lpse 0003",
    "lpse-0007", "R-NODE-REWOUND", "nothing-of-this",
)  # fmt: skip


class Log:
    """A log with made-up runs, read by the index and by hand."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = LogStore(database)
        self.runs = ReconciliationStore(database)

    async def fill(self, runs: int, seed: int) -> None:
        chance = Random(seed)

        def work(tx: Transaction) -> None:
            for number in range(runs):
                self.add_in(tx, number, chance)

        await self.database.write(work)

    async def add(self, number: int, chance: Random) -> None:
        """One more run."""
        await self.database.write(lambda tx: self.add_in(tx, number, chance))

    def add_in(self, tx: Transaction, number: int, chance: Random) -> None:
        node = node_of(chance.randrange(12))
        begin = START + timedelta(hours=number * 3, minutes=chance.randrange(600))
        record = run_of(node, number, chance, begin)
        if number % 4 == 3:  # had nothing to decide
            del record.entries[:]
        self.runs.apply_in(tx, source_of(node, number, begin), record)

    async def apply(self, source: Source, record: Message) -> None:
        """What the projector does with one record."""
        await self.database.write(lambda tx: self.runs.apply_in(tx, source, record))

    async def bind(self, number: int) -> None:
        """Enrol one node."""
        row = (bytes([number]) * 32, node_of(number), PROVINCES[number % 5])
        await self.database.write(
            lambda tx: tx.run(
                "INSERT INTO node_bindings VALUES (?, ?, ?, 'Asia/Jakarta', 0, 0, NULL, '', '')",
                row,
            )
        )

    async def all(self, asked: log.LogFilter, *, step: int = 50) -> list[EntryRow]:
        """Every page, as a reader turns them."""
        found: list[EntryRow] = []
        before = NEWEST
        while page := await self.store.page(query_of(asked), before=before, limit=step):
            found += page
            before = page[-1].id
        return found


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Log]:
    """An empty log with twelve nodes in five provinces."""
    database = await Database.open(tmp_path / "central.db", MIGRATIONS)
    made = Log(database)
    for number in range(12):
        await made.bind(number)
    yield made
    await database.close()


def random_filter(chance: Random) -> log.LogFilter:
    asked: Any = log.LogFilter()
    if chance.random() < 0.4:
        asked.node_ids.extend(node_of(chance.randrange(13)) for _ in range(chance.randint(1, 3)))
    if chance.random() < 0.3:
        asked.provinces.append(chance.choice(PROVINCES))
    if chance.random() < 0.4:
        asked.classifications.extend(chance.sample(range(1, 12), 3))
    if chance.random() < 0.3:
        asked.rules.append(chance.choice(("R-NODE-REWOUND", "R-REGIONAL-EQUAL/1", "R-NONE/1")))
    if chance.random() < 0.3:
        asked.triggers.extend(chance.sample(range(1, 7), 2))
    if chance.random() < 0.4:
        asked.states.extend(chance.sample(range(1, 5), 2))
    if chance.random() < 0.3:
        asked.text = chance.choice(TEXTS)
    if chance.random() < 0.4:
        _bound(asked, START + timedelta(minutes=chance.randrange(80_000)), chance)
    asked.with_difference = chance.random() < 0.2
    asked.heads_unequal = chance.random() < 0.2
    narrowed: log.LogFilter = asked
    return narrowed


def _bound(asked: log.LogFilter, since: datetime, chance: Random) -> None:
    if chance.random() < 0.8:
        asked.since_time.CopyFrom(timestamp(since))
    if chance.random() < 0.8:
        until = since + timedelta(minutes=chance.randrange(1, 60_000))
        asked.until_time.CopyFrom(timestamp(until))


async def test_every_filter_finds_what_a_reading_of_all_entries_finds(kept: Log) -> None:
    """Two hundred random combinations of filters: the same entries in the same order."""
    await kept.fill(RUNS, 7)
    everything = await kept.all(log.LogFilter(), step=1_000)
    chance = Random(11)
    hits = 0
    for _ in range(200):
        asked = check_filter(random_filter(chance))
        expected = [one.id for one in everything if passes(asked, one.line, one.run.record)]
        assert [one.id for one in await kept.all(asked)] == expected, asked
        hits += bool(expected)
    assert hits > 50, "most filters must find something, or the comparison proves nothing"


async def test_counts_of_a_filter_are_exact(kept: Log) -> None:
    """Totals and the counts of every facet are those of the entries that pass."""
    await kept.fill(RUNS, 8)
    everything = await kept.all(log.LogFilter(), step=1_000)
    chance = Random(5)
    for asked in [log.LogFilter(), *(random_filter(chance) for _ in range(30))]:
        total, counted = await kept.store.counts(query_of(asked))
        rows = [one for one in everything if passes(asked, one.line, one.run.record)]
        assert (total.count, total.at_least) == (len(rows), False)
        nodes = Counter(one.line.node_id for one in rows)
        assert {one.value: one.count for one in counted if one.facet == "node"} == nodes
        rules = Counter(one.line.entry.rule for one in rows if one.line.entry.rule)
        found = {one.value: one.count for one in counted if one.facet == "rule"}
        assert found == dict(rules.most_common(50)) or len(rules) > 50


async def test_counts_beyond_the_limit_say_at_least(
    kept: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the limit a count is the limit and says so; below it stays exact."""
    monkeypatch.setattr("central.reconciliation.log_store.LOG_COUNT_EXACT_MAX", 100)
    monkeypatch.setattr("central.reconciliation.bits.STRETCH_ENTRIES", 128)
    monkeypatch.setattr("central.reconciliation.bits._BITMAP_BYTES", 16)
    monkeypatch.setattr("central.reconciliation.bits._FEW", 4)
    monkeypatch.setattr("central.reconciliation.bits_store._STEP", 2)
    await kept.fill(200, 9)
    everything = await kept.all(log.LogFilter(), step=1_000)
    common = Counter(one.line.trigger for one in everything).most_common(1)[0][0]
    for asked in (
        log.LogFilter(),
        log.LogFilter(with_difference=True),
        log.LogFilter(triggers=[common]),
        log.LogFilter(triggers=[common, records.RECONCILIATION_TRIGGER_SCRUB]),
        log.LogFilter(since_time=timestamp(START + timedelta(days=4))),
        log.LogFilter(text="recon lpse", states=[log.ENTRY_STATE_RESOLVED]),
        log.LogFilter(provinces=["ID-JI", "ID-KS", "ID-AC"], triggers=[common]),
    ):
        rows = [one for one in everything if passes(asked, one.line, one.run.record)]
        total, counted = await kept.store.counts(query_of(asked))
        assert (total.count, total.at_least) == (100, True)
        triggers = Counter(word_of(records.ReconciliationTrigger, one.line.trigger) for one in rows)
        assert {one.value: one.count for one in counted if one.facet == "trigger"} == {
            value: min(number, 100) for value, number in triggers.items()
        }
        nodes = Counter(one.line.node_id for one in rows)
        for one in counted:
            if one.facet == "node":
                assert (one.count, one.at_least) == (
                    min(nodes[one.value], 100),
                    nodes[one.value] > 100,
                )


async def test_pages_stay_whole_while_entries_come(kept: Log) -> None:
    """What is written between two pages neither repeats nor hides an entry of the older ones."""
    await kept.fill(60, 10)
    query = query_of(log.LogFilter(with_difference=True))
    expected = [one.id for one in await kept.all(log.LogFilter(with_difference=True))]
    found: list[int] = []
    before, number, chance = NEWEST, 1_000, Random(1)
    while page := await kept.store.page(query, before=before, limit=7):
        found += [one.id for one in page]
        before = page[-1].id
        number += 1
        await kept.add(number, chance)
    assert found == expected


async def test_runs_are_listed_by_what_their_entries_say(kept: Log) -> None:
    """A list of runs holds each run with an entry that passes, once, newest first."""
    await kept.fill(150, 12)
    asked = log.LogFilter(provinces=["ID-JI"], with_difference=True)
    expected = list(dict.fromkeys(one.run.id for one in await kept.all(asked)))
    found: list[int] = []
    before = NEWEST
    while page := await kept.store.runs(query_of(asked), before=before, limit=4):
        found += [one.id for one in page]
        before = page[-1].id
    assert found == expected
    assert expected


async def test_runs_without_a_difference_are_found_like_others(kept: Log) -> None:
    """By date, node, province, trigger and state: rows, counts, and what a watch is given."""
    await kept.fill(80, 15)
    everything = await kept.store.runs(query_of(log.LogFilter()), before=NEWEST, limit=1_000)
    assert [one.id for one in everything] == list(range(80, 0, -1))
    quiet = [one for one in everything if not one.record.entries]
    assert len(quiet) == 20
    sample = quiet[7]
    for asked in (
        log.LogFilter(since_time=sample.record.legal_time, node_ids=[sample.node_id]),
        log.LogFilter(node_ids=[sample.node_id], heads_unequal=not sample.record.heads_equal),
        log.LogFilter(provinces=["ID-JI", "ID-KS", "ID-AC"]),
        log.LogFilter(triggers=[sample.record.trigger], states=[log.ENTRY_STATE_EQUAL]),
        log.LogFilter(classifications=[records.CLASSIFICATION_MATCH]),
        log.LogFilter(text=f"recon lpse {sample.name.rpartition('/')[2]}"),
    ):
        query = query_of(check_filter(asked))
        rows = await kept.all(asked)
        about_quiet = {one.run.id for one in rows if not one.run.record.entries}
        runs = await pages_of_runs(kept, asked)
        assert about_quiet == {one.id for one in quiet} & set(runs), asked
        assert about_quiet, asked
        assert runs == list(dict.fromkeys(one.run.id for one in rows))
        total, _ = await kept.store.counts(query)
        assert total.count == len(rows)
        assert len(await kept.store.since(query, after=0, limit=1_000)) == len(rows)
    differing = await pages_of_runs(kept, log.LogFilter(with_difference=True))
    assert not {one.id for one in quiet} & set(differing)


async def pages_of_runs(kept: Log, asked: log.LogFilter) -> list[int]:
    """Rows of the runs that pass, as a reader turns small pages."""
    found: list[int] = []
    before = NEWEST
    while page := await kept.store.runs(query_of(asked), before=before, limit=3):
        found += [one.id for one in page]
        before = page[-1].id
    return found


async def test_an_equal_end_closes_what_was_unfinished(kept: Log) -> None:
    """An unfinished decision stays open until a later run of that node ends with equal heads."""
    unfinished = records.ReconciliationEntry(
        object="regional 4..9",
        classification=records.CLASSIFICATION_MISSING_AT_CENTRE,
        rule="R-REGIONAL-AHEAD/1",
        outcome="not finished",
    )
    runs = [
        records.ReconciliationRecorded(
            run=f"recon/lpse-0001/{number}",
            trigger=records.RECONCILIATION_TRIGGER_RECONNECT,
            heads_equal=number == 3,
            begin_time=timestamp(START),
            legal_time=timestamp(START),
            entries=[unfinished] if number < 3 else [],
        )
        for number in (1, 2, 3)
    ]
    opened = log.LogFilter(states=[log.ENTRY_STATE_OPEN])
    for number, record in enumerate(runs):
        source = source_of("lpse-0001", number, START)
        await kept.apply(source, record)
        assert len(await kept.all(opened)) == (1, 2, 0)[number]
    closed = await kept.all(log.LogFilter(states=[log.ENTRY_STATE_RESOLVED]))
    assert [one.line.resolved_by for one in closed] == ["recon/lpse-0001/3"] * 2
    _, counted = await kept.store.counts(query_of(log.LogFilter()))
    states = {one.value: one.count for one in counted if one.facet == "state"}
    assert states == {"RESOLVED": 2, "EQUAL": 1}


async def test_runs_of_an_older_program_are_indexed_at_the_start(kept: Log) -> None:
    """A database from before the index gives the same log once the store was opened."""
    await kept.fill(80, 13)
    before = [one.line.SerializeToString() for one in await kept.all(log.LogFilter())]

    def forget(tx: Transaction) -> None:
        for table in (
            "recon_bits",
            "recon_entry_blobs",
            "recon_counts",
            "recon_topics",
            "recon_answers",
        ):
            tx.run(f"DELETE FROM {table}")
        tx.run("INSERT INTO recon_index (recon_index) VALUES ('delete-all')")
        tx.run("DELETE FROM recon_entries")
        tx.run("UPDATE reconciliations SET indexed = 0")

    await kept.database.write(forget)
    assert not await kept.all(log.LogFilter())
    await kept.runs.open()
    assert [one.line.SerializeToString() for one in await kept.all(log.LogFilter())] == before


async def test_an_older_log_gets_its_sets_and_its_quiet_runs_at_the_start(kept: Log) -> None:
    """Sets come out as if they had been kept all along; a quiet run closes nothing after it."""
    await kept.fill(60, 16)
    quiet = "(SELECT id FROM reconciliations WHERE id % 4 = 0)"
    kept_sets = (
        "SELECT token, stretch, hex(bits) FROM recon_bits WHERE bits <> x'' ORDER BY token, stretch"
    )
    states = "SELECT id, state, resolved_by FROM recon_entries ORDER BY id"

    def forget(tx: Transaction) -> tuple[list[Any], list[Any]]:
        sets = tx.execute(kept_sets)
        tx.run("DELETE FROM recon_bits")
        tx.run("INSERT INTO recon_cursors (name, epoch, next) VALUES ('bits', x'', 0)")
        return sets, tx.execute(states)

    sets, before = await kept.database.write(forget)
    await kept.runs.open()
    assert await kept.database.read(lambda tx: tx.execute(kept_sets)) == sets
    listed = await pages_of_runs(kept, log.LogFilter())

    def older(tx: Transaction) -> None:  # as a program kept it that had no line for quiet runs
        tx.run(
            "INSERT INTO recon_index (recon_index, rowid, tokens)"
            f" SELECT 'delete', id, tokens FROM recon_entries WHERE run IN {quiet}"
        )
        tx.run(f"DELETE FROM recon_entries WHERE run IN {quiet}")
        tx.run(f"UPDATE reconciliations SET indexed = 0 WHERE id IN {quiet}")

    await kept.database.write(older)
    await kept.runs.open()
    assert sorted(await pages_of_runs(kept, log.LogFilter())) == sorted(listed)
    after = await kept.database.read(lambda tx: tx.execute(states))
    known = {row[0]: row[1:] for row in before}
    assert all(known.get(row[0], row[1:]) == row[1:] for row in after)


@pytest.mark.parametrize(
    "asked",
    [
        log.LogFilter(text="a*"),
        log.LogFilter(text="---"),
        log.LogFilter(node_ids=[""]),
        log.LogFilter(node_ids=["x"] * 65),
        log.LogFilter(rules=["R" * 121]),
        log.LogFilter(text=" ".join(f"w{n}" for n in range(17))),
        log.LogFilter(since_time=timestamp(START), until_time=timestamp(START)),
    ],
)
def test_an_impossible_filter_is_refused(asked: log.LogFilter) -> None:
    """A filter that nothing could be compared with is told, and finds no accidental answer."""
    with pytest.raises(Refused, match="filter"):
        check_filter(asked)


async def test_words_of_a_reader_never_become_commands_of_the_index(kept: Log) -> None:
    """Quotes, operators and column names in a text are words like others."""
    await kept.fill(20, 14)
    everything = await kept.all(log.LogFilter())
    for text in ('"same" OR "x', "same NOT root", "tokens : same", "NEAR(same root)", "x) OR (y"):
        asked = check_filter(log.LogFilter(text=text))
        expected = [one.id for one in everything if passes(asked, one.line, one.run.record)]
        assert [one.id for one in await kept.all(asked)] == expected, text


def about(digest: bytes, number: int) -> records.ReconciliationRecorded:
    """A run with one entry about stored bytes."""
    return records.ReconciliationRecorded(
        run=f"recon/lpse-0001/{number}",
        trigger=records.RECONCILIATION_TRIGGER_SCRUB,
        begin_time=timestamp(START),
        legal_time=timestamp(START),
        entries=[
            records.ReconciliationEntry(
                object=f"blob {digest.hex()}",
                classification=records.CLASSIFICATION_CORRUPT,
                rule="R-BLOB-CORRUPT/1",
            )
        ],
    )


async def test_a_package_is_found_only_once_it_was_opened(kept: Log) -> None:
    """Invariant 6: a filter by package finds nothing before the opening; then old and new ones."""
    digest = b"d" * 32
    details = SubmissionDetails(
        "k1", "12345123", "Upload", "vendor", "direct", 0, (SealedFile("a.rhs", 3, digest),), {}
    )
    opened = records.PackageOpened(package="12345123")
    opened.reveals.add(details=details.canonical())
    opened.reveals.add(details=b"nonsense")
    asked = log.LogFilter(package="12345123")
    found = []
    for number, record in enumerate(
        (about(digest, 1), about(b"x" * 32, 2), opened, about(digest, 3))
    ):
        source = source_of("lpse-0001", number, START)
        await kept.apply(source, record)
        found.append([one.line.run for one in await kept.all(asked)])
    old, new = "recon/lpse-0001/1", "recon/lpse-0001/3"
    assert found == [[], [], [old], [new, old]]
    other = log.LogFilter(package="12345123", node_ids=["lpse-0002"])
    assert not await kept.all(other)
