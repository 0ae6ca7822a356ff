"""From the first frame to a Welcome that may be believed.

Owns the slim and the full hello, the fall-back from one to the other, and what a Welcome shows
about the own journal and the national one. Rules: a centre that shows neither a signed national
head nor its cosignature of the own head is told nothing more (FED-2245); slim is said only to a
centre that was of protocol 2 last time, and a final refusal of it is answered by the full hello of
the next attempt. Leaves out what the session does with it (`session`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from lpse.federation.checkpoints import Agreement, Cosignature, Head, verify_cosignature
from lpse.federation.errors import Denied, Refused, Unavailable
from lpse.federation.limits import LINK_WELCOME_SECONDS_MAX, PROTOCOL_MAX, PROTOCOL_MIN
from lpse.federation.v1 import link_pb2 as wire
from regional_node.link import frames
from regional_node.link.ports import Parts, Stream
from regional_node.link.store import Acknowledged

_SLIM_MIN = 2


@dataclass(frozen=True, slots=True)
class Opening:
    """What both sides have shown each other, verified."""

    welcome: wire.Welcome
    own: Head  # as said in the hello
    stored: Head | None  # what the centre holds of the present epoch
    national: Head  # the centre's
    agreement: Agreement  # what that says about the copy here
    acked: Head | None  # what the centre had acknowledged before it showed anything


async def open_session(parts: Parts, stream: Stream, before: frames.Before) -> Opening:
    """Say hello and read the answer; raises where no session comes of it."""
    said = frames.Said(parts.journal.head, parts.national.head)
    acked = parts.state.row.stored_head
    slim = parts.state.row.protocol >= _SLIM_MIN and bool(parts.state.row.token_number)
    welcome = await _exchange(parts, stream, before, said, slim=slim)
    if not PROTOCOL_MIN <= welcome.protocol <= PROTOCOL_MAX:
        raise Refused(
            "FED-2208",
            f"the centre chose protocol {welcome.protocol}; this node speaks {PROTOCOL_MIN} to"
            f" {PROTOCOL_MAX}",
            remedy="upgrade the older side",
        )
    national = _national_head(parts, welcome, said)
    stored = await _stored_head(parts, welcome, said)
    if parts.state.row.protocol != welcome.protocol:
        await parts.state.keep_protocol(welcome.protocol)
    agreement = await parts.national.agreement(national)
    return Opening(welcome, said.own, stored, national, agreement, acked)


async def _exchange(
    parts: Parts, stream: Stream, before: frames.Before, said: frames.Said, *, slim: bool
) -> wire.Welcome:
    await _say(parts, stream, before, said, slim=slim)
    frame = await _answer(stream)
    full = not slim
    if slim and frame.WhichOneof("frame") == "heads_wanted":
        full = True
        await _say(parts, stream, before, said, slim=False)
        frame = await _answer(stream)
    if frame.WhichOneof("frame") == "refusal":
        error = frames.refused(frame.refusal)
        if not full and isinstance(error, Denied):
            # An older centre, or one that lost what it knew: say everything next time.
            await parts.state.keep_protocol(PROTOCOL_MIN)
            raise frames.SessionPostponed(error.code, error.message) from error
        raise error
    if frame.WhichOneof("frame") != "welcome":
        raise Refused("FED-2204", "the first frame of the centre is a welcome")
    return frame.welcome


async def _say(
    parts: Parts, stream: Stream, before: frames.Before, said: frames.Said, *, slim: bool
) -> None:
    hello = frames.hello(parts, before, said)
    if slim:
        frames.slim(hello)
    await stream.write(wire.NodeFrame(hello=hello).SerializeToString())


async def _answer(stream: Stream) -> wire.CentralFrame:
    try:
        async with asyncio.timeout(LINK_WELCOME_SECONDS_MAX):
            data = await stream.read()
    except TimeoutError as error:
        raise Unavailable("FED-2211", "the centre did not answer the hello") from error
    if data is None:
        raise Unavailable("FED-2299", "the centre ended the stream before it answered")
    return frames.parse(data)


def _national_head(parts: Parts, welcome: wire.Welcome, said: frames.Said) -> Head:
    """The centre's head: shown and signed, or the one that was said, vouched for."""
    centre = parts.national.centre
    vouched = _is_short(welcome)
    if vouched:
        word = wire.Welcome.FromString(welcome.SerializeToString()).cosignature
        word.witness = centre.name
        verify_cosignature(said.own, Cosignature.of(word), centre)
    if welcome.HasField("national_head"):
        head = Head.of(welcome.national_head)
        head.verify(centre)
        return head
    if not vouched or said.national is None:
        raise Refused("FED-2245", "the centre showed neither a signed head nor its cosignature")
    return said.national


def _is_short(welcome: wire.Welcome) -> bool:
    """Whether the centre left out what the hello had shown."""
    equal = welcome.relation == wire.HEAD_RELATION_IN_SYNC
    return equal and welcome.HasField("cosignature") and not welcome.HasField("stored_head")


async def _stored_head(parts: Parts, welcome: wire.Welcome, said: frames.Said) -> Head | None:
    """What the centre holds of the present epoch, shown to be ours; None for nothing."""
    if _is_short(welcome):
        head = said.own
    elif welcome.HasField("stored_head"):
        head = Head.of(welcome.stored_head)
        head.verify(parts.journal.verifier)
        if head.epoch != said.own.epoch:
            raise Refused("FED-2226", "the centre named a head of another epoch")
        if welcome.HasField("quarantine") or head.size > parts.journal.head.size:
            return head
    else:
        return None
    await parts.state.take_ack(Acknowledged(head, welcome.applied_size, (), None))
    return head
