"""Measures this node's own outages, and takes declared ones from the desired state.

Owns two steps: `OutageWorker.step` looks at both facts and journals the start and the end of what
it saw; `DirectiveWorker.step` applies new revisions of declarations, also those that were written
while the node was away. Rule: an outage that was open when the node stopped goes on. Leaves out
holds and proposals (`regional_node.schedule`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import structlog

from lpse.federation.errors import Unavailable
from lpse.runtime.clock import Clock
from regional_node.outages import rules
from regional_node.outages.ports import AwayBelow, FactProbe, NationalView
from regional_node.outages.rules import Kind, ProbeEvent, ProbeState
from regional_node.outages.store import OutageStore

_LOG: Final = structlog.get_logger("lpse.node.outages")


class OutageWorker:
    """See the module's first lines; `probe_seconds` is real time, spans are legal time."""

    def __init__(
        self,
        store: OutageStore,
        probes: Mapping[Kind, FactProbe],
        clock: Clock,
        *,
        probe_seconds: float = 30.0,
        failures_min: int = 3,
    ) -> None:
        self._store = store
        self._probes = dict(probes)
        self._clock = clock
        self._probe_seconds = probe_seconds
        self._failures_min = failures_min
        self._states: dict[Kind, ProbeState] | None = None

    async def step(self, now: datetime) -> None:
        """Look once at every fact."""
        if self._states is None:
            opened = await self._store.open_states()
            self._states = {kind: opened.get(kind, ProbeState()) for kind in self._probes}
        for kind, probe in self._probes.items():
            answer = await probe.look()
            state, event = rules.after_probe(self._states[kind], answer, now, self._failures_min)
            self._states[kind] = await self._follow(kind, state, event, now)

    def look_again(self) -> None:
        """Rows came back: what is open is read from them before the next look."""
        self._states = None

    async def run(self) -> None:
        """Look for ever; a full disk is waited out."""
        while True:
            try:
                await self.step(self._clock.now())
            except Unavailable as error:
                _LOG.warning("outage.not_recorded", error_code=error.code)
            await self._clock.sleep(self._probe_seconds)

    async def _follow(
        self, kind: Kind, state: ProbeState, event: ProbeEvent, now: datetime
    ) -> ProbeState:
        match event:
            case ProbeEvent.NOTHING:
                return state
            case ProbeEvent.STARTED:
                started = await self._store.start(kind, state)
                _LOG.warning("outage.started", fact=kind.value, outage=started.open_number)
                return started
            case ProbeEvent.ENDED:
                assert state.open_number is not None
                await self._store.end(state.open_number, state, now)
                _LOG.info("outage.ended", fact=kind.value, outage=state.open_number)
                return ProbeState()


class DirectiveWorker:
    """Applies declarations; cheap when the desired state did not move."""

    def __init__(self, store: OutageStore, national: NationalView, away_below: AwayBelow) -> None:
        self._store = store
        self._national = national
        self._away_below = away_below
        self._seen = -1

    async def step(self, now: datetime) -> int:
        """Apply what is new; how many revisions were."""
        desired = self._national.state
        if desired.size == self._seen:
            return 0
        applied = await self._store.apply_declared(
            desired.outages,
            desired.elsewhere,
            away_below=self._away_below(),
            now=now,
        )
        self._seen = desired.size
        if applied:
            _LOG.info("outage.applied", revisions=applied, national_size=desired.size)
        return applied
