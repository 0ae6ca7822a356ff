"""The printed arithmetic: every act of a computation as a sentence that a committee can check.

Reads what `compensation_rounds` computed and puts it into words, in the order in which it was
computed, in English and Indonesian; it computes nothing itself. Each step carries the end that
holds after it, so a reader can follow the end from the published one to the proposed one. Leaves
out every name of a vendor or file: there is none in a schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from lpse.federation.calendars import Calendar, local_date
from lpse.federation.compensation_rounds import Extension, Round
from lpse.federation.compensation_words import ENGLISH, INDONESIAN, Language
from lpse.federation.intervals import Interval
from lpse.federation.rule_sets import Counting, DayKind, RuleSet
from lpse.federation.stages import Stage


class StepKind(StrEnum):
    """Which act of the arithmetic a step prints."""

    MOVED = "MOVED"  # the window moved with the stage that it follows
    NOT_COMPENSABLE = "NOT_COMPENSABLE"
    NO_LOSS = "NO_LOSS"
    OUTAGE = "OUTAGE"  # one disturbance that counts, with the part that counts
    COUNTED = "COUNTED"
    ADDED = "ADDED"
    USABLE = "USABLE"  # lifted to leave the shortest usable time after a disturbance
    ROLLED = "ROLLED"  # rolled forward to a working day
    EQUAL_END = "EQUAL_END"  # lifted to stay equal with other stages
    PROVISIONAL = "PROVISIONAL"
    RESULT = "RESULT"


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence in both languages, and the end (UTC) that holds after it."""

    kind: StepKind
    english: str
    indonesian: str
    end: datetime


@dataclass(frozen=True, slots=True)
class Context:
    """What the sentences refer to."""

    rules: RuleSet
    calendar: Calendar
    zone: ZoneInfo
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """One stage from the published to the proposed schedule."""

    stage: Stage
    start: datetime
    end: datetime
    extension: Extension
    provisional: bool
    follows: str | None
    ends_with: tuple[str, ...]


def print_steps(move: Move, context: Context) -> tuple[Step, ...]:
    """All steps of one stage, the result last."""
    return tuple(_Printer(context).stage(move))


