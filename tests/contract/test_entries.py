"""Entries keep their bytes, and a batch counts only if it makes the signed root."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation.checkpoints import HeadInvalid, sign_head
from lpse.federation.entries import (
    BatchGap,
    BatchInvalid,
    DecodedEntry,
    EntryInvalid,
    Forked,
    RootMismatch,
    decode_entry,
    encode_entry,
    moment,
    timestamp,
    verify_batch,
)
from lpse.federation.kinds import NATIONAL, REGIONAL
from lpse.federation.limits import ENTRY_BYTES_MAX, ENTRY_ORIGIN_BYTES_MAX
from lpse.federation.merkle import CompactRange, leaf_hash
from lpse.federation.notes import SignatureInvalid, Signer
from lpse.federation.v1 import journal_pb2 as wire

NODE = Signer.from_seed("lpse-pacitan", bytes(range(32)))
OTHER = Signer.from_seed("lpse-pacitan", bytes(32))
EPOCH = bytes(range(16))
NOON = datetime(2015, 3, 27, 5, 0, 0, 123_456, tzinfo=UTC)
ENTRY = DecodedEntry("upload.accepted", b"i" * 16, NOON, b"payload")


def test_golden_entry() -> None:
    """The envelope's bytes and leaf hash are fixed: they are what both sides hash."""
    data = encode_entry(ENTRY)
    assert data.hex() == (
        "0a0f75706c6f61642e6163636570746564121069696969696969696969696969696969"
        "1a0b08d0c7d3a805108094ef3a22077061796c6f6164"
    )
    assert (
        leaf_hash(data).hex() == "4892c733cfb11c0a370407ba13c251694beca6d6e33e98655cd63f1659a68597"
    )
    assert decode_entry(data) == ENTRY


@given(
    st.binary(max_size=300),
    st.datetimes(timezones=st.just(UTC)),
    st.booleans(),
    st.none() | st.tuples(st.binary(min_size=16, max_size=16), st.integers(0, 2**40)),
)
def test_every_entry_survives_its_envelope(
    payload: bytes, time: datetime, exercise: bool, imported: tuple[bytes, int] | None
) -> None:
    """What was written is what is read, to the microsecond."""
    entry = DecodedEntry("outage.measured", b"i" * 16, time, payload, exercise, imported)
    assert decode_entry(encode_entry(entry)) == entry


@given(st.binary(max_size=200))
def test_garbage_is_refused_with_a_code(data: bytes) -> None:
    """Arbitrary bytes are either an entry that says so or a coded refusal."""
    try:
        decode_entry(data)
    except EntryInvalid as refusal:
        assert refusal.code == "FED-2015"


@pytest.mark.parametrize(
    "change",
    [
        {"kind": ""},
        {"kind": "upload"},
        {"kind": "Upload.accepted"},
        {"kind": "upload.accepted2"},
        {"kind": "upload..accepted"},
        {"kind": "upload.accepted\n"},
        {"kind": "a." + "b" * 63},
        {"entry_id": b"short"},
        {"record_time": NOON.replace(tzinfo=None)},
        {"payload": bytes(ENTRY_BYTES_MAX)},
        {"imported": (b"short", 1)},
    ],
)
def test_entries_out_of_bounds_are_not_written(change: dict[str, object]) -> None:
    """A writer refuses what a receiver would refuse."""
    fields = {name: getattr(ENTRY, name) for name in ENTRY.__slots__}
    with pytest.raises(EntryInvalid):
        encode_entry(DecodedEntry(**{**fields, **change}))


def test_the_largest_entry_still_fits_with_its_origin() -> None:
    """Whatever was written once, a restored node can carry over under provenance."""
    some = replace(ENTRY, payload=bytes(60_000), imported=None)
    room = ENTRY_BYTES_MAX - ENTRY_ORIGIN_BYTES_MAX - len(encode_entry(some))
    largest = replace(some, payload=bytes(60_000 + room))
    assert encode_entry(replace(largest, imported=(b"\xff" * 16, 2**64 - 1)))
    assert encode_entry(largest)
    with pytest.raises(EntryInvalid):
        encode_entry(replace(largest, payload=largest.payload + b"x"))


def test_every_kind_of_the_table_is_a_kind() -> None:
    """The grammar accepts every kind that a journal can hold."""
    for kind in {**NATIONAL, **REGIONAL}:
        encode_entry(DecodedEntry(kind, b"i" * 16, NOON, b""))


