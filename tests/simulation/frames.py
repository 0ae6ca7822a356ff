"""Hands that change what travels on a road: broken, doubled, swapped frames, and older peers.

Owns the meddlers of the link's stream and of calls. Rules: what a meddler does follows from the
road's own dice; it says which frames arrive instead of one, so none is changed in place; only the
link's stream is doubled and swapped, as a resent or late frame of a broken transport would be.
Leaves out delays and cuts, which are the road's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from lpse.federation.v1 import link_pb2 as link

if TYPE_CHECKING:
    from tests.simulation.plan import Event
    from tests.simulation.runs import Run

# method, "client" or "server" wrote it, the frame -> the frames that arrive instead
Meddler = Callable[[str, str, bytes], list[bytes]]
_STREAM: Final = "/Connect"


def malformed(run: Run, event: Event) -> Meddler:
    """One frame in `one_in` arrives cut short or as rubbish."""
    chance, one_in = run.chance, event.number("one_in", 20.0)

    def meddle(method: str, side: str, data: bytes) -> list[bytes]:
        if not data or chance.random() * one_in >= 1.0:
            return [data]
        if chance.random() < 0.5:
            return [data[: chance.randrange(len(data))]]
        return [chance.randbytes(min(len(data), 64))]

    return meddle


def duplicated(run: Run, event: Event) -> Meddler:
    """One frame of the stream in `one_in` arrives twice."""
    chance, one_in = run.chance, event.number("one_in", 4.0)

    def meddle(method: str, side: str, data: bytes) -> list[bytes]:
        twice = method.endswith(_STREAM) and chance.random() * one_in < 1.0
        return [data, data] if twice else [data]

    return meddle


def reordered(run: Run, event: Event) -> Meddler:
    """One frame of the stream in `one_in` arrives after the one that was written after it."""
    chance, one_in = run.chance, event.number("one_in", 10.0)
    late: dict[str, bytes] = {}

    def meddle(method: str, side: str, data: bytes) -> list[bytes]:
        if not method.endswith(_STREAM):
            return [data]
        if side in late:
            return [data, late.pop(side)]
        if chance.random() * one_in < 1.0:
            late[side] = data
            return []
        return [data]

    return meddle


def older_peer(run: Run, event: Event) -> Meddler:
    """The node says that it speaks nothing newer than protocol 1, as the release before does."""

    def meddle(method: str, side: str, data: bytes) -> list[bytes]:
        if side != "client" or not method.endswith(_STREAM):
            return [data]
        frame = link.NodeFrame.FromString(data)
        if frame.WhichOneof("frame") == "hello":
            frame.hello.protocol_max = 1
        return [frame.SerializeToString(deterministic=True)]

    return meddle
