"""Receipts and proofs of attempts: what a vendor takes home, and how anyone checks it offline.

Owns the two texts that a node signs as C2SP signed notes: a header line and sorted JSON, one field
per line; the details stand on their line exactly as committed to. Rules: a receipt is signed once
and stays the same bytes for ever; it holds no journal index (index differences would count bids);
the verifier needs the node's public key and nothing else, and checks the signature before it
understands anything. Leaves out keeping and handing out receipts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from lpse.federation.commitments import SealedFile, SubmissionDetails, open_commitment
from lpse.federation.errors import Refused
from lpse.federation.notes import Note, Signer, Verifier, parse_note
from lpse.federation.v1.records_pb2 import RefusalReason, Verdict

RECEIPT_HEADER: Final = "lpse-federation receipt v1"
ATTEMPT_HEADER: Final = "lpse-federation attempt v1"
_DETAILS: Final = ' "details": '
_json: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False).encode
# What `_json` does with a string, without the way there.
_text: Final = json.encoder.encode_basestring


class ReceiptInvalid(Refused):
    """The signed text is not a receipt, or speaks for somebody else than its signer."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-5101",
            f"this is not a valid receipt: {detail}",
            remedy="use the file exactly as it was handed out, and the public key of its node",
        )


class FileForeign(Refused):
    """A file is not one of those that the receipt speaks of."""

    def __init__(self, position: int) -> None:
        super().__init__(
            "FED-5104",
            f"file {position} is not one of the files of this receipt",
            remedy="compare the digest in the receipt with the file that was uploaded",
        )
        self.position = position


@dataclass(frozen=True, slots=True)
class NationalWitness:
    """The newest national head and beacon that a node knew: proof of *not before*."""

    checkpoint: str
    beacon: bytes = b""
    beacon_index: int | None = None


@dataclass(frozen=True, slots=True)
class Commitment:
    """Canonical details with the salt and digest that belong to them."""

    details: bytes
    salt: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """The deadline and the schedule revision by which an upload was judged."""

    zone: str
    deadline: datetime
    revision: int
    held: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """A node's clocks at one instant; the right time is `time` + offset, give or take the error.

    `basis` says what offset and error rest on: MEASURED (against the centre, in this boot),
    OTHER_BOOT (in an earlier one), UNMEASURED (never, the error is assumed); "" where receipts say
    nothing about it. `measure_time` is when, None for UNMEASURED.
    """

    time: datetime
    boot_id: str
    monotonic_seconds: float
    error_seconds: float = 0.0
    offset_seconds: float = 0.0
    basis: str = ""
    measure_time: datetime | None = None

    @property
    def earliest(self) -> datetime:
        """The right time is not before this."""
        return self.time + timedelta(seconds=self.offset_seconds - self.error_seconds)

    @property
    def latest(self) -> datetime:
        """The right time is not after this."""
        return self.time + timedelta(seconds=self.offset_seconds + self.error_seconds)


