"""How many hellos are judged at one time, and when the nodes without a place come back.

Owns the places, the pace and the appointments. Rules: never more inside than can be answered long
before a node gives up; whoever finds no place gets a moment of its own, spread at the pace at which
hellos were lately judged; who keeps its appointment goes before newcomers, for whom some places
stay shut, so nobody is sent away for ever; one node cannot take every place (Invariant 12). State
is bounded: one appointment per node, forgotten soon after its moment. Leaves out what hellos say.
"""

from __future__ import annotations

from collections import Counter, OrderedDict

from lpse.federation.errors import Unavailable
from lpse.federation.limits import (
    LINK_APPOINTMENT_SECONDS,
    LINK_HELLO_ANSWER_SECONDS,
    LINK_HELLO_RETRY_SECONDS,
    LINK_HELLOS_KEPT_SHARE,
    LINK_HELLOS_MAX,
    LINK_HELLOS_MIN,
    LINK_HELLOS_PER_NODE_MAX,
    RETRY_AFTER_SECONDS_MAX,
)
from lpse.runtime.clock import Clock, Entropy

# Seconds between two judged hellos before any was measured: careful with places, bold with moments.
_GAP_OF_PLACES_FIRST = 0.1
_GAP_OF_MOMENTS_FIRST = 0.004
_GAP_WEIGHT = 0.05
_GAP_MAX = 1.0
_MEASURED_MIN = 20
# Shares of the kept places that stay shut: to a newcomer, to who comes when told, to who does so
# for the second time.
_NEW, _KEPT, _AGAIN = 2, 1, 0


class TooMany(Unavailable):
    """No place now; `retry_after_seconds` is this node's own moment."""

    def __init__(self, seconds: float) -> None:
        super().__init__("FED-2210", "too many nodes say hello at once")
        self.retry_after_seconds = round(min(seconds, RETRY_AFTER_SECONDS_MAX), 3)


class Doors:
    """Places for hellos, from the first frame of a stream to its answer."""

    def __init__(self, clock: Clock, entropy: Entropy, places: int = LINK_HELLOS_MAX) -> None:
        self._clock = clock
        self._entropy = entropy
        self._places = places
        self._streams: Counter[str] = Counter()  # open and without an answer, per node
        self._inside = 0
        self._gap = _GAP_OF_PLACES_FIRST
        self._measured = 0
        self._left = clock.monotonic()
        self._next_new = 0.0  # monotonic: the last moment that was given to a newcomer
        self._next_kept = 0.0  # the same for those who came when they were told, and found no place
        self._appointments: OrderedDict[str, float] = OrderedDict()
        self._again: set[str] = set()  # of these, who found no place at their moment

    @property
    def inside(self) -> int:
        """Hellos being judged now."""
        return self._inside

    @property
    def appointed(self) -> int:
        """Nodes that were told when to come back."""
        return len(self._appointments)

    # --- streams ---

    def arrive(self, node_id: str) -> None:
        """A stream begins; TooMany where this node has too many that wait for an answer."""
        if self._streams[node_id] >= LINK_HELLOS_PER_NODE_MAX:
            raise TooMany(self._entropy.uniform(0.0, LINK_HELLO_RETRY_SECONDS))
        self._streams[node_id] += 1

    def depart(self, node_id: str) -> None:
        """The stream was answered, or has ended."""
        self._streams[node_id] -= 1
        if not self._streams[node_id]:
            del self._streams[node_id]

    # --- places ---

    def enter(self, node_id: str) -> None:
        """Take a place; TooMany with the node's own moment where there is none."""
        now = self._clock.monotonic()
        self._forget(now)
        kept = node_id in self._again or self._appointments.get(node_id, now + 1) <= now
        rank = _AGAIN if node_id in self._again else _KEPT if kept else _NEW
        if self._inside >= self._room(rank):
            raise TooMany(
                self._appoint_again(node_id, now) if kept else self._appoint(node_id, now)
            )
        self._appointments.pop(node_id, None)
        self._again.discard(node_id)
        if not self._inside:
            self._left = now  # an idle centre learns nothing from the pause
        self._inside += 1

    def leave(self) -> None:
        """Give the place back, and learn the pace."""
        self._inside -= 1
        now = self._clock.monotonic()
        gap, self._left = min(now - self._left, _GAP_MAX), now
        self._measured += 1
        weight = max(_GAP_WEIGHT, 1 / self._measured)  # what was measured first replaces the guess
        self._gap += weight * (gap - self._gap)

    def _room(self, rank: int) -> int:
        answerable = round(LINK_HELLO_ANSWER_SECONDS / max(self._gap, 1e-6))
        room = min(self._places, max(LINK_HELLOS_MIN, answerable))
        return room - round(room * LINK_HELLOS_KEPT_SHARE * rank)

    def _appoint(self, node_id: str, now: float) -> float:
        """The next free moment behind everybody who was appointed before; seconds from now."""
        moment = self._appointments.get(node_id)
        if moment is None:
            first = now + self._entropy.uniform(0.5, 1.0)
            moment = max(self._next_new, self._next_kept, first) + self._pace()
            self._next_new = self._appointments[node_id] = moment
        # A little later than the moment itself: who comes too early finds no place kept.
        return moment - now + self._entropy.uniform(0.0, 1.0)

    def _appoint_again(self, node_id: str, now: float) -> float:
        """It came when it was told, too early for the true pace: it stays before newcomers."""
        self._again.add(node_id)
        first = now + self._entropy.uniform(0.5, 1.0)
        self._next_kept = max(self._next_kept, first) + self._pace()
        self._appointments.pop(node_id)
        self._appointments[node_id] = self._next_kept  # it counts as kept: see `_again`
        return self._next_kept - now

    def _pace(self) -> float:
        return self._gap if self._measured >= _MEASURED_MIN else _GAP_OF_MOMENTS_FIRST

    def _forget(self, now: float) -> None:
        """Appointments that were not kept; the oldest come first."""
        while self._appointments:
            node_id, moment = next(iter(self._appointments.items()))
            if moment + LINK_APPOINTMENT_SECONDS > now:
                return
            del self._appointments[node_id]
            self._again.discard(node_id)
