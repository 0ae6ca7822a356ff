"""The objects of projected state: what a regional journal says that both sides must hold.

Owns which areas there are, which object a record speaks of, and the fields that a journal gives an
object, folded record by record. Rule: the journal is the one truth about an object; a table of
either side that says otherwise is wrong. Fields are canonical JSON, the same bytes on both sides.
Leaves out the tables (`central.audit`, `regional_node.audit`) and how differences are found
(`digests`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from lpse.federation.limits import OBJECT_FIELDS_BYTES_MAX
from lpse.federation.v1 import records_pb2 as records

Value = str | int | bool | None | list["Value"]
Fields = dict[str, Value]

UPLOAD: Final = "upload"  # an accepted submission, by its commitment: when, and how it was judged
BLOB: Final = "blob"  # sealed bytes that a submission names: their size
PACKAGE: Final = "package"  # the public schedule in force
OUTAGE: Final = "outage"  # a measured outage: its kind and span
DECLARED: Final = "declared"  # a declared outage at this node: what became of it
ROLLOUT: Final = "rollout"  # the newest step of an upgrade
AREAS: Final = (UPLOAD, BLOB, PACKAGE, OUTAGE, DECLARED, ROLLOUT)
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
APPLIED: Final = ("applied", "not_for_this_node")  # outcomes that leave a row at the node


class ObjectKey(NamedTuple):
    """An area and a name inside it."""

    area: str
    name: str


def canonical(fields: Fields) -> bytes:
    """The bytes that are compared; beyond the limit their digest stands for them."""
    data = _encode(fields).encode()
    if len(data) <= OBJECT_FIELDS_BYTES_MAX:
        return data
    return json.dumps({"sha256": sha256(data).hexdigest()}).encode()


def touched(record: Message) -> list[ObjectKey]:
    """The objects of which a record speaks."""
    match record:
        case records.UploadAccepted():
            blobs = [ObjectKey(BLOB, one.digest.hex()) for one in record.blobs]
            return [ObjectKey(UPLOAD, record.commitment.hex()), *blobs]
        case records.UploadJudged():
            return [ObjectKey(UPLOAD, record.commitment.hex())]
        case records.PackageScheduled() | records.CompensationDecided():
            return [ObjectKey(PACKAGE, record.package)]
        case records.OutageMeasured():
            return [ObjectKey(OUTAGE, record.outage)]
        case records.DirectiveApplied(directive="outage.revised"):
            return [ObjectKey(DECLARED, record.subject)]
        case records.UpgradeStepped() if record.rollout:
            return [ObjectKey(ROLLOUT, record.rollout)]
        case _:
            return []


def folded(key: ObjectKey, before: Fields | None, record: Message) -> Fields | None:
    """The object's fields after a record that touches it; None where there is no such object."""
    match record:
        case records.UploadAccepted():
            return _accepted(key, before, record)
        case records.UploadJudged():
            return _judged(before, record)
        case records.PackageScheduled():
            return schedule(
                record.revision,
                bool(before and before["cancelled"]),
                [(micros(one.start_time), micros(one.end_time)) for one in record.stages],
            )
        case records.CompensationDecided():
            if before is None:
                return None
            return {**before, "cancelled": record.decision == records.DECISION_CANCEL}
        case records.OutageMeasured():
            ended = record.HasField("end_time")
            end = micros(record.end_time) if ended else None
            return measured(record.kind, micros(record.start_time), end)
        case records.DirectiveApplied():
            return _declared(before, record)
        case records.UpgradeStepped():
            return step(record.to_version, record.state)
        case _:
            return before


def fold(
    state: dict[ObjectKey, Fields], record: Message, wanted: Iterable[ObjectKey] | None = None
) -> None:
    """Take one record into `state`, for all objects or for the wanted ones alone."""
    for key in touched(record):
        if wanted is not None and key not in wanted:
            continue
        after = folded(key, state.get(key), record)
        if after is None:
            state.pop(key, None)
        else:
            state[key] = after


# --- the fields of each area, as both sides' tables give them ---


def submission(accept_micros: int, verdict: int, revision: int) -> Fields:
    """An accepted submission; verdict and revision are 0 until it was judged."""
    return {"accept": accept_micros, "verdict": verdict, "revision": revision}


def blob(size_bytes: int) -> Fields:
    """Sealed bytes."""
    return {"size": size_bytes}


def schedule(revision: int, cancelled: bool, stages: Iterable[tuple[int, int]]) -> Fields:
    """A package's schedule: start and end of every stage, in microseconds."""
    spans: list[Value] = [[start, end] for start, end in stages]
    return {"revision": revision, "cancelled": cancelled, "stages": spans}


def measured(kind: int, start: int, end: int | None) -> Fields:
    """A measured outage."""
    return {"kind": kind, "start": start, "end": end}


def declared(national_index: int, outcome: str, late: bool) -> Fields:
    """What became of the newest revision of a declaration."""
    return {"index": national_index, "outcome": outcome, "late": late}


def step(to_version: str, state: int) -> Fields:
    """Where an upgrade stands."""
    return {"version": to_version, "state": state}


def micros(time: Timestamp) -> int:
    """Microseconds since 1970, as both sides' tables keep times."""
    return int(time.seconds) * 1_000_000 + int(time.nanos) // 1_000


def _accepted(
    key: ObjectKey, before: Fields | None, record: records.UploadAccepted
) -> Fields | None:
    if before is not None:
        return before  # named again: the first word counts
    if key.area == UPLOAD:
        return submission(micros(record.accept_time), 0, 0)
    sizes: Mapping[str, int] = {one.digest.hex(): one.size_bytes for one in record.blobs}
    return blob(sizes[key.name])


def _judged(before: Fields | None, record: records.UploadJudged) -> Fields | None:
    if before is None:
        return None
    return {**before, "verdict": int(record.verdict), "revision": record.schedule_revision}


def _declared(before: Fields | None, record: records.DirectiveApplied) -> Fields | None:
    """One that could not be read leaves no row at the node, and so no object."""
    if record.outcome not in APPLIED:
        return None
    known = before["index"] if before is not None else -1
    if isinstance(known, int) and record.national_index < known:
        return before
    return declared(record.national_index, record.outcome, record.late)
