"""The log of reconciliation, read: pages, counts, and what came since.

Owns every query over `recon_entries` and `recon_index`. Rules: a page begins below the last entry
of the page before (keyset), so that what comes meanwhile neither repeats nor hides a row; counts
are exact up to a limit and say so beyond it. Leaves out what a filter means (`tokens`, and
`lpse.federation.recon_log`) and writing (`entries_store`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

from central.reconciliation import bits, bits_store, names_store, tokens
from central.reconciliation.rows import RUN_COLUMNS, ReconciliationRow, run_row
from central.reconciliation.tokens import Query
from lpse.federation import run_names
from lpse.federation.acts import CENTRE_PARTY
from lpse.federation.entries import timestamp
from lpse.federation.limits import LOG_COUNT_EXACT_MAX, LOG_FACET_VALUES_MAX, LOG_STEP_ROWS
from lpse.federation.recon_log import told_of
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.runtime.sqlite import Database, Row, Transaction, Value
from lpse.runtime.sqlite.instants import from_micros, to_micros

NEWEST: Final = 1 << 62
_COLUMNS: Final = "e.id, e.run, e.number, e.province, e.begin_time, e.state, e.resolved_by"


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One line of the log with its place in the order of the log, and its run."""

    id: int
    line: log.LogEntry
    run: ReconciliationRow


@dataclass(frozen=True, slots=True)
class Count:
    """So many entries have this value; more than that where `at_least`."""

    facet: str
    value: str
    count: int
    at_least: bool


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal that holds records of runs."""

    party: str
    epoch: bytes


class LogStore:
    """See the module's first lines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, query: Query, *, before: int, limit: int) -> list[EntryRow]:
        """Entries below `before`, newest first."""
        return await self._database.read(
            lambda tx: _rows_in(tx, _select(query, "e.id < ?", "DESC"), (before,), limit)
        )

    async def since(self, query: Query, *, after: int, limit: int) -> list[EntryRow]:
        """Entries above `after`, oldest first."""
        return await self._database.read(
            lambda tx: _rows_in(tx, _select(query, "e.id > ?", "ASC"), (after,), limit)
        )

    async def newest(self) -> int:
        """The newest entry's place; 0 in an empty log."""
        rows = await self._database.read(
            lambda tx: tx.execute("SELECT coalesce(max(id), 0) FROM recon_entries")
        )
        return int(rows[0][0])

    async def runs(self, query: Query, *, before: int, limit: int) -> list[ReconciliationRow]:
        """Runs that the log names before `before`, with an entry that passes, newest first."""
        return await self._database.read(lambda tx: _runs_in(tx, query, before, limit))

    async def entry(self, run: str, number: int) -> EntryRow | None:
        """One entry of the run that a name means; NotFound (FED-7001) or Conflict (FED-7046)."""
        sql = f"SELECT {_COLUMNS} FROM recon_entries e WHERE e.run = ? AND e.number = ?"  # noqa: S608 - constants

        def work(tx: Transaction) -> list[EntryRow]:
            return _filled_in(tx, tx.execute(sql, (names_store.find_in(tx, run), number)))

        rows = await self._database.read(work)
        return rows[0] if rows else None

    async def journals(self) -> list[Journal]:
        """Every journal that holds runs, by party and epoch."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT DISTINCT CASE party WHEN '' THEN node_id ELSE party END AS writer, epoch"
                " FROM reconciliations ORDER BY writer, epoch"
            )
        )
        return [Journal(*row) for row in rows]

    async def of_journal(
        self, query: Query, journal: Journal, *, span: tuple[int, int], limit: int
    ) -> list[EntryRow]:
        """Entries with span[0] < place <= span[1] whose runs that journal holds, oldest first."""
        own = "r.party = ?" if journal.party == CENTRE_PARTY else "r.party = '' AND e.node_id = ?"
        if journal.party != CENTRE_PARTY:  # the index knows a node's entries; no other is read
            query = replace(query, match=tokens.narrowed(query, "node", journal.party))
        sql = _select(query, f"e.id > ? AND e.id <= ? AND {own} AND r.epoch = ?", "ASC", runs=True)
        values: tuple[Value, ...] = (*span, journal.party, journal.epoch)
        return await self._database.read(lambda tx: _rows_in(tx, sql, values, limit))

    async def counts(self, query: Query) -> tuple[Count, list[Count]]:
        """How many pass, and how many of each value; values that do not occur are left out."""
        return await self._database.read(lambda tx: _counts_in(tx, query))


@dataclass(frozen=True, slots=True)
class _Select:
    """A statement and its own values, which come before the caller's."""

    sql: str
    values: tuple[Value, ...]