def test_newer_fields_are_ignored_and_missing_ones_are_not() -> None:
    """The protocol grows by addition: an unknown field does not hurt, an absent time does."""
    newer = encode_entry(ENTRY) + bytes([0xFA, 0x01, 0x02]) + b"hi"  # field 31
    assert decode_entry(newer) == ENTRY
    with pytest.raises(EntryInvalid):
        decode_entry(wire.Entry(kind="a.b", entry_id=b"i" * 16).SerializeToString())


def test_times_that_no_calendar_has_are_refused() -> None:
    """Impossible seconds and nanoseconds never become a datetime."""
    for wrong in (Timestamp(seconds=1 << 60), Timestamp(seconds=-(1 << 60)), Timestamp(nanos=-1)):
        with pytest.raises(EntryInvalid):
            moment(wrong)
    wib = NOON.astimezone(timezone(timedelta(hours=7)))
    assert moment(timestamp(wib)) == NOON


ENTRIES = [b"entry %d" % number for number in range(30)]


def batch(first: int, last: int, entries: list[bytes] = ENTRIES) -> wire.EntryBatch:
    tree = CompactRange.from_leaf_hashes(map(leaf_hash, entries[:last]))
    head = sign_head(NODE, EPOCH, last, tree.root())
    return wire.EntryBatch(first_index=first, entries=entries[first:last], head=head.message())


def tree_of(size: int) -> CompactRange:
    return CompactRange.from_leaf_hashes(map(leaf_hash, ENTRIES[:size]))


def own_hash(index: int) -> bytes:
    return leaf_hash(ENTRIES[index])


@given(st.integers(0, 30), st.integers(0, 29), st.data())
def test_batches_continue_a_tree_and_drop_what_it_has(
    size: int, first: int, data: st.DataObject
) -> None:
    """Invariant 3: any batch that begins inside the tree brings exactly what is new."""
    last = data.draw(st.integers(first + 1, 30))
    tree = tree_of(size)
    if first > size:
        with pytest.raises(BatchGap):
            verify_batch(tree, NODE.verifier, batch(first, last), NODE.name, EPOCH, own_hash)
        return
    done = verify_batch(tree, NODE.verifier, batch(first, last), NODE.name, EPOCH, own_hash)
    assert done.entries == tuple(ENTRIES[size:last])
    assert done.first_index == tree.size == size
    assert done.tree.root() == tree_of(max(size, last)).root()


def test_rewritten_history_is_recognised() -> None:
    """Invariant 5: an overlap that differs is a fork; entries that miss the root are refused."""
    forged = [*ENTRIES[:4], b"forged", *ENTRIES[5:]]
    with pytest.raises(Forked) as refusal:
        verify_batch(tree_of(10), NODE.verifier, batch(2, 12, forged), NODE.name, EPOCH, own_hash)
    assert (refusal.value.index, refusal.value.code) == (4, "FED-2018")
    with pytest.raises(RootMismatch):
        verify_batch(tree_of(10), NODE.verifier, batch(10, 12, forged), NODE.name, EPOCH)
    with pytest.raises(BatchInvalid):
        verify_batch(tree_of(10), NODE.verifier, batch(9, 12), NODE.name, EPOCH)


def test_changed_batch_is_refused() -> None:
    """Invariant 2: a changed entry, head, signer, party or epoch is found before storing."""
    tree = tree_of(10)
    changed = batch(10, 12)
    changed.entries[1] = b"entry X"
    with pytest.raises(RootMismatch):
        verify_batch(tree, NODE.verifier, changed, NODE.name, EPOCH)
    with pytest.raises(SignatureInvalid):
        verify_batch(tree, OTHER.verifier, batch(10, 12), NODE.name, EPOCH)
    with pytest.raises(HeadInvalid):
        verify_batch(tree, NODE.verifier, batch(10, 12), "lpse-other", EPOCH)
    with pytest.raises(HeadInvalid):
        verify_batch(tree, NODE.verifier, batch(10, 12), NODE.name, b"x" * 16)
    assert tree.root() == tree_of(10).root()


def test_batches_out_of_bounds_are_refused() -> None:
    """Invariant 12: no entries, too many, too large, or a head elsewhere than at the end."""
    wrong = [wire.EntryBatch(head=batch(0, 1).head)]
    many = [b"e"] * 257
    wrong.append(batch(0, 257, many))
    wrong.append(batch(0, 1, [bytes(ENTRY_BYTES_MAX + 1)]))
    wrong.append(batch(0, 5, [bytes(ENTRY_BYTES_MAX)] * 5))
    short = batch(0, 5)
    del short.entries[4]
    wrong.append(short)
    wrong.append(wire.EntryBatch(first_index=0, entries=ENTRIES))
    for attempt in wrong:
        with pytest.raises(BatchInvalid):
            verify_batch(CompactRange(), NODE.verifier, attempt, NODE.name, EPOCH)
