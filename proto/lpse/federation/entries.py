"""Journal entries and the batches in which they travel.

Owns the envelope of an entry (its bytes are made once, by its writer) and the check of a batch:
the entries, appended to what the receiver already has, must make exactly the root that the writer
signed. Rules: bytes are verified as received and never serialised again (Invariant 2); entries
that the receiver has already are recognised by their hash and dropped (Invariant 3). Leaves out
what a payload means (`kinds`) and where entries are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from lpse.federation.checkpoints import Head, HeadInvalid
from lpse.federation.errors import Conflict, Refused
from lpse.federation.limits import (
    BATCH_BYTES_MAX,
    BATCH_ENTRIES_MAX,
    ENTRY_BYTES_MAX,
    ENTRY_ID_BYTES,
    ENTRY_KIND_CHARACTERS_MAX,
    ENTRY_ORIGIN_BYTES_MAX,
    EPOCH_BYTES,
)
from lpse.federation.merkle import CompactRange, leaf_hashes
from lpse.federation.notes import Verifier
from lpse.federation.v1 import journal_pb2 as wire

_KIND = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+")
_START = datetime(1970, 1, 1, tzinfo=UTC)


class EntryInvalid(Refused):
    """An entry is malformed or over a limit; it is neither written nor stored."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-2015",
            f"the journal entry is not acceptable: {detail}",
            remedy="correct the record; for a received entry, upgrade or report its writer",
        )


class BatchInvalid(Refused):
    """A batch has a wrong form; nothing of it was stored."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-2016",
            f"the batch of entries is not acceptable: {detail}",
            remedy="the sender must read its journal again and send from the receiver's size",
        )


class BatchGap(Conflict):
    """The batch begins beyond what the receiver has; it answers with its own head."""

    def __init__(self, size: int, first_index: int) -> None:
        super().__init__(
            "FED-2017",
            f"the batch begins at {first_index}, the receiver has {size} entries",
            remedy="send from the receiver's size",
        )


class Diverged(Conflict):
    """The writer's journal contradicts what the receiver has; nothing is overwritten."""


class Forked(Diverged):
    """An entry that both have differs: the writer has two histories."""

    def __init__(self, index: int) -> None:
        super().__init__(
            "FED-2018",
            f"entry {index} differs from the one already stored",
            remedy="quarantine the writer, keep both heads, and reconcile",
        )
        self.index = index


class RootMismatch(Diverged):
    """Stored and received entries together do not make the signed root."""

    def __init__(self, size: int) -> None:
        super().__init__(
            "FED-2019",
            f"the entries do not make the signed root at size {size}",
            remedy="ask for a consistency proof: it tells a fork from a damaged batch",
        )


@dataclass(frozen=True, slots=True)
class DecodedEntry:
    """What an entry says; `imported` is (epoch, index) where it was first written."""

    kind: str
    entry_id: bytes
    record_time: datetime
    payload: bytes
    exercise: bool = False
    imported: tuple[bytes, int] | None = None


@dataclass(frozen=True, slots=True)
class VerifiedBatch:
    """Entries that are new to the receiver, shown to make the writer's signed head."""

    first_index: int
    entries: tuple[bytes, ...]
    leaf_hashes: tuple[bytes, ...]
    head: Head
    tree: CompactRange  # after the last entry


def encode_entry(entry: DecodedEntry) -> bytes:
    """The bytes that stand for this entry from now on; refuses what a receiver would refuse."""
    _check(entry)
    message = wire.Entry(
        kind=entry.kind,
        entry_id=entry.entry_id,
        record_time=timestamp(entry.record_time),
        payload=entry.payload,
        exercise=entry.exercise,
    )
    if entry.imported is not None:
        message.imported_epoch, message.imported_index = entry.imported
    data = message.SerializeToString(deterministic=True)
    largest = ENTRY_BYTES_MAX - (0 if entry.imported else ENTRY_ORIGIN_BYTES_MAX)
    if len(data) > largest:
        raise EntryInvalid(f"larger than {largest} bytes")
    return data


def decode_entry(data: bytes) -> DecodedEntry:
    """Read an entry strictly; fields that a newer program added are ignored."""
    if len(data) > ENTRY_BYTES_MAX:
        raise EntryInvalid(f"larger than {ENTRY_BYTES_MAX} bytes")
    try:
        message = wire.Entry.FromString(data)
    except DecodeError as error:
        raise EntryInvalid("not an Entry message") from error
    if not message.HasField("record_time"):
        raise EntryInvalid("the record time is missing")
    imported = None
    if message.imported_epoch:
        imported = (message.imported_epoch, message.imported_index)
    entry = DecodedEntry(
        message.kind,
        message.entry_id,
        moment(message.record_time),
        message.payload,
        message.exercise,
        imported,
    )
    _check(entry)
    return entry


