"""The log of this node's runs, entry by entry: filtered, counted, followed.

Owns the reading of runs as lines with their present state. Rules: the meaning of a filter is the
contract's own reading of it (`lpse.federation.recon_log.passes`), run by run, for a node has some
thousands of runs; a page begins below the last entry of the page before. Leaves out the wire.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

from lpse.federation.entries import timestamp
from lpse.federation.errors import Unavailable
from lpse.federation.limits import (
    LOG_COUNT_EXACT_MAX,
    LOG_FACET_VALUES_MAX,
    LOG_WATCH_SECONDS,
    LOG_WATCHES_MAX,
)
from lpse.federation.recon_log import blob_of, lines_of, passes, word_of
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import Clock
from regional_node.reconciliation.answers import Answers
from regional_node.reconciliation.log_store import LogStore
from regional_node.reconciliation.store import RunRow

NEWEST: Final = 1 << 62
_PLACES: Final = 1 << 16  # more than entries in a run
FACETS: Final = ("classification", "state", "trigger", "rule")


def _place(row: RunRow, line: log.LogEntry) -> int:
    """Where an entry stands in the order of the log; names of runs may repeat after a recovery."""
    return row.number * _PLACES + line.number


class LogReading:
    """See the module's first lines."""

    def __init__(self, store: LogStore, clock: Clock, me: tuple[str, str]) -> None:
        """`me` is the node's id and province."""
        self._store = store
        self._clock = clock
        self._me = me
        self._followers = 0

    async def page(
        self, asked: log.LogFilter, before: int, limit: int
    ) -> list[tuple[int, log.LogEntry]]:
        """Entries below `before` that pass, newest first, each with its place."""
        found: list[tuple[int, log.LogEntry]] = []
        async for row, lines in self._runs(asked, before // _PLACES + 1):
            placed = [(_place(row, line), line) for line in lines]
            found += [one for one in placed if one[0] < before][::-1]
            if len(found) >= limit:
                break
        return found[:limit]

    async def runs(self, asked: log.LogFilter, before: int, limit: int) -> list[RunRow]:
        """Runs below `before` with an entry that passes, newest first."""
        found: list[RunRow] = []
        async for row, lines in self._runs(asked, before):
            if lines:
                found.append(row)
            if len(found) >= limit:
                break
        return found

    async def every(self, asked: log.LogFilter) -> AsyncIterator[tuple[RunRow, list[log.LogEntry]]]:
        """All runs that are finished and have entries that pass, newest first."""
        async for row, lines in self._runs(asked, NEWEST):
            if row.finished and lines:
                yield row, lines

    async def counts(self, asked: log.LogFilter) -> tuple[int, dict[str, Counter[str]]]:
        """How many entries pass, and how many of each value."""
        counters = {facet: Counter[str]() for facet in FACETS}
        total = 0
        async for _, lines in self._runs(asked, NEWEST):
            total += len(lines)
            for line in lines:
                for facet, value in _values(line):
                    counters[facet][value] += 1
        return total, counters

    async def watch(self, asked: log.LogFilter) -> AsyncIterator[list[log.LogEntry]]:
        """First an empty list, which says that the watch has begun; then what comes."""
        if self._followers >= LOG_WATCHES_MAX:
            raise Unavailable("FED-7042", f"{LOG_WATCHES_MAX} readers follow the log already")
        self._followers += 1
        try:
            finished, base = await self._store.finished_above(0)
            told = set(finished)
            yield []
            while True:
                finished, base = await self._store.finished_above(base)
                for number in finished:
                    if number not in told:
                        yield await self.passing(number, asked)
                told = (told | set(finished)) if finished else told
                told = {number for number in told if number > base}
                await self._clock.sleep(LOG_WATCH_SECONDS)
        finally:
            self._followers -= 1

    async def line(self, run: str, entry: int) -> tuple[RunRow, log.LogEntry] | None:
        """One entry of the run that a name means; None where the run is shorter."""
        row = await self._store.find(run)
        lines = await self._lines(row, await self._answers())
        return (row, lines[entry]) if entry < len(lines) else None

    async def passing(self, number: int, asked: log.LogFilter) -> list[log.LogEntry]:
        """The entries of one run that pass."""
        row = await self._store.run(number)
        if row is None:
            return []
        files = await self._files(asked)
        return [
            line
            for line in await self._lines(row, await self._answers())
            if passes(asked, line, row.record, _about(asked, line, files))
        ]

    async def _runs(
        self, asked: log.LogFilter, before: int
    ) -> AsyncIterator[tuple[RunRow, list[log.LogEntry]]]:
        answers = await self._answers()
        files = await self._files(asked)
        while rows := await self._store.page(before):
            for row in rows:
                lines = await self._lines(row, answers)
                yield (
                    row,
                    [
                        line
                        for line in lines
                        if passes(asked, line, row.record, _about(asked, line, files))
                    ],
                )
            before = rows[-1].number

    async def _files(self, asked: log.LogFilter) -> set[bytes]:
        return await self._store.opened_files(asked.package) if asked.package else set()

    async def _answers(self) -> Answers:
        """What was answered so far; only runs with a difference hold questions and answers."""
        found = Answers(self._me[0], await self._store.resolutions())
        before = NEWEST
        while rows := await self._store.page(before, with_difference=True):
            for row in rows:
                found.add(row.number, row.record)
            before = rows[-1].number
        return found

    async def _lines(self, row: RunRow, answers: Answers) -> list[log.LogEntry]:
        lines = lines_of(row.record, *self._me)
        for line in lines:
            line.run, line.epoch, line.index = row.name, row.epoch, row.index or 0
            if not line.HasField("begin_time"):
                line.begin_time.CopyFrom(timestamp(self._clock.now()))
            by = ""
            if line.state == log.ENTRY_STATE_NEEDS_PERSON:
                by = answers.to(row.number, line.number, line.entry)
            if line.state == log.ENTRY_STATE_OPEN:
                later = await self._store.equal_after(row.number)
                by = f"recon/{self._me[0]}/{later}" if later else ""
            if by:
                line.state, line.resolved_by = log.ENTRY_STATE_RESOLVED, by
        return lines


def capped(count: int) -> tuple[int, bool]:
    """A count as it is told, and whether there are more."""
    return min(count, LOG_COUNT_EXACT_MAX), count > LOG_COUNT_EXACT_MAX


def most_common(counter: Counter[str]) -> list[tuple[str, int]]:
    """The values that are listed."""
    return counter.most_common(LOG_FACET_VALUES_MAX)


def _values(line: log.LogEntry) -> list[tuple[str, str]]:
    return [
        ("classification", word_of(records.Classification, line.entry.classification)),
        ("state", word_of(log.EntryState, line.state)),
        ("trigger", word_of(records.ReconciliationTrigger, line.trigger)),
        ("rule", line.entry.rule),
    ]


def _about(asked: log.LogFilter, line: log.LogEntry, files: set[bytes]) -> tuple[str, ...]:
    return (asked.package,) if blob_of(line.entry) in files else ()
