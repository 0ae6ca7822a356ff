"""What the clock says: verdicts, admission and release, as pure decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.receipts import Moment
from lpse.federation.v1.records_pb2 import Verdict
from regional_node.intake import rules
from regional_node.intake.windows import Opening, Window, moment_text, read_moment

START = datetime(2015, 3, 26, 1, 0, tzinfo=UTC)
DEADLINE = datetime(2015, 3, 27, 3, 0, tzinfo=UTC)
WINDOW = Window("7781013", "Upload Dokumen Penawaran", "Asia/Jakarta", START, DEADLINE, 1)
OPENING = Opening("7781013", "Asia/Jakarta", DEADLINE, 1)
TICK = timedelta(microseconds=1)
offsets = st.integers(-(10**12), 10**12).map(lambda n: timedelta(microseconds=n))
errors = st.floats(0, 3_600, allow_nan=False)


def at(time: datetime, error: float = 0.0, offset: float = 0.0) -> Moment:
    return Moment(time, "boot", 0.0, error, offset)


def test_the_deadlines_own_moment_is_late() -> None:
    """Half-open: one microsecond before the deadline is on time, the deadline itself is late."""
    assert rules.judge(WINDOW, at(DEADLINE - TICK)) == Verdict.VERDICT_ON_TIME
    assert rules.judge(WINDOW, at(DEADLINE)) == Verdict.VERDICT_LATE
    assert rules.admit(WINDOW, at(DEADLINE - TICK)) is rules.Admission.ADMITTED
    assert rules.admit(WINDOW, at(DEADLINE)) is rules.Admission.CLOSED
    assert rules.release(OPENING, at(DEADLINE - TICK)) is rules.Release.NOT_DUE
    assert rules.release(OPENING, at(DEADLINE)) is rules.Release.DUE


def test_the_stage_begins_at_its_start() -> None:
    """The start itself belongs to the stage, the moment before does not."""
    assert rules.admit(WINDOW, at(START)) is rules.Admission.ADMITTED
    assert rules.admit(WINDOW, at(START - TICK)) is rules.Admission.NOT_YET


@given(offsets)
def test_while_held_every_upload_is_pending(offset: timedelta) -> None:
    """During a hold uploads are accepted at any time and judged later."""
    held = replace(WINDOW, held=True)
    assert rules.admit(held, at(DEADLINE + offset)) is rules.Admission.ADMITTED
    assert rules.judge(held, at(DEADLINE + offset)) == Verdict.VERDICT_PENDING


@given(offsets, errors)
def test_a_doubtful_clock_never_decides(offset: timedelta, error: float) -> None:
    """Where the clock's error straddles the deadline the verdict is left to people."""
    moment = at(DEADLINE + offset, error)
    verdict = rules.judge(WINDOW, moment)
    straddles = -timedelta(seconds=error) <= offset < timedelta(seconds=error)
    assert (verdict == Verdict.VERDICT_UNDETERMINED) == straddles
    if straddles:
        assert rules.admit(WINDOW, moment) is rules.Admission.ADMITTED
        assert rules.release(OPENING, moment) is rules.Release.NOT_DUE


@given(offsets, offsets)
def test_a_later_deadline_never_makes_an_upload_late(first: timedelta, second: timedelta) -> None:
    """Compensation only helps: an upload that was on time stays on time under a later deadline."""
    early, late = sorted((DEADLINE + first, DEADLINE + second))
    if rules.judge_by(early, at(DEADLINE)) == Verdict.VERDICT_ON_TIME:
        assert rules.judge_by(late, at(DEADLINE)) == Verdict.VERDICT_ON_TIME


@given(offsets)
def test_admission_and_release_exclude_each_other(offset: timedelta) -> None:
    """Invariant 6: at no moment may a bid begin and the bids of its package be read."""
    now = DEADLINE + offset
    admitted = rules.admit(WINDOW, at(now)) is rules.Admission.ADMITTED
    assert not (admitted and rules.release(OPENING, at(now)) is rules.Release.DUE)