def verify_batch(
    tree: CompactRange,
    verifier: Verifier,
    batch: wire.EntryBatch,
    party: str,
    epoch: bytes,
    leaf_hash_at: Callable[[int], bytes] | None = None,
) -> VerifiedBatch:
    """Show that a batch continues `tree` to the signed head; `tree` itself is left unchanged.

    Entries before `tree.size` are dropped if their hashes are those that `leaf_hash_at` gives for
    the receiver's own, and are a fork otherwise. A batch of nothing but old entries comes back
    with no entries and the receiver's tree. Entries are not decoded here: one that is malformed is
    stored raw and parked when it is applied, so that it blocks nothing (Invariant 10).
    """
    _check_form(batch)
    head = _check_head(batch, verifier, party, epoch)
    if batch.first_index > tree.size:
        raise BatchGap(tree.size, batch.first_index)
    hashes = leaf_hashes(batch.entries)
    overlap = min(tree.size - batch.first_index, len(hashes))
    _check_overlap(hashes[:overlap], batch.first_index, leaf_hash_at)
    grown = tree.copy()
    grown.extend(hashes[overlap:])
    if head.size == grown.size and grown.root() != head.root:
        raise RootMismatch(head.size)
    return VerifiedBatch(
        first_index=tree.size,
        entries=tuple(batch.entries[overlap:]),
        leaf_hashes=tuple(hashes[overlap:]),
        head=head,
        tree=grown,
    )


def timestamp(value: datetime) -> Timestamp:
    """An aware time as it travels; microseconds are kept."""
    if value.tzinfo is None:
        raise EntryInvalid("a time without a zone")
    since = value - _START
    seconds = since.days * 86_400 + since.seconds
    return Timestamp(seconds=seconds, nanos=since.microseconds * 1_000)


def moment(value: Timestamp) -> datetime:
    """A received time, aware UTC; refuses one that no calendar has."""
    if not 0 <= value.nanos < 1_000_000_000:
        raise EntryInvalid("a time with impossible nanoseconds")
    try:
        return _START + timedelta(seconds=value.seconds, microseconds=value.nanos // 1_000)
    except OverflowError as error:
        raise EntryInvalid("a time outside of the calendar") from error


def _check(entry: DecodedEntry) -> None:
    if len(entry.kind) > ENTRY_KIND_CHARACTERS_MAX or _KIND.fullmatch(entry.kind) is None:
        raise EntryInvalid("a kind is lower-case words joined by dots")
    if len(entry.entry_id) != ENTRY_ID_BYTES:
        raise EntryInvalid(f"an entry id has {ENTRY_ID_BYTES} bytes")
    if entry.imported is not None and len(entry.imported[0]) != EPOCH_BYTES:
        raise EntryInvalid(f"an epoch has {EPOCH_BYTES} bytes")


def _check_form(batch: wire.EntryBatch) -> None:
    entries: Sequence[bytes] = batch.entries
    if not 1 <= len(entries) <= BATCH_ENTRIES_MAX:
        raise BatchInvalid(f"a batch has 1 to {BATCH_ENTRIES_MAX} entries")
    sizes = [len(entry) for entry in entries]
    if max(sizes) > ENTRY_BYTES_MAX:
        raise BatchInvalid(f"an entry is larger than {ENTRY_BYTES_MAX} bytes")
    if sum(sizes) > BATCH_BYTES_MAX:
        raise BatchInvalid(f"its entries are larger than {BATCH_BYTES_MAX} bytes")
    if batch.head.size != batch.first_index + len(entries):
        raise BatchInvalid("the head is not that of the last entry")


def _check_head(batch: wire.EntryBatch, verifier: Verifier, party: str, epoch: bytes) -> Head:
    head = Head.of(batch.head)
    if head.party != party:
        raise HeadInvalid("it speaks for another party")
    if head.epoch != epoch:
        raise HeadInvalid("it belongs to another epoch")
    head.verify(verifier)
    return head


def _check_overlap(
    hashes: Sequence[bytes], first_index: int, leaf_hash_at: Callable[[int], bytes] | None
) -> None:
    if hashes and leaf_hash_at is None:
        raise BatchInvalid("it begins before the receiver's size")
    for index, one in enumerate(hashes, first_index):
        if leaf_hash_at is not None and leaf_hash_at(index) != one:
            raise Forked(index)
