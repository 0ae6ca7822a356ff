"""The link that never gives up: attempts, waits, sessions, and the reasons for all of them.

Owns when the node says hello. Rules: reconnecting uses full jitter and wakes early on a hint; every
attempt is remembered with its wait and its cause; an error that only a person can mend slows the
attempts down and never ends them; a pause outlives restarts. Nothing that happens here reaches the
intake (Invariant 4). Leaves out the frames (`session`).
"""

from __future__ import annotations

import asyncio

from lpse.federation.errors import FederationError, Unavailable
from lpse.federation.limits import RECONNECT_SECONDS_FIRST, RECONNECT_SECONDS_MAX
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.logs import origin_of
from lpse.runtime.retries import reconnecting
from regional_node.link.frames import Before
from regional_node.link.ports import Connect, Parts
from regional_node.link.rules import choose_trigger
from regional_node.link.session import NodeSession
from regional_node.link.store import Attempt

DEMAND = records.RECONCILIATION_TRIGGER_DEMAND


class LinkWorker:
    """See the module's first lines; `run` goes on until cancelled or stopped."""

    def __init__(
        self,
        parts: Parts,
        connect: Connect,
        *,
        first_seconds: float = RECONNECT_SECONDS_FIRST,
        max_seconds: float = RECONNECT_SECONDS_MAX,
    ) -> None:
        self._parts = parts
        self._connect = connect
        self._first_seconds = first_seconds
        self._max_seconds = max_seconds
        self._hint = asyncio.Event()
        self._resumed = asyncio.Event()
        self._session: NodeSession | None = None
        self._stopping = False
        self._demanded = False
        self._attempts = 0
        self._waited = 0.0
        self._cause = ""
        self._mark = parts.clock.monotonic()  # when the last attempt or session ended

    async def run(self) -> None:
        """Connect, serve, connect again."""
        while not self._stopping:
            if self._parts.state.row.pause_reason:
                await self._resumed.wait()
                self._resumed.clear()
                continue
            try:
                await self._connected()
            except FederationError as error:
                # Only a person can mend this; keep asking, rarely, and never end.
                self._parts.state.refused = True
                self._parts.log.error("link.refused", code=error.code, reason=error.message)
                await self._rest(self._parts.entropy.uniform(0.5, 1.0) * self._max_seconds)
            except Exception as error:
                # Our own bug must not end the link for good: say where, and try again.
                self._parts.state.cause = f"FED-1000 {type(error).__name__}"
                self._parts.log.error("link.failed", code="FED-1000", where=origin_of(error))
                await self._rest(self._parts.entropy.uniform(0.5, 1.0) * self._max_seconds)

    async def stop(self, reason: str = "stopping") -> None:
        """Say goodbye and let `run` end."""
        self._stopping = True
        self._resumed.set()
        self._hint.set()
        if self._session is not None:
            self._session.close(reason)

    # --- what an officer may ask ---

    async def pause(self, reason: str) -> None:
        """Close the link until it is resumed; uploads go on."""
        await self._parts.state.pause(reason)
        if self._session is not None:
            self._session.close("paused by an officer")

    async def resume(self) -> None:
        """Open the link at once."""
        await self._parts.state.resume()
        self._resumed.set()
        self._hint.set()

    def demand_run(self) -> bool:
        """Say hello again, at once if the link is up; the run follows the hello."""
        self._demanded = True
        self._hint.set()
        if self._session is None:
            return False
        self._session.close("reconciliation on demand")
        return True

    def hint(self) -> None:
        """The road may be free again: do not wait any longer."""
        self._hint.set()

    # --- attempts ---

    async def _connected(self) -> None:
        """Attempts until one session was welcomed and has ended."""
        retrying = reconnecting(
            self._parts.entropy,
            self._parts.clock,
            self._parts.log,
            first_seconds=self._first_seconds,
            max_seconds=self._max_seconds,
            hint=self._hint,
        )
        async for attempt in retrying:
            with attempt:
                if self._stopping or self._parts.state.row.pause_reason:
                    return
                session = await self._attempt()
        if not self._stopping:
            await self._pause_after(session)

    async def _attempt(self) -> NodeSession:
        """One session; raises unless it was welcomed."""
        parts = self._parts
        wait = max(0.0, parts.clock.monotonic() - self._mark)
        self._attempts += 1
        self._waited += wait
        begin = parts.clock.wall()
        outcome, cause = "connected", ""
        session: NodeSession | None = None
        try:
            before = self._before()
            session = self._session = NodeSession(parts, self._connect(), before)
            await session.run()
        except (FederationError, OSError) as error:
            outcome = error.code if isinstance(error, FederationError) else type(error).__name__
            cause = error.message if isinstance(error, FederationError) else outcome
            self._failed(outcome, cause)
            if session is None or not session.welcomed:
                raise
        finally:
            self._session = None
            self._mark = parts.clock.monotonic()
            welcomed = session is not None and session.welcomed
            told = "connected" if welcomed else outcome
            await parts.state.attempted(Attempt(begin, self._attempts, told, cause, wait))
        assert session is not None
        if before.trigger == DEMAND:
            self._demanded = False
        await self._ended(cause)
        return session

    def _before(self) -> Before:
        parts = self._parts
        row = parts.state.row
        now = parts.clock.wall()
        down = max(0.0, (now - row.end_time).total_seconds()) if row.end_time else 0.0
        stored = row.stored_head
        trigger = choose_trigger(
            demanded=self._demanded,
            ever_connected=row.ever_connected,
            new_epoch=stored is not None and stored.epoch != parts.journal.epoch,
        )
        return Before(trigger, self._attempts, self._waited, down, self._cause)

    def _failed(self, outcome: str, cause: str) -> None:
        self._cause = f"{outcome} {cause}" if cause != outcome else outcome
        self._parts.state.cause = self._cause
        self._parts.log.warning("link.lost", code=outcome, attempt=self._attempts)

    async def _ended(self, cause: str) -> None:
        """A welcomed session is over: count anew."""
        state = self._parts.state
        self._attempts, self._waited = 0, 0.0
        self._cause = self._cause if cause else ""
        state.cause, state.refused = self._cause, False
        state.since = self._parts.clock.wall()
        try:
            await state.alive(state.since)
        except Unavailable as error:
            self._parts.log.warning("link.not_remembered", code=error.code)

    async def _pause_after(self, session: NodeSession) -> None:
        """A lost session is followed by a short random wait, a drain by a longer one."""
        if self._demanded or self._parts.state.row.pause_reason:
            return
        if session.drain_seconds is not None:
            await self._rest(self._parts.entropy.uniform(0.0, session.drain_seconds))
        elif self._cause:
            await self._rest(self._parts.entropy.uniform(0.0, self._first_seconds))

    async def _rest(self, seconds: float) -> None:
        """Wait, but not against a hint."""
        sleep = asyncio.ensure_future(self._parts.clock.sleep(seconds))
        hint = asyncio.ensure_future(self._hint.wait())
        try:
            await asyncio.wait({sleep, hint}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            hint.cancel()
            await asyncio.gather(sleep, hint, return_exceptions=True)
            self._hint.clear()
