"""Keeps exactly one version of the local service running, and judges a version on trial.

Owns the service process: start, stop, adopt after a restart of the daemon, start again when it
died (with growing pauses). Rule: success is what the restarted service itself reports – its
version and health pages, the bundle's health hook, and all of that still after the soak. Leaves
out which version should run (`current` says so) and what follows from a failed trial.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lpse.federation.bundles import ServiceSpec
from lpse.federation.errors import Unavailable
from lpse.runtime.clock import Clock
from regional_node.upgrades.hooks import HookRunner, Surroundings
from regional_node.upgrades.probe import Report, ask
from regional_node.upgrades.processes import Command, trim_log
from regional_node.upgrades.rules import Reason
from regional_node.upgrades.slots import Slot

_PROBE_SECONDS: Final = 2.0
_MISSES_MAX: Final = 3  # probes in a row that may fail during the soak
_PAUSE_SECONDS_MIN: Final = 1.0
_PAUSE_SECONDS_MAX: Final = 60.0
_STEADY_SECONDS: Final = 60.0  # a service that ran this long is started again without a pause


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a version cannot stay; `detail` is fit for the journal."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Trial:
    """How a version is to be judged."""

    slot: Slot
    from_version: str
    attempt: int
    soak_seconds: float


class ServiceSupervisor:
    """The one service process of this node."""

    def __init__(
        self,
        lock: Path,
        surroundings: Surroundings,
        hooks: HookRunner,
        clock: Clock,
        poll_seconds: float,
    ) -> None:
        self._process = surroundings.host.process(lock, clock)
        self._surroundings = surroundings
        self._hooks = hooks
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._pause_seconds = _PAUSE_SECONDS_MIN
        self._started_at: float | None = None

    def running(self) -> str | None:
        """Name of the slot whose service runs now, or None."""
        holder = self._process.holder()
        return holder.label if holder else None

    async def start(self, slot: Slot) -> None:
        """Make the service of `slot` the one that runs; whatever else ran is stopped first."""
        if self.running() == slot.name:
            return
        await self.stop(slot.manifest.service)
        program, *rest = slot.manifest.service.arguments
        version = str(slot.manifest.version)
        self._started_at = self._clock.monotonic()
        await self._process.start(
            Command(
                arguments=[str(slot.path / program), *rest],
                label=slot.name,
                folder=slot.path,
                environment=self._surroundings.variables(slot, version, 0),
                log=self._surroundings.log,
            )
        )

    async def stop(self, spec: ServiceSpec) -> None:
        """Stop whatever service runs; returns when none does."""
        await self._process.stop(spec.stop_timeout_seconds)

    async def keep_running(self, slot: Slot) -> None:
        """Start the service of `slot` if it does not run; a failure waits longer each time."""
        trim_log(self._surroundings.log)
        now = self._clock.monotonic()
        if self.running() == slot.name:
            if self._started_at is None or now - self._started_at > _STEADY_SECONDS:
                self._pause_seconds = _PAUSE_SECONDS_MIN
            return
        if self._started_at is not None and now - self._started_at < self._pause_seconds:
            return
        if self._started_at is not None:
            self._pause_seconds = min(2 * self._pause_seconds, _PAUSE_SECONDS_MAX)
        await self.start(slot)

    async def report(self, slot: Slot) -> Report:
        """What the service says now."""
        around = self._surroundings
        return await ask(around.port, slot.manifest.service, _PROBE_SECONDS, around.host)

    async def judge(self, trial: Trial) -> Problem | None:
        """None when the running service proved itself; takes start time, hook and soak."""
        problem = await self._comes_up(trial.slot)
        if problem is not None:
            return problem
        complaint = await self._hooks.run("health", trial.slot, trial.from_version, trial.attempt)
        if complaint:
            return Problem(Reason.UNHEALTHY, complaint)
        return await self._stays_up(trial)

    async def _comes_up(self, slot: Slot) -> Problem | None:
        give_up = self._clock.monotonic() + slot.manifest.service.start_timeout_seconds
        while True:
            problem = await self._look(slot)
            if problem is None:
                return None
            settled = problem.reason is Reason.WRONG_VERSION or self.running() != slot.name
            if settled or self._clock.monotonic() >= give_up:
                return problem
            await self._clock.sleep(self._poll_seconds)

    async def _stays_up(self, trial: Trial) -> Problem | None:
        enough = self._clock.monotonic() + trial.soak_seconds
        misses = 0
        while True:
            problem = await self._look(trial.slot)
            misses = misses + 1 if problem else 0
            if problem is not None and (misses >= _MISSES_MAX or not self.running()):
                return problem
            if problem is None and self._clock.monotonic() >= enough:
                return None
            await self._clock.sleep(self._poll_seconds)

    async def _look(self, slot: Slot) -> Problem | None:
        if await asyncio.to_thread(self.running) != slot.name:
            return Problem(Reason.START_FAILED, "the service ended by itself")
        report = await self.report(slot)
        expected = slot.manifest.version
        if report.version is None:
            return Problem(Reason.START_FAILED, "the service does not report a version")
        if report.version != expected:
            said = f"the service reports {report.version} instead of {expected}"
            return Problem(Reason.WRONG_VERSION, said)
        if not report.healthy:
            return Problem(Reason.UNHEALTHY, "the service reports that it is not healthy")
        return None


async def try_start(supervisor: ServiceSupervisor, slot: Slot) -> Problem | None:
    """Start `slot`, with a failure as a value instead of an exception."""
    try:
        await supervisor.start(slot)
    except Unavailable as error:
        return Problem(Reason.START_FAILED, error.message)
    return None