@dataclass(frozen=True, slots=True)
class Times:
    """When a submission was begun and accepted; `submit` where files were joined by a later act.

    Bytes that were whole in time may be submitted until the opening; how late that was done is for
    the Pokja to see.
    """

    begin: datetime
    accepted: Moment
    submit: datetime | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who signs, in what world: the same for every receipt of the moment."""

    node: str
    exercise: bool
    national: NationalWitness | None


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """What a receipt says, after everything in it was checked; `document` is its whole JSON."""

    node: str
    details: SubmissionDetails
    commitment: bytes
    accepted: bool
    document: Mapping[str, Any]
    files_missing: tuple[SealedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """What a receipt, or the proof of an attempt, says; `document` is its whole JSON."""

    commitment: Commitment
    details: SubmissionDetails
    accepted: bool
    document: Mapping[str, Any]


def sign_receipt(
    signer: Signer,
    commitment: Commitment,
    standing: Standing,
    verdict: Verdict.ValueType,
    times: Times,
    world: Circumstances,
) -> bytes:
    """The receipt of a submission begun and durable at `times`, judged by `standing`."""
    accepted = times.accepted
    fields = {
        "accept_time": _utc(accepted.time),
        "accept_time_local": _local(accepted.time, standing.zone),
        "verdict": _text(Verdict.Name(verdict).removeprefix("VERDICT_")),
    }
    if times.submit is not None:
        fields |= {
            "submit_time": _utc(times.submit),
            "submit_time_local": _local(times.submit, standing.zone),
        }
    fields |= _shared(commitment, standing, times.begin, accepted, world)
    return _sign(signer, RECEIPT_HEADER, fields)


def sign_attempt(
    signer: Signer,
    commitment: Commitment,
    standing: Standing,
    refusal: tuple[RefusalReason.ValueType, int],
    times: tuple[datetime, Moment],
    world: Circumstances,
) -> bytes:
    """The proof that an upload was tried, refused for a reason, after so many bytes."""
    reason, received_bytes = refusal
    begin, refused = times
    fields = {
        "reason": _text(RefusalReason.Name(reason).removeprefix("REFUSAL_REASON_")),
        "received_bytes": str(received_bytes),
        "refuse_time": _utc(refused.time),
        "refuse_time_local": _local(refused.time, standing.zone),
    }
    fields |= _shared(commitment, standing, begin, refused, world)
    return _sign(signer, ATTEMPT_HEADER, fields)


def verify_receipt(
    data: bytes,
    node: Verifier,
    files: Sequence[tuple[int, bytes]] = (),
    *,
    centre: Verifier | None = None,
) -> VerifiedReceipt:
    """Check signature, commitment and given files, each (size, SHA-256); tells which are missing.

    With the centre's key the national checkpoint inside is checked too.
    """
    note = parse_note(data)
    note.verify(node)
    read = _read(note)
    if read.document["node"] != node.name:
        raise ReceiptInvalid("it names another node than its signer")
    details = read.details
    national = read.document["national"]
    if centre is not None and national is not None:
        parse_note(national["checkpoint"].encode()).verify(centre)
    missing = _match(details.files, files)
    return VerifiedReceipt(
        node.name, details, read.commitment.digest, read.accepted, read.document, missing
    )


def read_receipt(data: bytes) -> ReadReceipt:
    """What a text says that its reader has from a safe place: the signature is not looked at.

    Commitment, salt and details are shown to belong together all the same.
    """
    return _read(parse_note(data))


def _read(note: Note) -> ReadReceipt:
    header, _, body = note.text.partition("\n")
    if header not in (RECEIPT_HEADER, ATTEMPT_HEADER):
        raise ReceiptInvalid("it is a signed text of another kind")
    document, raw = _document(body), _details(body)
    digest, salt = (bytes.fromhex(document[key]) for key in ("commitment", "salt"))
    details = open_commitment(digest, salt, raw)
    return ReadReceipt(Commitment(raw, salt, digest), details, header == RECEIPT_HEADER, document)


def _shared(
    commitment: Commitment,
    standing: Standing,
    begin: datetime,
    end: Moment,
    world: Circumstances,
) -> dict[str, str]:
    """Fields that both texts have, each as JSON."""
    deadline, deadline_local = _deadline(standing.deadline, standing.zone)
    return _clock(end) | {
        "begin_time": _utc(begin),
        "boot_id": _text(end.boot_id),
        "clock_error_seconds": _json(end.error_seconds),
        "commitment": f'"{commitment.digest.hex()}"',
        "deadline_time": deadline,
        "deadline_time_local": deadline_local,
        "details": commitment.details.decode(),
        "exercise": "true" if world.exercise else "false",
        "held": "true" if standing.held else "false",
        "monotonic_seconds": _json(round(end.monotonic_seconds, 6)),
        "national": _national(world.national),
        "node": _text(world.node),
        "salt": f'"{commitment.salt.hex()}"',
        "schedule_revision": str(standing.revision),
        "zone": _text(standing.zone),
    }


def _clock(end: Moment) -> dict[str, str]:
    """What the clock's error rests on; receipts of earlier programs do not say it."""
    if not end.basis:
        return {}
    return {
        "clock_basis": _text(end.basis),
        "clock_measure_time": "null" if end.measure_time is None else _utc(end.measure_time),
        "clock_offset_seconds": _json(end.offset_seconds),
    }


@lru_cache(maxsize=256)
def _deadline(moment: datetime, zone: str) -> tuple[str, str]:
    """In a rush many receipts speak of the same few deadlines."""
    return _utc(moment), _local(moment, zone)


@lru_cache(maxsize=4)
def _national(witness: NationalWitness | None) -> str:
    if witness is None:
        return "null"
    return _json(
        {
            "beacon": witness.beacon.hex() or None,
            "beacon_index": witness.beacon_index,
            "checkpoint": witness.checkpoint,
        }
    )


def _sign(signer: Signer, header: str, fields: Mapping[str, str]) -> bytes:
    body = ",\n".join([f' "{key}": {fields[key]}' for key in sorted(fields)])
    text = f"{header}\n{{\n{body}\n}}\n"
    return Note(text, (signer.sign_note(text),)).to_bytes()


def _document(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
        texts = [document[key] for key in ("node", "commitment", "salt", "begin_time")]
        national = document["national"]
        if any(type(text) is not str for text in texts) or type(document["details"]) is not dict:
            raise ReceiptInvalid("a field has a wrong type")
        bytes.fromhex(document["commitment"] + document["salt"])
        if national is not None and type(national["checkpoint"]) is not str:
            raise ReceiptInvalid("a field has a wrong type")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ReceiptInvalid("its fields are missing or malformed") from error
    return dict(document)


def _details(body: str) -> bytes:
    """The details exactly as they stand: what was hashed is never serialised again."""
    lines = [line for line in body.split("\n") if line.startswith(_DETAILS)]
    if len(lines) != 1:
        raise ReceiptInvalid("the details do not stand on one line")
    return lines[0].removeprefix(_DETAILS).removesuffix(",").encode()


def _match(
    expected: Sequence[SealedFile], given: Sequence[tuple[int, bytes]]
) -> tuple[SealedFile, ...]:
    """Files of the receipt that were not given; FileForeign for one that is not in it."""
    missing = list(expected)
    for position, content in enumerate(given, start=1):
        known = [file for file in expected if (file.size_bytes, file.sha256) == content]
        if not known:
            raise FileForeign(position)
        missing = [file for file in missing if file not in known]
    return tuple(missing)


def _utc(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return f'"{text.removesuffix("+00:00")}Z"'


def _local(moment: datetime, zone: str) -> str:
    return f'"{moment.astimezone(ZoneInfo(zone)).isoformat(timespec="microseconds")}"'
