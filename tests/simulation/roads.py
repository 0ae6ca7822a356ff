"""The roads between machines: delay, width, cuts, and a hand that may change a frame.

Owns one `Road` per pair of machines and what it does to messages under way. Rules: one direction
of a road keeps its order, as TCP does; a message on a cut road waits, and a call that waits longer
than the keepalive breaks on both sides; nothing is lost without a broken call. Leaves out calls and
their meaning (`rpc`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Final, Protocol
from zlib import crc32

from lpse.federation.limits import KEEPALIVE_MILLISECONDS, KEEPALIVE_TIMEOUT_MILLISECONDS
from tests.simulation.kernel import Life, SimLoop

BREAK_SECONDS: Final = (KEEPALIVE_MILLISECONDS + KEEPALIVE_TIMEOUT_MILLISECONDS) / 1000
Tap = Callable[[str, bytes], bytes]  # "client" or "server" wrote this; what arrives instead
Meddler = Callable[[str, str, bytes], list[bytes]]  # method, writer, frame; what arrives instead


class Breakable(Protocol):
    """Something on a road that ends when the road does: a call."""

    lives: tuple[Life, Life]

    def break_off(self) -> None:
        """Both sides find the connection gone."""


class Road:
    """The way between two machines."""

    def __init__(self, ends: tuple[str, str], chance: random.Random) -> None:
        self.ends = ends
        self.up = True
        self.delay = 0.0  # seconds one way
        self.jitter = 0.0  # at most so many seconds more
        self.bytes_per_second = 0.0  # 0: as wide as wanted
        self.tap: Tap | None = None
        self.meddler: Meddler | None = None  # a fault's hand, after the tap has seen the frame
        self.cuts = 0
        self.calls: dict[int, Breakable] = {}
        self.chance = chance
        self.free_at = {True: 0.0, False: 0.0}  # by direction: away from the client or towards it
        self.held: list[Callable[[], None]] = []

    def arrival(self, now: float, size: int, *, outward: bool) -> float:
        """When a message of this size, sent now, is there."""
        begin = max(now, self.free_at[outward])
        if self.bytes_per_second:
            begin += size / self.bytes_per_second
        self.free_at[outward] = begin
        if not self.delay:
            return begin
        more = self.chance.random() * self.jitter if self.jitter else 0.0
        there = begin + self.delay + more
        self.free_at[outward] = there - self.delay  # nothing overtakes what is late
        return there


class Roads:
    """Every road of the world."""

    def __init__(self, loop: SimLoop, seed: int) -> None:
        self.loop = loop
        self._seed = seed
        self._roads: dict[tuple[str, str], Road] = {}
        self.bytes_carried = 0

    def between(self, one: str, other: str) -> Road:
        """The road of two machines; made when first asked for."""
        ends = (one, other) if one <= other else (other, one)
        road = self._roads.get(ends)
        if road is None:
            chance = random.Random(f"road {self._seed} {ends}")
            road = self._roads[ends] = Road(ends, chance)
        return road

    def carry(
        self, road: Road, life: Life, size: int, arrive: Callable[[], None], *, outward: bool
    ) -> None:
        """Have `arrive` called in the receiver's life when the message is there."""
        self.bytes_carried += size
        if not road.up:
            road.held.append(lambda: self.carry(road, life, size, arrive, outward=outward))
            return
        when = road.arrival(self.loop.time(), size, outward=outward)
        if when <= self.loop.time():
            self.loop.call_soon(arrive, context=life.context)
            return
        self.loop.call_exact(when, arrive, life=life)

    def told(self, road: Road, words: str, data: bytes) -> None:
        """A frame was delivered."""
        self.loop.trace.event(self.loop.time(), "frame", f"{words} {len(data)} {crc32(data):08x}")

    def cut(self, roads: Iterable[Road]) -> None:
        """Nothing passes from now on; who waits too long gives up."""
        for road in roads:
            if road.up:
                road.up = False
                road.cuts += 1
                self.loop.trace.event(self.loop.time(), "cut", "-".join(road.ends))
                when = self.loop.time() + BREAK_SECONDS
                self.loop.call_exact(when, self._give_up, road, road.cuts, life=self.loop.world)

    def heal(self, roads: Iterable[Road]) -> None:
        """What waited goes on."""
        for road in roads:
            if not road.up:
                road.up = True
                self.loop.trace.event(self.loop.time(), "heal", "-".join(road.ends))
                held, road.held = road.held, []
                for carry in held:
                    carry()

    def reset(self, roads: Iterable[Road]) -> None:
        """Every connection on these roads breaks at once; new ones may be made."""
        for road in roads:
            for number in sorted(road.calls):
                call = road.calls.get(number)
                if call is not None:
                    call.break_off()

    def ended(self, life: Life) -> None:
        """A program died: the other side of each of its calls finds the connection gone."""
        for ends in sorted(self._roads):
            road = self._roads[ends]
            for number in sorted(road.calls):
                call = road.calls.get(number)
                if call is not None and life in call.lives:
                    call.break_off()

    def all(self) -> list[Road]:
        """In the order of their ends."""
        return [self._roads[ends] for ends in sorted(self._roads)]

    def _give_up(self, road: Road, cuts: int) -> None:
        if not road.up and road.cuts == cuts:
            road.held.clear()
            self.reset([road])
