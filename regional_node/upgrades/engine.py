"""Puts a verified version in place, tries it, and goes back if it does not prove itself.

Keeps invariant 8: a kill at any moment ends in exactly one version running. Each phase is written
ahead (`UpgradeStore.move`) and can be entered again from its beginning: going back stops whatever
runs, undoes the data, switches the link and starts the old version, and each of these is harmless
when it was done before. Leaves out when a phase may begin (`rules.py`).
"""

from __future__ import annotations

import asyncio

from lpse.federation.bundles import BundleError
from lpse.federation.errors import FederationError, Unavailable
from lpse.runtime.clock import Clock
from regional_node.upgrades.hooks import HookRunner
from regional_node.upgrades.rules import Attempt, Reason, State
from regional_node.upgrades.slots import Slot, SlotStore
from regional_node.upgrades.store import Step, UpgradeStore
from regional_node.upgrades.supervisor import Problem, ServiceSupervisor, Trial, try_start


class UpgradeEngine:
    """The phases from VERIFIED to an end."""

    def __init__(
        self,
        store: UpgradeStore,
        slots: SlotStore,
        hooks: HookRunner,
        supervisor: ServiceSupervisor,
        clock: Clock,
    ) -> None:
        self._store = store
        self._slots = slots
        self._hooks = hooks
        self._supervisor = supervisor
        self._clock = clock

    async def apply(self, attempt: Attempt, soak_seconds: float) -> Attempt:
        """From VERIFIED to an end; until APPLYING is durable the running service is untouched."""
        new = self._slots.open(attempt.to_slot)
        problem = await self._refusal(new, attempt)
        if problem is not None:
            return await self._move(attempt, State.FAILED, problem)
        attempt = await self._move(attempt, State.APPLYING)
        problem = await self._replace(attempt, new)
        if problem is not None:
            return await self.go_back(attempt, problem)
        attempt = await self._move(attempt, State.CHECKING)
        return await self.check(attempt, soak_seconds)

    async def check(self, attempt: Attempt, soak_seconds: float) -> Attempt:
        """From CHECKING to an end; begun again after a restart, the soak starts anew."""
        new = self._slots.open(attempt.to_slot)
        problem = await try_start(self._supervisor, new)
        if problem is None:
            trial = Trial(new, str(attempt.from_version), attempt.attempt, soak_seconds)
            problem = await self._supervisor.judge(trial)
        if problem is not None:
            return await self.go_back(attempt, problem)
        step = Step(State.APPLIED, reported_version=str(new.manifest.version))
        attempt = await self._store.move(attempt, step, self._clock.now())
        keep = {attempt.from_slot, attempt.to_slot}
        await asyncio.to_thread(self._slots.prune, keep)
        return attempt

    async def go_back(self, attempt: Attempt, problem: Problem) -> Attempt:
        """From APPLYING, CHECKING or ROLLING_BACK to the old version."""
        if attempt.state is not State.ROLLING_BACK:
            attempt = await self._move(attempt, State.ROLLING_BACK, problem)
        old = self._slots.open(attempt.from_slot)
        obstacle = await self._restore(attempt, old)
        if obstacle is not None:
            detail = (
                f"{attempt.reason.value}: {attempt.detail}; going back failed too:"
                f" {obstacle.detail}; running now: {self._running_version()}"
            )
            return await self._move(attempt, State.FAILED, Problem(Reason.ROLLBACK_FAILED, detail))
        step = Step(
            State.ROLLED_BACK,
            attempt.reason,
            attempt.detail,
            reported_version=str(old.manifest.version),
        )
        return await self._store.move(attempt, step, self._clock.now())

    async def _refusal(self, new: Slot, attempt: Attempt) -> Problem | None:
        """Why the version must not even be begun: changed files, or its own preflight says no."""
        try:
            await asyncio.to_thread(self._slots.verify, new)
        except BundleError as error:
            return Problem(Reason.BUNDLE_REFUSED, str(error))
        complaint = await self._run("preflight", new, attempt)
        return Problem(Reason.PREFLIGHT_FAILED, complaint) if complaint else None

    async def _replace(self, attempt: Attempt, new: Slot) -> Problem | None:
        old = self._slots.open(attempt.from_slot)
        try:
            await self._supervisor.stop(old.manifest.service)
        except Unavailable as error:
            return Problem(Reason.STOP_FAILED, error.message)
        complaint = await self._run("apply", new, attempt)
        if complaint:
            return Problem(Reason.APPLY_FAILED, complaint)
        await asyncio.to_thread(self._slots.switch, new)
        return await try_start(self._supervisor, new)

    async def _restore(self, attempt: Attempt, old: Slot) -> Problem | None:
        """The way back; the old version is started even when undoing the data failed."""
        new = self._slots.open(attempt.to_slot)
        await self._hooks.stop()
        try:
            await self._supervisor.stop(new.manifest.service)
        except Unavailable as error:
            return Problem(Reason.ROLLBACK_FAILED, error.message)
        complaint = await self._run("rollback", new, attempt)
        await asyncio.to_thread(self._slots.switch, old)
        problem = await try_start(self._supervisor, old)
        if problem is None:
            trial = Trial(old, str(attempt.from_version), attempt.attempt, soak_seconds=0)
            problem = await self._supervisor.judge(trial)
        if not complaint:
            return problem
        if problem is not None and self._supervisor.running() is None:
            await self._last_resort(new)
        return Problem(Reason.ROLLBACK_FAILED, complaint)

    async def _last_resort(self, new: Slot) -> None:
        """The data stayed in the new form and the old version cannot live with it: run the new one.

        Only where undoing failed; where it succeeded, the new version would find old data.
        """
        await asyncio.to_thread(self._slots.switch, new)
        await try_start(self._supervisor, new)

    async def _run(self, hook: str, slot: Slot, attempt: Attempt) -> str:
        return await self._hooks.run(hook, slot, str(attempt.from_version), attempt.attempt)

    async def _move(
        self, attempt: Attempt, state: State, problem: Problem | None = None
    ) -> Attempt:
        step = Step(state)
        if problem is not None:
            step = Step(state, problem.reason, problem.detail)
        return await self._store.move(attempt, step, self._clock.now())

    def _running_version(self) -> str:
        name = self._supervisor.running()
        try:
            return str(self._slots.open(name).manifest.version) if name else "none"
        except FederationError:
            return "unknown"
