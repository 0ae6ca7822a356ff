"""The interval of a clock: whatever happens, the right time lies in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.limits import (
    CLOCK_ERROR_SECONDS_MAX,
    CLOCK_STEP_SECONDS_MIN,
    CLOCK_UNMEASURED_SECONDS,
)
from lpse.federation.receipts import Moment
from lpse.federation.v1.records_pb2 import Verdict
from regional_node.clock import rules
from regional_node.clock.rules import Basis, Found, Sample, Trust
from regional_node.intake.rules import judge_by
from tests.regional_node.clock.driven import START, DrivenMachine

waits = st.floats(0, 400_000, allow_nan=False)
steps = st.floats(-90_000, 90_000, allow_nan=False)
drifts = st.floats(-99, 99, allow_nan=False)
delays = st.floats(0, 30, allow_nan=False)


def sample_of(machine: DrivenMachine) -> Sample:
    return Sample(machine.boot_id(), machine.wall(), machine.monotonic())


def moment_of(machine: DrivenMachine, trust: Trust) -> Moment:
    found = rules.bound(trust, sample_of(machine))
    return Moment(machine.now(), "", 0.0, found.error_seconds, found.offset_seconds)


def ask(machine: DrivenMachine, there: float, back: float) -> rules.Measurement:
    """One question to the centre with an uneven road."""
    sent = machine.monotonic()
    machine.advance(there)
    answered = machine.right
    machine.advance(back)
    return rules.measure(sent, sample_of(machine), answered)


def measured(machine: DrivenMachine, there: float = 0.0, back: float = 0.0) -> Trust:
    trust = rules.adopt(Trust(sample_of(machine)), ask(machine, there, back))
    assert trust is not None
    return trust


def straddles(moment: Moment, machine: DrivenMachine) -> bool:
    return moment.earliest <= machine.right <= moment.latest


@given(st.floats(-5_000, 5_000), delays, delays)
def test_half_a_round_trip_bounds_the_offset(wrong: float, there: float, back: float) -> None:
    """However uneven the road was, the right time lies within half the round trip."""
    machine = DrivenMachine()
    machine.set_wall(wrong)
    trust = measured(machine, there, back)
    moment = moment_of(machine, trust)
    assert straddles(moment, machine)
    assert moment.error_seconds <= (there + back) / 2 + 0.0011


@given(drifts, delays, st.lists(st.tuples(waits, steps, st.booleans()), max_size=6))
def test_the_right_time_is_never_outside(
    drift: float, delay: float, happenings: list[tuple[float, float, bool]]
) -> None:
    """Drift, steps both ways, noticed or not yet, contacts: the interval holds the right time."""
    machine = DrivenMachine(drift_ppm=drift)
    trust = measured(machine, delay, 0.0)
    for wait, step, contact in happenings:
        machine.advance(wait)
        machine.set_wall(step)
        assert straddles(moment_of(machine, trust), machine)
        found = rules.step_in(trust.seen, sample_of(machine))
        now = sample_of(machine)
        trust = rules.after_step(trust, found) if found else rules.follow(trust, now)
        assert straddles(moment_of(machine, trust), machine)
        if contact:
            trust = rules.adopt(trust, ask(machine, delay, delay)) or trust
            assert straddles(moment_of(machine, trust), machine)


@given(drifts, waits, st.floats(0, 400_000, allow_nan=False), steps)
def test_another_boot_is_trusted_less_and_still_holds_the_right_time(
    drift: float, before: float, off: float, step: float
) -> None:
    """After a boot only the wall clock is known; a step in the new boot widens it as well."""
    machine = DrivenMachine(drift_ppm=drift)
    trust = measured(machine)
    machine.advance(before)
    trust = rules.follow(trust, sample_of(machine))
    machine.reboot(off)
    now = sample_of(machine)
    assert rules.step_in(trust.seen, now) is None
    trust = rules.follow(trust, now)
    found = rules.bound(trust, now)
    assert found.basis is Basis.OTHER_BOOT
    assert found.error_seconds >= 2.0
    assert straddles(moment_of(machine, trust), machine)
    machine.set_wall(step)
    assert straddles(moment_of(machine, trust), machine)


@given(drifts, waits, steps, st.floats(-100_000, 100_000, allow_nan=False))
def test_no_verdict_contradicts_the_right_time(
    drift: float, wait: float, step: float, slack: float
) -> None:
    """No driven clock makes a late byte ON_TIME or an early one LATE; doubt is UNDETERMINED."""
    machine = DrivenMachine(drift_ppm=drift)
    trust = measured(machine, 0.3, 0.1)
    machine.advance(wait)
    machine.set_wall(step)
    deadline = machine.right + timedelta(seconds=slack)
    verdict = judge_by(deadline, moment_of(machine, trust))
    early = machine.right < deadline
    assert verdict in (
        Verdict.VERDICT_UNDETERMINED,
        Verdict.VERDICT_ON_TIME if early else Verdict.VERDICT_LATE,
    )


def test_never_measured_is_said_so() -> None:
    """Before the first contact the error is an assumption, and the basis says that."""
    machine = DrivenMachine()
    found = rules.bound(Trust(sample_of(machine)), sample_of(machine))
    assert (found.basis, found.measure_time) == (Basis.UNMEASURED, None)
    assert found.error_seconds == CLOCK_UNMEASURED_SECONDS


def test_the_error_grows_until_the_next_contact() -> None:
    """Four days without the centre add 100 ppm; the next contact takes them away."""
    machine = DrivenMachine()
    trust = measured(machine)
    machine.advance(4 * 86_400)
    assert rules.bound(trust, sample_of(machine)).error_seconds == pytest.approx(34.561)
    again = rules.adopt(trust, ask(machine, 0.1, 0.1))
    assert again is not None
    assert rules.bound(again, sample_of(machine)).error_seconds == pytest.approx(0.101)


def test_a_worse_measurement_does_not_replace_a_better_one() -> None:
    """A contact over a clogged line says less than what is known; after a step it is welcome."""
    machine = DrivenMachine()
    trust = measured(machine, 0.05, 0.05)
    assert rules.adopt(trust, ask(machine, 4.0, 4.0)) is None
    machine.set_wall(-100)
    assert rules.adopt(trust, ask(machine, 4.0, 4.0)) is not None


def test_a_measurement_that_contradicts_the_interval_counts() -> None:
    """When the centre's clock and ours have moved apart, the newest word of the centre stands."""
    machine = DrivenMachine()
    trust = measured(machine, 0.05, 0.05)
    machine.right += timedelta(hours=1)
    new = rules.adopt(trust, ask(machine, 1.0, 1.0))
    assert new is not None
    assert straddles(moment_of(machine, new), machine)