@pytest.mark.parametrize("held", [False, True])
def test_a_cancelled_selection(held: bool) -> None:
    """A cancelled selection takes no bids and opens none, whatever the clock says."""
    window, opening = replace(WINDOW, cancelled=True, held=held), replace(OPENING, cancelled=True)
    assert rules.admit(window, at(START)) is rules.Admission.CANCELLED
    assert rules.release(opening, at(DEADLINE)) is rules.Release.CANCELLED


def test_a_hold_keeps_bids_sealed() -> None:
    """Invariant 6: a held deadline releases nothing, however long it has passed."""
    held = replace(OPENING, held=True)
    assert rules.release(held, at(DEADLINE + timedelta(days=400))) is rules.Release.HELD


@given(offsets, errors, errors, st.floats(-1, 1, allow_nan=False), st.booleans())
def test_no_combination_decides_against_the_right_time(
    slack: timedelta, error: float, offset: float, within: float, held: bool
) -> None:
    """Wherever in its interval the right time lies: no late byte is ON_TIME, no early one LATE."""
    right = DEADLINE + slack
    read = right - timedelta(seconds=offset) - timedelta(seconds=error * within)
    moment = at(read, error + 1e-5, offset)  # a reading has whole microseconds
    verdict = rules.judge(replace(WINDOW, held=held), moment)
    certain = Verdict.VERDICT_ON_TIME if right < DEADLINE else Verdict.VERDICT_LATE
    doubt = Verdict.VERDICT_PENDING if held else Verdict.VERDICT_UNDETERMINED
    assert verdict == doubt or (verdict == certain and not held)
    if rules.release(replace(OPENING, held=held), moment) is rules.Release.DUE:
        assert right >= DEADLINE


@given(offsets, offsets, errors, st.booleans())
def test_what_is_submitted_after_the_opening_counts_from_then(
    durable: timedelta, wait: timedelta, error: float, opened: bool
) -> None:
    """Before the opening the last byte counts; whoever submits after it submits at that moment."""
    early = at(DEADLINE + durable, error)
    submit = at(early.time + abs(wait), error)
    counted = rules.moment_of(early, submit, opened=opened)
    assert counted is (submit if opened else early)
    passed = rules.release(OPENING, submit) is rules.Release.DUE
    if opened and passed:
        assert rules.judge(WINDOW, counted) == Verdict.VERDICT_LATE


@pytest.mark.parametrize("offset", [-3.0, 0.0, 3.0])
def test_equal_instants(offset: float) -> None:
    """Deadline, durable moment and opening in one instant: the upload is late, the opening due."""
    moment = at(DEADLINE - timedelta(seconds=offset), 0.0, offset)
    assert rules.judge(WINDOW, moment) == Verdict.VERDICT_LATE
    assert rules.admit(WINDOW, moment) is rules.Admission.CLOSED
    assert rules.release(OPENING, moment) is rules.Release.DUE


@given(st.lists(offsets, min_size=1, max_size=4), offsets, errors)
def test_a_deadline_that_moves_judges_by_its_newest_place(
    moves: list[timedelta], durable: timedelta, error: float
) -> None:
    """Whatever the deadline was while bytes came in, the verdict is that of the last revision."""
    window = WINDOW
    for number, move in enumerate(moves, start=2):
        window = replace(window, deadline=DEADLINE + move, revision=number)
    moment = at(DEADLINE + durable, error)
    assert rules.judge(window, moment) == rules.judge_by(DEADLINE + moves[-1], moment)


def test_a_moment_is_kept_whole() -> None:
    """What a row keeps of a moment is all that its verdict and its receipt need."""
    plain, full = at(DEADLINE, 2.0, 1.0), replace(at(START), basis="MEASURED", measure_time=START)
    for moment in (plain, full):
        assert read_moment(moment_text(moment)) == moment
