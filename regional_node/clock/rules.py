"""The clock's interval: what a contact with the centre showed, and what has become of it. Pure.

Owns the arithmetic. Rules: at a contact the centre read its clock between our question and its
answer, so the offset is known up to half the round trip; afterwards the error grows with what a
quartz may drift in monotonic time; in another boot only the wall clock counts, with a larger error;
a wall clock that leaves monotonic time widens the interval by as much until the next contact.
Nothing is repaired: readings stay as they were read. Leaves out reading and keeping (`keeper`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from lpse.federation.limits import (
    CLOCK_DRIFT_PPM_MAX,
    CLOCK_ERROR_SECONDS_MAX,
    CLOCK_OTHER_BOOT_DRIFT_PPM_MAX,
    CLOCK_OTHER_BOOT_SECONDS,
    CLOCK_RESOLUTION_SECONDS,
    CLOCK_STEP_SECONDS_MIN,
    CLOCK_UNMEASURED_SECONDS,
)

_PPM = 1e-6


class Basis(Enum):
    """What an interval rests on."""

    MEASURED = "MEASURED"
    OTHER_BOOT = "OTHER_BOOT"
    UNMEASURED = "UNMEASURED"


class Found(Enum):
    """How a step was noticed: wall against monotonic time, or against an earlier run."""

    RUNNING = "RUNNING"
    BETWEEN_RUNS = "BETWEEN_RUNS"


@dataclass(frozen=True, slots=True)
class Sample:
    """Both clocks of the machine at one instant."""

    boot_id: str
    wall: datetime
    monotonic: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """At `sample` the centre's time was wall + offset, give or take the error."""

    sample: Sample
    offset_seconds: float
    error_seconds: float


@dataclass(frozen=True, slots=True)
class Trust:
    """All that is known: the clocks as seen last, the last measurement, and the shift since.

    `shift_seconds` is by how much the wall clock has left monotonic time since the measurement.
    """

    seen: Sample
    measured: Measurement | None = None
    shift_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Bound:
    """The interval of a reading: right time = wall + offset, give or take the error."""

    offset_seconds: float
    error_seconds: float
    basis: Basis
    measure_time: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """A wall clock that was set: where it should have been, and where it was found."""

    before: Sample
    after: Sample
    found: Found

    @property
    def seconds(self) -> float:
        """By how much; negative for backwards."""
        return (self.after.wall - self.before.wall).total_seconds()


def measure(sent_monotonic: float, received: Sample, centre_time: datetime) -> Measurement:
    """What an answer tells whose question left at `sent_monotonic` of the same boot."""
    half = max(0.0, received.monotonic - sent_monotonic) / 2
    offset = (centre_time - received.wall).total_seconds() + half
    return Measurement(received, round(offset, 6), round(half + CLOCK_RESOLUTION_SECONDS, 6))


def bound(trust: Trust, now: Sample) -> Bound:
    """The interval of a reading `now`."""
    measured = trust.measured
    shift = abs(trust.shift_seconds + _leaving(trust.seen, now))
    if measured is None:
        return Bound(0.0, _capped(CLOCK_UNMEASURED_SECONDS + shift), Basis.UNMEASURED, None)
    at = measured.sample
    if at.boot_id == now.boot_id:
        grown = max(0.0, now.monotonic - at.monotonic) * CLOCK_DRIFT_PPM_MAX * _PPM
        basis = Basis.MEASURED
    else:
        elapsed = abs((now.wall - at.wall).total_seconds())
        grown = CLOCK_OTHER_BOOT_SECONDS + elapsed * CLOCK_OTHER_BOOT_DRIFT_PPM_MAX * _PPM
        basis = Basis.OTHER_BOOT
    error = _capped(measured.error_seconds + grown + shift)
    return Bound(measured.offset_seconds, error, basis, at.wall)


def follow(trust: Trust, now: Sample) -> Trust:
    """The same knowledge with the clocks as seen `now`; what the wall clock left is kept."""
    return replace(trust, seen=now, shift_seconds=trust.shift_seconds + _leaving(trust.seen, now))


def adopt(trust: Trust, new: Measurement) -> Trust | None:
    """Knowledge after a measurement; None where what is known already says more.

    One that contradicts the present interval always counts.
    """
    present = bound(trust, new.sample)
    apart = abs(new.offset_seconds - present.offset_seconds)
    contradicts = apart > new.error_seconds + present.error_seconds
    if present.basis is Basis.MEASURED and not contradicts:
        shifted = trust.shift_seconds + _leaving(trust.seen, new.sample)
        settled = abs(shifted) < CLOCK_STEP_SECONDS_MIN
        if settled and present.error_seconds < new.error_seconds:
            return None
    return Trust(new.sample, new)


def step_in(seen: Sample, now: Sample, newest: datetime | None = None) -> Step | None:
    """The step between two readings, if there was one.

    In one boot monotonic time shows steps both ways. From one boot to the next only a wall clock
    that is earlier than what was seen, or than the `newest` moment on record, shows.
    """
    if seen.boot_id == now.boot_id:
        expected = seen.wall + timedelta(seconds=now.monotonic - seen.monotonic)
        before = Sample(seen.boot_id, expected, now.monotonic)
        step = Step(before, now, Found.RUNNING)
        return step if abs(step.seconds) >= CLOCK_STEP_SECONDS_MIN else None
    latest = max(seen.wall, newest) if newest is not None else seen.wall
    step = Step(replace(seen, wall=latest), now, Found.BETWEEN_RUNS)
    return step if step.seconds <= -CLOCK_STEP_SECONDS_MIN else None


def after_step(trust: Trust, step: Step) -> Trust:
    """Knowledge once a step was noticed: the interval is wider by it until the next contact."""
    return replace(trust, seen=step.after, shift_seconds=trust.shift_seconds + step.seconds)


def _leaving(seen: Sample, now: Sample) -> float:
    """By how much the wall clock has left monotonic time; nothing is known across boots."""
    if seen.boot_id != now.boot_id:
        return 0.0
    walked = (now.wall - seen.wall).total_seconds()
    return walked - (now.monotonic - seen.monotonic)


def _capped(seconds: float) -> float:
    return min(round(seconds, 6), CLOCK_ERROR_SECONDS_MAX)