@pytest.mark.parametrize("seconds", [-3_600.0, -1.5, 1.5, 3_600.0])
def test_a_step_while_running_shows_both_ways(seconds: float) -> None:
    """Wall against monotonic time shows a clock that was set, forwards and backwards."""
    machine = DrivenMachine()
    seen = sample_of(machine)
    machine.advance(500)
    machine.set_wall(seconds)
    step = rules.step_in(seen, sample_of(machine))
    assert step is not None
    assert step.found is Found.RUNNING
    assert step.seconds == pytest.approx(seconds)


def test_a_step_set_back_leaves_no_doubt_behind() -> None:
    """Set wrong and set right again: the interval is as narrow as before."""
    machine = DrivenMachine()
    trust = measured(machine)
    for seconds in (-3_600.0, 3_600.0):
        machine.set_wall(seconds)
        step = rules.step_in(trust.seen, sample_of(machine))
        assert step is not None
        trust = rules.after_step(trust, step)
    assert rules.bound(trust, sample_of(machine)).error_seconds == pytest.approx(0.001)


def test_small_leaps_add_up() -> None:
    """Many steps below the threshold are no step, and each widens the interval all the same."""
    machine = DrivenMachine()
    trust = measured(machine)
    for _ in range(10):
        machine.advance(30)
        machine.set_wall(0.9 * CLOCK_STEP_SECONDS_MIN)
        assert rules.step_in(trust.seen, sample_of(machine)) is None
        trust = rules.follow(trust, sample_of(machine))
    assert rules.bound(trust, sample_of(machine)).error_seconds > 9 * CLOCK_STEP_SECONDS_MIN
    assert straddles(moment_of(machine, trust), machine)


def between(change: Callable[[DrivenMachine], None]) -> rules.Step | None:
    machine = DrivenMachine()
    seen = sample_of(machine)
    machine.reboot()
    change(machine)
    return rules.step_in(seen, sample_of(machine))


def test_a_step_between_two_runs_shows_backwards() -> None:
    """After a boot a wall clock earlier than what was seen is a step; a later one is time."""
    back = between(lambda machine: machine.set_wall(-3_600))
    assert back is not None
    assert back.found is Found.BETWEEN_RUNS
    assert back.seconds == pytest.approx(-3_540)
    assert between(lambda machine: machine.set_wall(3_600)) is None


def test_the_newest_moment_on_record_counts_as_seen() -> None:
    """A durable moment newer than the last look shows a step that the look alone would miss."""
    machine = DrivenMachine()
    seen = sample_of(machine)
    newest = START + timedelta(hours=2)
    machine.reboot(3_600)
    assert rules.step_in(seen, sample_of(machine)) is None
    step = rules.step_in(seen, sample_of(machine), newest)
    assert step is not None
    assert step.before.wall == newest


def test_a_clock_of_another_century_is_told_within_a_limit() -> None:
    """Invariant 12: the error has an end; everything is undetermined long before it."""
    machine = DrivenMachine()
    trust = measured(machine)
    machine.set_wall(-40 * 365 * 86_400)
    assert straddles(moment_of(machine, trust), machine)
    far = Trust(sample_of(machine), trust.measured, 1e12)
    assert rules.bound(far, sample_of(machine)).error_seconds == CLOCK_ERROR_SECONDS_MAX