def _select(
    query: Query, where: str, order: str, *, runs: bool = False, columns: str = _COLUMNS
) -> _Select:
    source, conditions, values = _narrowing(query)
    joined = " JOIN reconciliations r ON r.id = e.run" if runs else ""
    # The index gives its rows in their order only where the order is asked of it.
    place = "i.rowid" if query.match else "e.id"
    told = " AND ".join([*conditions, where.replace("e.id", place)])
    sql = (
        f"SELECT {columns} FROM {source}{joined} WHERE {told}"  # noqa: S608 - constants
        f" ORDER BY {place} {order} LIMIT ?"
    )
    return _Select(sql, tuple(values))


def _narrowing(query: Query) -> tuple[str, list[str], list[Value]]:
    source, conditions, values = "recon_entries e", [], list[Value]()
    if query.match:
        source = "recon_index i JOIN recon_entries e ON e.id = i.rowid"
        conditions.append("recon_index MATCH ?")
        values.append(query.match)
    if query.since is not None:
        conditions.append("e.begin_time >= ?")
        values.append(to_micros(query.since))
    if query.until is not None:
        conditions.append("e.begin_time < ?")
        values.append(to_micros(query.until))
    if query.run:
        asked = run_names.parse(query.run)
        conditions.append(
            "e.run IN (SELECT id FROM reconciliations WHERE name = ?"
            " AND lower(hex(epoch)) >= ? AND lower(hex(epoch)) < ? || 'g'"
            " AND idx = coalesce(?, idx))"
        )
        values += [asked.base, asked.epoch, asked.epoch, asked.index]
    return source, conditions, values


def _rows_in(
    tx: Transaction, select: _Select, values: Sequence[Value], limit: int
) -> list[EntryRow]:
    return _filled_in(tx, tx.execute(select.sql, (*select.values, *values, limit)))


def _filled_in(tx: Transaction, rows: Sequence[Row]) -> list[EntryRow]:
    runs = _by_id_in(tx, {int(row[1]) for row in rows})
    return [_entry(row, runs[row[1]]) for row in rows]


def _by_id_in(tx: Transaction, ids: Iterable[int]) -> dict[int, ReconciliationRow]:
    wanted = sorted(ids)
    marks = ", ".join("?" * len(wanted))
    rows = tx.execute(
        f"SELECT {RUN_COLUMNS} FROM reconciliations WHERE id IN ({marks})",  # noqa: S608 - marks
        wanted,
    )
    return {row.id: row for row in names_store.called_in(tx, map(run_row, rows))}


def _entry(row: Row, run: ReconciliationRow) -> EntryRow:
    place, _, number, province, begin, state, resolved_by = row
    line = log.LogEntry(
        run=run.name,
        number=number,
        node_id=run.node_id,
        province=province,
        begin_time=timestamp(from_micros(begin)),
        trigger=run.record.trigger,
        state=state,
        resolved_by=resolved_by,
        epoch=run.epoch,
        index=run.index,
        entry=told_of(run.record)[number],
    )
    return EntryRow(place, line, run)


def _runs_in(tx: Transaction, query: Query, before: int, limit: int) -> list[ReconciliationRow]:
    """The entries of a run follow each other, so that each step names some runs and goes on."""
    found: dict[int, None] = {}
    select = _select(query, "e.id < ?", "DESC", columns="e.run, e.id")
    rows = tx.execute("SELECT min(id) FROM recon_entries WHERE run = ?", (before,))
    place = NEWEST if rows[0][0] is None else int(rows[0][0])
    while len(found) < limit:
        step = tx.execute(select.sql, (*select.values, place, LOG_STEP_ROWS))
        if not step:
            break
        found |= dict.fromkeys(int(run) for run, _ in step)
        place = int(step[-1][1])
    wanted = list(found)[:limit]
    runs = _by_id_in(tx, wanted)
    return [runs[run] for run in wanted]


# --- counts ---