class _Printer:
    """Writes the sentences of one stage."""

    def __init__(self, context: Context) -> None:
        self._rules = context.rules
        self._calendar = context.calendar
        self._zone = context.zone
        self._as_of = context.as_of

    def stage(self, move: Move) -> Iterator[Step]:
        extension = move.extension
        yield from self._moved(move)
        if not self._rules.is_compensable(move.stage.name):
            yield self._not_compensable(extension)
        elif not extension.rounds:
            yield self._no_loss(extension)
        for number, step in enumerate(extension.rounds, start=1):
            yield from self._round(number, step)
        if move.end > extension.end:
            yield self._equal_end(move)
        if move.provisional:
            yield self._provisional(move)
        yield self._result(move)

    def _moved(self, move: Move) -> Iterator[Step]:
        start, end = move.extension.window.start, move.extension.window.end
        if end is None or end == move.stage.end:
            return
        leader, shift = move.follows or "", end - move.stage.end
        yield self._step(
            StepKind.MOVED,
            end,
            lambda w: (
                f'follows "{leader}", which now ends {w.duration(shift)} later: '
                f"start {self._at(w, start)}, end {self._at(w, end)}"
            ),
            lambda w: (
                f'mengikuti "{leader}", yang kini berakhir {w.duration(shift)} lebih lambat: '
                f"mulai {self._at(w, start)}, berakhir {self._at(w, end)}"
            ),
        )
        yield from self._rolled(end, move.extension.moved_end)

    def _not_compensable(self, extension: Extension) -> Step:
        return self._step(
            StepKind.NOT_COMPENSABLE,
            extension.end,
            lambda _: f"the rule set {self._rules.id} gives nothing back for this stage itself",
            lambda _: f"aturan {self._rules.id} tidak mengompensasi tahap ini sendiri",
        )

    def _no_loss(self, extension: Extension) -> Step:
        start, end = extension.window.start, extension.window.end or extension.end
        return self._step(
            StepKind.NO_LOSS,
            extension.end,
            lambda w: f"no outage between {self._at(w, start)} and {self._at(w, end)}",
            lambda w: f"tidak ada gangguan antara {self._at(w, start)} dan {self._at(w, end)}",
        )

    def _round(self, number: int, step: Round) -> Iterator[Step]:
        for interval in step.counted:
            yield self._outage(number, interval, step.base)
        yield self._counted(step)
        yield self._added(step)
        yield from self._usable(step)
        yield from self._rolled(step.usable_end, step.end)

    def _outage(self, number: int, interval: Interval, base: datetime) -> Step:
        start, end = interval.start, interval.end or self._as_of
        return self._step(
            StepKind.OUTAGE,
            base,
            lambda w: (
                f"round {number}: outage counted from {self._at(w, start)} to {self._at(w, end)}"
                f", {w.duration(end - start)}"
            ),
            lambda w: (
                f"putaran {number}: gangguan dihitung dari {self._at(w, start)} sampai "
                f"{self._at(w, end)}, {w.duration(end - start)}"
            ),
        )

    def _counted(self, step: Round) -> Step:
        match self._rules.counting:
            case Counting.TOUCHED_DAYS:
                return self._counted_dates(step)
            case Counting.STARTED_24H:
                return self._counted_blocks(step)
            case Counting.EXACT:
                return self._counted_time(step)

    def _counted_dates(self, step: Round) -> Step:
        new = step.tally.dates[len(step.tally_before.dates) :]
        working = self._rules.day_kind is DayKind.WORKING
        english, indonesian = (" working", " kerja") if working else ("", "")
        more, lagi = (" more", " lagi") if step.tally_before.dates else ("", "")
        count = len(new)
        dates = "date" if count == 1 else "dates"
        return self._step(
            StepKind.COUNTED,
            step.base,
            lambda w: f"{count}{more}{english} {dates} touched" + _listed(w, new),
            lambda w: f"{count} tanggal{indonesian} tersentuh{lagi}" + _listed(w, new),
        )

    def _counted_blocks(self, step: Round) -> Step:
        lost, blocks, before = step.tally.lost, step.tally.days, step.tally_before.days
        added = f", {before} of them already given back" if before else ""
        sudah = f", {before} di antaranya sudah diberikan" if before else ""
        noun = "block" if blocks == 1 else "blocks"
        return self._step(
            StepKind.COUNTED,
            step.base,
            lambda w: f"{w.duration(lost)} in all = {blocks} started {noun} of 24 hours{added}",
            lambda w: f"seluruhnya {w.duration(lost)} = {blocks} kali 24 jam yang dimulai{sudah}",
        )

    def _counted_time(self, step: Round) -> Step:
        lost = step.tally.lost - step.tally_before.lost
        more, lagi = (" more", " lagi") if step.tally_before.lost else ("", "")
        return self._step(
            StepKind.COUNTED,
            step.base,
            lambda w: f"{w.duration(lost)}{more} lost",
            lambda w: f"{w.duration(lost)}{lagi} hilang",
        )

    def _added(self, step: Round) -> Step:
        def amount(w: Language, calendar: str, working: str) -> str:
            if self._rules.counting is Counting.EXACT:
                return w.duration(step.tally.lost - step.tally_before.lost)
            kind = working if self._rules.day_kind is DayKind.WORKING else calendar
            return kind.format(step.tally.days - step.tally_before.days)

        days = "day" if step.tally.days - step.tally_before.days == 1 else "days"
        return self._step(
            StepKind.ADDED,
            step.added_end,
            lambda w: (
                f"{self._at(w, step.base)} + "
                f"{amount(w, f'{{}} calendar {days}', f'{{}} working {days}')}"
                f" → {self._at(w, step.added_end)}"
            ),
            lambda w: (
                f"{self._at(w, step.base)} + {amount(w, '{} hari kalender', '{} hari kerja')}"
                f" → {self._at(w, step.added_end)}"
            ),
        )

    def _usable(self, step: Round) -> Iterator[Step]:
        if step.usable_end == step.added_end:
            return
        hours = timedelta(hours=self._rules.min_usable_hours)
        yield self._step(
            StepKind.USABLE,
            step.usable_end,
            lambda w: (
                f"at least {w.duration(hours)} after the last outage "
                f"→ {self._at(w, step.usable_end)}"
            ),
            lambda w: (
                f"paling sedikit {w.duration(hours)} setelah gangguan terakhir "
                f"→ {self._at(w, step.usable_end)}"
            ),
        )

    def _rolled(self, before: datetime, after: datetime) -> Iterator[Step]:
        if after == before:
            return
        first, last = local_date(before, self._zone), local_date(after, self._zone)
        skipped = [first + timedelta(days=n) for n in range((last - first).days)]
        yield self._step(
            StepKind.ROLLED,
            after,
            lambda w: f"{self._off(w, skipped)} → next working day {self._at(w, after)}",
            lambda w: f"{self._off(w, skipped)} → hari kerja berikutnya {self._at(w, after)}",
        )

    def _equal_end(self, move: Move) -> Step:
        names = ", ".join(f'"{name}"' for name in move.ends_with)
        return self._step(
            StepKind.EQUAL_END,
            move.end,
            lambda w: f"ended together with {names} and still does → {self._at(w, move.end)}",
            lambda w: f"berakhir bersama {names} dan tetap demikian → {self._at(w, move.end)}",
        )

    def _provisional(self, move: Move) -> Step:
        return self._step(
            StepKind.PROVISIONAL,
            move.end,
            lambda w: f"provisional: an outage is open, computed as of {self._at(w, self._as_of)}",
            lambda w: f"sementara: gangguan belum selesai, per {self._at(w, self._as_of)}",
        )

    def _result(self, move: Move) -> Step:
        old, new = move.stage, move
        if (old.start, old.end) == (new.start, new.end):
            return self._step(
                StepKind.RESULT,
                new.end,
                lambda w: f"unchanged: {self._at(w, new.end)}",
                lambda w: f"tetap: {self._at(w, new.end)}",
            )
        return self._step(
            StepKind.RESULT,
            new.end,
            lambda w: f"end {self._at(w, old.end)} → {self._at(w, new.end)}",
            lambda w: f"berakhir semula {self._at(w, old.end)} → menjadi {self._at(w, new.end)}",
        )

    def _step(
        self,
        kind: StepKind,
        end: datetime,
        english: Callable[[Language], str],
        indonesian: Callable[[Language], str],
    ) -> Step:
        return Step(kind, english(ENGLISH), indonesian(INDONESIAN), end)

    def _at(self, words: Language, moment: datetime) -> str:
        return words.moment(moment, self._zone)

    def _off(self, words: Language, days: list[date]) -> str:
        """`Sat, 4 Apr 2015 (weekend), …`: the days passed over, each with its reason."""
        reasons = ((day, self._calendar.day_off(day)) for day in days)
        return ", ".join(
            f"{words.day(day)} ({words.days_off[off]})" for day, off in reasons if off is not None
        )


def _listed(words: Language, days: tuple[date, ...]) -> str:
    """`: 27, 28 Mar 2015`, or nothing when there is none."""
    return f": {words.dates(days)}" if days else ""
