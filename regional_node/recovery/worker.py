"""Watches the link and takes a recovery from its first sign to the run that tells of it.

Owns when a step is due. Rules: while the centre keeps entries back, it is asked what to do, and
that is done; once in a session it is asked what it holds of ended epochs; while a cause is noted,
lost entries come back, whatever restarts lie between. A failure is tried again after a pause;
uploads are taken all the while (Invariant 4). Leaves out the steps (`engine`).
"""

from __future__ import annotations

from datetime import datetime

from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    RECONCILIATION_ENTRIES_MAX,
    RECOVERY_BLOBS_PER_STEP,
    RECOVERY_LOOK_SECONDS,
    RECOVERY_RETRY_SECONDS,
)
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1 import recovery_pb2 as wire
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Transaction
from lpse.storage.journal import Journal
from regional_node.link.state import LinkState, Session
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.recovery.client import Listed
from regional_node.recovery.engine import Engine
from regional_node.recovery.ports import Rebuilding, Suspect
from regional_node.recovery.store import CENTRE_LOST, RecoveryStore
from regional_node.recovery.telling import entries_of

A = wire.RecoveryAdvice


class RecoveryWorker:
    """See the module's first lines; `step` does what is due, `run` goes on for ever."""

    def __init__(
        self,
        link: LinkState,
        journal: Journal,
        parts: tuple[RecoveryStore, Engine, DecidedRuns],
        areas: tuple[Rebuilding, Suspect],
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._link = link
        self._journal = journal
        self._store, self._engine, self._runs = parts
        self._rebuilding, self._suspect = areas
        self._clock = clock
        self._log = log
        self._left: Session | None = None  # the session that a turn ends
        self._met: Session | None = None  # the newest session, though it may have ended
        self._looked: Session | None = None  # the session whose ended epochs were compared
        link.on_session(self._meet)

    async def step(self, now: datetime) -> float:
        """Do what is due; the seconds until the next look."""
        try:
            return await self._step()
        except FederationError as error:
            self._log.warning("recovery.postponed", code=error.code)
            return error.retry_after_seconds or RECOVERY_RETRY_SECONDS

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            wait = await self.step(self._clock.wall())
            await self._clock.sleep(wait)

    async def _step(self) -> float:
        if await self._engine.rebuild():
            return 0.0
        if await self._engine.look_at_blobs(self._suspect, RECOVERY_BLOBS_PER_STEP):
            return 0.0
        session = self._link.session
        if session is None:
            await self._look_after()
            return RECOVERY_LOOK_SECONDS
        if session is self._left:
            return RECOVERY_LOOK_SECONDS  # it said hello in the epoch that was left
        if session.quarantine_code:
            return await self._advised(session)
        state = await self._store.state()
        if state.cause:
            await self._come_back()
        elif state.advice:  # the quarantine ended another way: released by a person
            await self._store.database.write(self._store.done_in)
        elif session is not self._looked:
            await self._give_back(session)
        return RECOVERY_LOOK_SECONDS

    def _meet(self) -> None:
        self._met = self._link.session

    async def _look_after(self) -> None:
        """A session that ended at once was refused, perhaps for an epoch that the centre lost."""
        met, self._met = self._met, None
        if met is None or met is self._looked or met.quarantine_code:
            return
        if not (await self._store.state()).cause:
            await self._give_back(met)

    async def _give_back(self, session: Session) -> None:
        """What a restored centre lost of an ended epoch goes in again, in a new epoch.

        The link sends the present epoch only; an entry that got over once is not sent twice.
        """
        ended = await self._engine.ended()
        listed = await self._engine.listed() if ended else []
        if listed and listed[-1].head.epoch != self._journal.epoch:
            if await self._engine.unfounded(listed):
                await self._turn(session, listed)
            return  # the centre has not met the present epoch yet: look again
        if ended and not listed:
            return  # it lost every epoch; the present one begins there first
        sizes = {one.head.epoch: one.head.size for one in listed}
        shorter = any(sizes.get(epoch, 0) < size for epoch, size in ended.items())
        if shorter and await self._engine.lost_there(await self._engine.agreed(listed)):
            await self._turn(session, listed)
        self._looked = session

    async def _turn(self, session: Session, listed: list[Listed]) -> None:
        await self._engine.turn(listed, await self._engine.agreed(listed), CENTRE_LOST)
        self._left = self._looked = session

    async def _advised(self, session: Session) -> float:
        listed = await self._engine.listed()
        agreed = await self._engine.agreed(listed)
        heads = await self._engine.shown(agreed)
        said = await self._engine.advice(heads)
        if said.advice == A.RECOVERY_ADVICE_OFFER:
            await self._engine.offer(heads[-1], agreed)
            said = await self._engine.advice(heads)
        if said.advice == A.RECOVERY_ADVICE_RECOVER:
            await self._engine.turn(listed, agreed)
            self._left = session
            return RECOVERY_LOOK_SECONDS
        if said.advice == A.RECOVERY_ADVICE_REIMPORT:
            sizes = {epoch: (one.prefix, one.centre) for epoch, one in agreed.items()}
            await self._store.keep_agreed(sizes)
        return RECOVERY_RETRY_SECONDS

    async def _come_back(self) -> None:
        listed = await self._engine.listed()
        if await self._engine.read_back(listed) or await self._store.rebuilds():
            return  # the tables follow first
        state = await self._store.state()
        # The present epoch is whole here; what came back ended before it.
        before = [one for one in listed if one.head.epoch != self._journal.epoch]
        for one in before:
            if one.cosignature is not None:
                await self._link.store.keep_cosigned(one.head, one.cosignature)
        await self._store.database.write(lambda tx: self._finish_in(tx, before))
        self._rebuilding.restored()
        self._log.warning("recovery.finished", cause=state.cause, returned=state.returned)

    def _finish_in(self, tx: Transaction, before: list[Listed]) -> None:
        state = self._store.state_in(tx)
        if before:
            entries = entries_of(state, self._journal.head, before[-1].head)
            entries += self._rebuilding.told_in(tx)[: RECONCILIATION_ENTRIES_MAX - len(entries)]
            if entries:
                trigger = records.RECONCILIATION_TRIGGER_RESTORE
                self._runs.decided_in(tx, trigger, entries)
        self._store.done_in(tx)
