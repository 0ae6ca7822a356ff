"""The wave engine: opens the next wave, halts, completes.

Owns `step` and its loop. Rules: everything is derived from rows and reports each time, so a restart
changes nothing; a halt is published before anything else happens to the rollout; one rollout that
fails to move does not keep the others waiting (Invariant 10). Leaves out the decision (`rules`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from structlog.typing import FilteringBoundLogger

from central.rollouts.rules import Act, Decision, State, decide
from central.rollouts.store import RolloutStore
from central.rollouts.view import View, Viewer
from lpse.federation.errors import FederationError
from lpse.federation.v1.directives_pb2 import RolloutStateChanged
from lpse.runtime.clock import Clock

STEP_SECONDS: Final = 0.5


class RolloutWorker:
    """See the module's first lines; `now` is wall time, for silence is measured in real hours."""

    def __init__(
        self, store: RolloutStore, viewer: Viewer, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self._store = store
        self._viewer = viewer
        self._clock = clock
        self._log = log

    async def step(self, now: datetime) -> int:
        """Do the next thing in every open rollout; how many of them moved."""
        moved = 0
        for name in await self._store.open_names():
            try:
                moved += await self._advance(name, now)
            except FederationError as error:
                self._log.warning("rollout.postponed", rollout=name, code=error.code)
        return moved

    async def run(self) -> None:
        """Step for ever."""
        while True:
            try:
                await self.step(self._clock.wall())
            except FederationError as error:
                self._log.warning("rollout.step_failed", code=error.code)
            await self._clock.sleep(STEP_SECONDS)

    async def _advance(self, name: str, now: datetime) -> bool:
        view = await self._viewer.view(name, now)
        decision = decide(view.situation)
        if decision.act is Act.REST:
            return False
        if decision.act is Act.OPEN_WAVE:
            await self._store.open_wave(name, len(view.stored.open_times), now)
        else:
            await self._end(view, decision, now)
        self._log.info("rollout.moved", rollout=name, act=decision.act.value)
        return True

    async def _end(self, view: View, decision: Decision, now: datetime) -> None:
        state = State.HALTED if decision.act is Act.HALT else State.COMPLETED
        change = RolloutStateChanged(
            rollout=view.stored.name, state=state.number, reason=decision.reason
        )
        await self._store.change_state(view.stored.name, change, now)
