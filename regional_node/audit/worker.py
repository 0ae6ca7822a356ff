"""The nightly audit: proofs from the centre, objects on both sides, one run that tells it all.

Owns when an audit begins. Rules: it begins only while a sound session is open and everything own
is acknowledged, some random time after it is due, so that 700 nodes do not come at once; what it
finds is one run (trigger SCHEDULE, or DEMAND when a person asked), also when nothing differs;
intake, link and transfers never wait for it. Leaves out comparing and healing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import Conflict, FederationError
from lpse.federation.limits import (
    AUDIT_IDLE_SECONDS,
    AUDIT_RETRY_SECONDS,
    RECONCILIATION_ENTRIES_MAX,
)
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import Clock, Entropy
from lpse.storage.verify_store import Pass
from regional_node.audit.client import Connect, Traffic, open_calls
from regional_node.audit.comparing import Comparing
from regional_node.audit.proofs import CentreProofs
from regional_node.audit.rules import decide, sets_of
from regional_node.audit.store import AuditRun, AuditStore
from regional_node.audit.telling import proved, refused_entry, sound

T = records.ReconciliationTrigger
SCHEDULE = T.RECONCILIATION_TRIGGER_SCHEDULE
_PASSES_TOLD_MAX = 5
Passes = Callable[[], Awaitable[list[Pass]]]


class AuditWorker:
    """See the module's first lines."""

    def __init__(
        self,
        store: AuditStore,
        looks: tuple[Comparing, CentreProofs],
        road: tuple[Connect, Callable[[], bool]],
        time: tuple[Clock, Entropy, timedelta],
        log: FilteringBoundLogger,
        passes: Passes | None = None,
    ) -> None:
        """`road`: a channel to the centre, and whether a sound session is open.

        `passes`: journals that were read again, told with the next audit.
        """
        self._store = store
        self._comparing, self._proofs = looks
        self._connect, self._is_open = road
        self._clock, self._entropy, self._every = time
        self._log = log
        self._passes = passes
        self._turn = asyncio.Lock()
        self._due: datetime | None = None
        self.traffic = Traffic()  # of the last audit

    async def step(self, now: datetime) -> AuditRun | None:
        """One audit if it is due and possible."""
        if self._due is None:
            self._due = await self._first_due(now)
        if now < self._due or not self._is_open():
            return None
        self._due = now + timedelta(seconds=self._entropy.uniform(0.5, 1.0) * AUDIT_RETRY_SECONDS)
        try:
            told = await self.audit(SCHEDULE)
        except FederationError as error:
            self._log.warning("audit.postponed", code=error.code)
            if not error.may_retry:  # an older centre, for one: it will not know more in a minute
                self._due = now + self._every
            return None
        self._due = now + self._every
        return told

    async def run(self) -> None:
        """Audit for ever."""
        while True:
            await self.step(self._clock.wall())
            await self._clock.sleep(AUDIT_IDLE_SECONDS)

    async def audit(self, trigger: T.ValueType) -> AuditRun:
        """Compare now; Conflict (FED-7080) where no sound session is open."""
        if not self._is_open():
            raise Conflict(
                "FED-7080",
                "there is no sound session with the centre",
                remedy="wait for the link, then ask again",
            )
        async with self._turn:
            begin = self._clock.wall()
            async with open_calls(self._connect) as calls:
                self.traffic = calls.traffic
                shown, refused = await self._proofs.ask(calls)
                compared = await self._comparing.compare(calls)
            entries = await self._read_again()
            entries += [proved(shown)] if shown else []
            entries += [refused_entry(one) for one in refused]
            entries += decide(compared, RECONCILIATION_ENTRIES_MAX - len(entries))
            healed = sum(1 for one in compared.looks if one.healed)
            found = len(compared.looks) + compared.left + len(refused)
            row = AuditRun(begin, self._clock.wall(), compared.objects, found, healed, "")
            told = await self._store.record(trigger, entries, sets_of(compared), row)
        self._log.info(
            "audit.done",
            objects=told.objects,
            differences=told.differences,
            healed=told.healed,
            calls=self.traffic.calls,
            payload_bytes=self.traffic.payload_bytes,
        )
        return told

    async def _read_again(self) -> list[records.ReconciliationEntry]:
        """Journals that were found sound since the last audit."""
        if self._passes is None:
            return []
        newest = await self._store.newest()
        ended = [
            one
            for one in await self._passes()
            if one.end_time is not None
            and not one.found
            and (newest is None or one.end_time > newest.begin_time)
        ]
        return [sound(one) for one in ended[-_PASSES_TOLD_MAX:]]

    async def _first_due(self, now: datetime) -> datetime:
        """A random moment of the first span for a node that never audited; else one span later."""
        newest = await self._store.newest()
        if newest is not None:
            return newest.begin_time + self._every
        return now + self._every * self._entropy.uniform(0.0, 1.0)
