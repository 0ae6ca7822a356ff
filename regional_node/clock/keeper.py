"""All clocks at once, with the interval in which the right time lies.

Owns the present knowledge in memory and its order against the disk. Rules: a step is durable before
the knowledge follows it, and until then every reading is wide enough by itself; steps of legal time
in an exercise are none of the wall clock. Leaves out the arithmetic (`rules`) and SQL (`store`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from structlog.typing import FilteringBoundLogger

from lpse.federation.limits import CLOCK_SAMPLE_SECONDS_MAX, CLOCK_SAMPLES_MAX
from lpse.federation.receipts import Moment
from lpse.runtime.clock import Clock
from regional_node.clock import rules
from regional_node.clock.rules import Bound, Sample, Step, Trust
from regional_node.clock.store import ClockStore, Stepped


@dataclass(frozen=True, slots=True)
class ClockStatus:
    """For people: the interval now, and the step noticed last."""

    bound: Bound
    shift_seconds: float
    step: Stepped | None


class ClockKeeper:
    """See the module's first lines; `open` must have returned before anything else."""

    def __init__(self, store: ClockStore, clock: Clock, log: FilteringBoundLogger) -> None:
        self._store = store
        self._clock = clock
        self._log = log
        self._boot_id = clock.boot_id()  # a process never outlives a boot
        self._lock = asyncio.Lock()
        self._trust = Trust(self._sample())
        self._step: Stepped | None = None

    async def open(self, newest: datetime | None = None, *, restored: bool = False) -> None:
        """Take up what outlived the restart; `newest` is the newest wall time on record.

        What a backup says was measured on another machine, or long ago: it is forgotten.
        """
        known = await self._store.load()
        self._step = await self._store.newest_step()
        now = self._sample()
        if known is None or restored:
            self._trust = Trust(now)
            await self._store.keep(self._trust)
            return
        step = rules.step_in(known.seen, now, newest)
        self._trust = known
        if step is not None:
            await self._note(step)
        else:
            await self._follow(now)

    def moment(self) -> Moment:
        """All clocks now; see `Moment`."""
        time, sample = self._clock.now(), self._sample()
        found = rules.bound(self._trust, sample)
        return Moment(
            time,
            sample.boot_id,
            sample.monotonic,
            found.error_seconds,
            found.offset_seconds,
            found.basis.value,
            found.measure_time,
        )

    def status(self) -> ClockStatus:
        """What people are told."""
        now = self._sample()
        shift = rules.follow(self._trust, now).shift_seconds
        return ClockStatus(rules.bound(self._trust, now), round(shift, 3), self._step)

    async def measured(self, sent_monotonic: float, centre_time: datetime) -> None:
        """The centre answered a question that left at `sent_monotonic`."""
        async with self._lock:
            now = self._sample()
            await self._notice(now)
            trust = rules.adopt(self._trust, rules.measure(sent_monotonic, now, centre_time))
            if trust is not None:
                await self._store.keep(trust)
                self._trust = trust

    async def look(self, *, keep: bool) -> bool:
        """Notice a step; whether there was one. With `keep` the clocks as seen are remembered."""
        async with self._lock:
            now = self._sample()
            stepped = await self._notice(now)
            if keep and not stepped:
                await self._follow(now)
            return stepped

    async def _notice(self, now: Sample) -> bool:
        step = rules.step_in(self._trust.seen, now)
        if step is not None:
            await self._note(step)
        return step is not None

    async def _note(self, step: Step) -> None:
        trust = rules.after_step(self._trust, step)
        await self._store.stepped(step, trust)
        self._trust = trust
        self._step = await self._store.newest_step()
        self._log.warning(
            "clock.stepped", code="FED-5033", seconds=round(step.seconds, 3), found=step.found.value
        )

    async def _follow(self, now: Sample) -> None:
        trust = rules.follow(self._trust, now)
        await self._store.keep(trust)
        self._trust = trust

    def _sample(self) -> Sample:
        """Both clocks within a moment: a pause between the two readings would look like a step."""
        for _ in range(CLOCK_SAMPLES_MAX):
            before = self._clock.monotonic()
            wall = self._clock.wall()
            after = self._clock.monotonic()
            if after - before <= CLOCK_SAMPLE_SECONDS_MAX:
                break
        return Sample(self._boot_id, wall, after)
