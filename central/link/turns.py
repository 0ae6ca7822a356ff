"""Calls of nodes beside their stream: so many at once, few of one node, and none that stands still.

Owns who may begin such a call and who is sent away. Rules: one node, whatever it does with its
certificate, takes places from itself alone; a call in which nothing moves ends, so that neither a
reader that never reads nor a writer that never writes keeps a place. Leaves out what is called.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from lpse.federation.errors import FederationError, Unavailable
from lpse.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Places:
    """How many calls at once, how many of one node, and for how long one may stand still."""

    calls_max: int
    per_node_max: int
    idle_seconds: float


class Turn:
    """One call; `moved` says that it goes on."""

    def __init__(self) -> None:
        self.moves = 0
        self.ended = False

    def moved(self) -> None:
        """A piece came, went out, or was reckoned."""
        self.moves += 1


class Turns:
    """See the module's first lines; `busy` is what a node without a place is told."""

    def __init__(self, clock: Clock, places: Places, busy: Callable[[], FederationError]) -> None:
        self._clock = clock
        self._places = places
        self._busy = busy
        self._held: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, node_id: str) -> AsyncIterator[Turn]:
        """A place for one call of this node; raises `busy` where there is none."""
        places = self._places
        if self._held[node_id] >= places.per_node_max or self._held.total() >= places.calls_max:
            raise self._busy()
        caller = asyncio.current_task()
        assert caller is not None, "a call is a task"
        turn = Turn()
        self._held[node_id] += 1
        watch = asyncio.create_task(self._watch(turn, caller))
        try:
            yield turn
        except asyncio.CancelledError:
            if turn.ended and caller.uncancel() == 0:
                raise _stood_still() from None
            raise
        finally:
            watch.cancel()
            self._held[node_id] -= 1
            if not self._held[node_id]:
                del self._held[node_id]

    async def _watch(self, turn: Turn, caller: asyncio.Task[Any]) -> None:
        while True:
            before = turn.moves
            await self._clock.sleep(self._places.idle_seconds)
            if turn.moves == before:
                turn.ended = True
                caller.cancel()
                return


def _stood_still() -> Unavailable:
    return Unavailable("FED-2299", "nothing moved in this call, so it was ended")