def _counts_in(tx: Transaction, query: Query) -> tuple[Count, list[Count]]:
    if query.everything:
        return _all_counts_in(tx)
    total = _count_in(tx, query)
    if not total.at_least:
        return total, _small_counts_in(tx, query)
    return total, _large_counts_in(tx, query, total)


def _all_counts_in(tx: Transaction) -> tuple[Count, list[Count]]:
    rows = tx.execute("SELECT coalesce(max(id), 0) FROM recon_entries")  # rows are never removed
    found = [
        _capped(facet, value, entries)
        for facet in tokens.FACETS
        for value, entries in _values_in(tx, facet)
        if entries
    ]
    return _capped("", "", int(rows[0][0])), found


def _small_counts_in(tx: Transaction, query: Query) -> list[Count]:
    """Few rows: read them once."""
    columns = "e.classification, e.state, e.trigger, e.province, e.rule, e.node_id"
    select = _select(query, "e.id < ?", "DESC", columns=columns)
    rows = tx.execute(select.sql, (*select.values, NEWEST, LOG_COUNT_EXACT_MAX))
    counters = {facet: Counter[str]() for facet in tokens.FACETS}
    for facet, values in zip(counters, zip(*rows, strict=True), strict=False):
        counters[facet].update(tokens.value_of(facet, value) for value in values)
    return [
        Count(facet, value, number, at_least=False)
        for facet, counter in counters.items()
        for value, number in counter.most_common(LOG_FACET_VALUES_MAX)
        if value
    ]


def _large_counts_in(tx: Transaction, query: Query, total: Count) -> list[Count]:
    """Many rows: let the sets of the filter meet the set of each value, up to the limit.

    A facet that the filter pins is not searched: it has no other values, and one alone has all.
    """
    found: list[Count] = []
    pinned = dict(query.pinned)
    among = _among_in(tx, query)
    for facet in tokens.FACETS:
        only = pinned.get(facet)
        if only is not None and len(only) == 1:
            found += [replace(total, facet=facet, value=value) for value in only]
            continue
        for value, _ in _values_in(tx, facet):
            if only is not None and value not in only:
                continue
            of_value = tokens.token(facet, value)
            count = bits_store.count_in(tx, of_value, among, LOG_COUNT_EXACT_MAX)
            if count:
                found.append(_capped(facet, value, count))
    return found


def _among_in(tx: Transaction, query: Query) -> bits.Sets:
    """The entries that pass: sets of facets where there are some, else read from their index."""
    rest = (
        Query(query.match if query.worded else "", None, None, ""),
        Query("", query.since, query.until, ""),
        Query("", None, None, query.run),
    )
    groups = () if query.worded else query.groups  # the index has met them with the words
    parts = [bits_store.sets_in(tx, group) for group in groups]
    parts += [_set_in(tx, one) for one in rest if not one.everything]
    return reduce(bits.both, parts)


def _set_in(tx: Transaction, query: Query) -> bits.Sets:
    source, conditions, values = _narrowing(query)
    place = "e.id"
    if query.match:
        source, place = "recon_index i", "i.rowid"
    sql = f"SELECT {place} FROM {source} WHERE {' AND '.join(conditions)}"  # noqa: S608 - constants
    return bits.sets_of(entry for (entry,) in tx.execute(sql, values))


def _values_in(tx: Transaction, facet: str) -> list[tuple[str, int]]:
    rows = tx.execute(
        "SELECT value, entries FROM recon_counts WHERE facet = ? ORDER BY entries DESC LIMIT ?",
        (facet, LOG_FACET_VALUES_MAX),
    )
    return [(str(value), int(entries)) for value, entries in rows]


def _count_in(tx: Transaction, query: Query, facet: str = "", value: str = "") -> Count:
    source, conditions, values = _narrowing(query)
    if query.match and not (query.since or query.until or query.run):
        source = "recon_index i"  # no row needs to be looked at
    told = " AND ".join(conditions) or "1"
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {told} LIMIT ?)"  # noqa: S608 - constants
    rows = tx.execute(sql, (*values, LOG_COUNT_EXACT_MAX + 1))
    return _capped(facet, value, int(rows[0][0]))


def _capped(facet: str, value: str, entries: int) -> Count:
    at_least = entries > LOG_COUNT_EXACT_MAX
    return Count(facet, value, LOG_COUNT_EXACT_MAX if at_least else entries, at_least)
