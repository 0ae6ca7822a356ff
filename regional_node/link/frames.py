"""The frames that a node sends first, and what it reads out of the centre's.

Owns the content of hello and heartbeat, and the errors that refusals stand for. Rule: a text of the
other side is cut to a limit before it is shown or kept. Leaves out the order of frames (`session`).
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from lpse.federation.checkpoints import Head
from lpse.federation.entries import timestamp
from lpse.federation.errors import Denied, FederationError, Refused, Unavailable
from lpse.federation.limits import (
    LINK_FRAME_BYTES_MAX,
    LINK_TEXT_CHARACTERS_MAX,
    PROTOCOL_MAX,
    PROTOCOL_MIN,
)
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from regional_node.link.ports import Parts


class SessionRefused(Denied):
    """The centre refused, and only a person can change that; the node keeps asking, rarely."""


class SessionPostponed(Unavailable):
    """The centre refused for now."""


@dataclass(frozen=True, slots=True)
class Before:
    """What the worker knows about the time before this session."""

    trigger: records.ReconciliationTrigger.ValueType
    attempts: int
    wait_seconds: float
    link_down_seconds: float
    cause: str


@dataclass(frozen=True, slots=True)
class Said:
    """The heads that a hello tells, slim or full."""

    own: Head
    national: Head | None


def hello(parts: Parts, before: Before, said_heads: Said) -> wire.Hello:
    """Hashes and heads only."""
    row = parts.state.row
    _, version = parts.service.service()
    said = wire.Hello(
        node_id=parts.journal.party,
        boot_id=parts.settings.boot_id,
        protocol_min=PROTOCOL_MIN,
        protocol_max=PROTOCOL_MAX,
        own_head=said_heads.own.message(),
        software_version=parts.settings.software_version,
        service_version=version,
        queue_entries=parts.state.queue_entries,
        queue_bytes=parts.blobs.queue_bytes(),
        clock_time=timestamp(parts.clock.wall()),
        attempts=before.attempts,
        link_down_seconds=before.link_down_seconds,
        exercise=parts.settings.exercise,
    )
    if said_heads.national is not None:
        said.national_head.CopyFrom(said_heads.national.message())
    if row.token_number:
        said.token.number, said.token.value = row.token_number, row.token_value
    return said


def slim(said: wire.Hello) -> None:
    """Leave out what the certificate tells, and signatures that equality does not need."""
    said.ClearField("node_id")
    for head in (said.own_head, said.national_head):
        head.ClearField("party")
        head.ClearField("signature")
    if not said.national_head.epoch:
        said.ClearField("national_head")


def heartbeat(parts: Parts, number: int) -> wire.Heartbeat:
    """The two facts of the node, and what waits."""
    state, version = parts.service.service()
    return wire.Heartbeat(
        service=state,
        service_version=version,
        own_head=parts.journal.head.message(),
        queue_entries=parts.state.queue_entries,
        queue_bytes=parts.blobs.queue_bytes(),
        clock_time=timestamp(parts.clock.wall()),
        number=number,
        free_bytes=parts.free_bytes(),
        ballast_given_up=parts.disk.given_up(),
        damaged_blobs=parts.disk.damaged(),
    )


def parse(data: bytes) -> wire.CentralFrame:
    """A frame of the centre; Refused where it is malformed or too large."""
    if len(data) > LINK_FRAME_BYTES_MAX:
        raise Refused("FED-2202", f"a frame is larger than {LINK_FRAME_BYTES_MAX} bytes")
    try:
        return wire.CentralFrame.FromString(data)
    except DecodeError as error:
        raise Refused("FED-2201", "a frame is not a CentralFrame message") from error


def refused(refusal: wire.Refusal) -> FederationError:
    """The error that a refusal stands for, with the centre's own code."""
    code = refusal.code if _is_code(refusal.code) else "FED-2204"
    kind = SessionRefused if refusal.final else SessionPostponed
    error = kind(code, f"the centre refused: {clip(refusal.reason)}")
    error.retry_after_seconds = refusal.retry_after_seconds or None
    return error


def _is_code(text: str) -> bool:
    return len(text) == 8 and text.startswith("FED-") and text[4:].isascii() and text[4:].isdigit()


def clip(text: str) -> str:
    """A text of the other side, cut to the limit."""
    return text[:LINK_TEXT_CHARACTERS_MAX]
