"""The ledger stores what it has verified, once, and refuses everything else whole."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from central.ledger.ledger import EpochUnfounded
from lpse.federation import kinds
from lpse.federation.checkpoints import Head, HeadInvalid, sign_head
from lpse.federation.entries import (
    BatchGap,
    BatchInvalid,
    DecodedEntry,
    Forked,
    RootMismatch,
    encode_entry,
)
from lpse.federation.errors import FederationError, Refused
from lpse.federation.limits import BATCH_ENTRIES_MAX
from lpse.federation.merkle import CompactRange, leaf_hash, root_of
from lpse.federation.notes import SignatureInvalid, Signer
from lpse.federation.v1 import journal_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from lpse.storage.received import received_schema
from tests.federation.rig import (
    CENTRE_MIGRATIONS,
    CLOCK,
    ENTROPY,
    NODE_MIGRATIONS,
    Authority,
    Centre,
    eventually,
)

NODE = "lpse-pacitan"


class Writer:
    """A node's journal in memory, which can also be written wrongly on purpose."""

    def __init__(self, signer: Signer, *, exercise: bool = False) -> None:
        self.signer = signer
        self.epoch = ENTROPY.token(16)
        self.tree = CompactRange()
        self.exercise = exercise

    def batch(self, count: int, *, raw: bytes | None = None) -> wire.EntryBatch:
        """The next entries, ending at a signed head."""
        first = self.tree.size
        entries = [raw or self.entry() for _ in range(count)]
        for one in entries:
            self.tree.append(leaf_hash(one))
        return wire.EntryBatch(first_index=first, entries=entries, head=self.head().message())

    def head(self) -> Head:
        """Size and root, signed."""
        return sign_head(self.signer, self.epoch, self.tree.size, self.tree.root())

    def entry(self, record: records.EpochOpened | None = None) -> bytes:
        """An entry of its own id."""
        record = record or records.EpochOpened(reason="genesis")
        return encode_entry(
            DecodedEntry(
                kinds.kind_of(record),
                ENTROPY.identifier(),
                CLOCK.now(),
                record.SerializeToString(),
                self.exercise,
            )
        )


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    authority = Authority(tmp_path / "identities")
    for node_id in (NODE, "lpse-banjar"):
        authority.node(node_id)
    centre = Centre(authority, tmp_path / "centre")
    await centre.start()
    yield centre
    await centre.stop()


@pytest.fixture
def writer(centre: Centre) -> Writer:
    return Writer(centre.authority.nodes[NODE])


async def _accept(centre: Centre, writer: Writer, *batches: wire.EntryBatch) -> int:
    return (await centre.ledger.accept(NODE, writer.epoch, batches)).new_entries


async def test_consecutive_batches_are_stored_in_one_unit(centre: Centre, writer: Writer) -> None:
    """The head that comes back is the last one, durable, and a restart finds it."""
    assert (
        await _accept(centre, writer, *(writer.batch(BATCH_ENTRIES_MAX) for _ in range(3))) == 768
    )
    position = await centre.ledger.received.position(NODE, writer.epoch)
    assert position.head == writer.head()


async def test_a_batch_that_came_before_is_recognised(centre: Centre, writer: Writer) -> None:
    """Invariant 3: repeated and overlapping entries are dropped by their hash."""
    first, second = writer.batch(4), writer.batch(3)
    assert await _accept(centre, writer, first) == 4
    assert await _accept(centre, writer, first) == 0
    assert await _accept(centre, writer, first, second) == 3
    whole = wire.EntryBatch(
        first_index=0, entries=[*first.entries, *second.entries], head=second.head
    )
    assert await _accept(centre, writer, whole) == 0
    assert centre.stored(NODE) == 7


async def test_a_gap_is_answered_with_the_present_size(centre: Centre, writer: Writer) -> None:
    """Nothing is stored beyond a hole."""
    writer.batch(4)
    with pytest.raises(BatchGap):
        await _accept(centre, writer, writer.batch(2))
    assert centre.stored(NODE) == 0


async def test_a_forged_root_or_signature_stores_nothing(centre: Centre, writer: Writer) -> None:
    """Invariant 2: root and signature are verified before anything is stored."""
    good = writer.batch(3)
    bent = wire.EntryBatch()
    bent.CopyFrom(good)
    bent.entries[1] = writer.entry()
    with pytest.raises(RootMismatch):
        await _accept(centre, writer, bent)
    unsigned = wire.EntryBatch()
    unsigned.CopyFrom(good)
    unsigned.head.signature = bytes(64)
    with pytest.raises(SignatureInvalid):
        await _accept(centre, writer, unsigned)
    assert centre.stored(NODE) == 0
    assert await _accept(centre, writer, good) == 3


async def test_an_entry_that_differs_from_the_stored_one_is_a_fork(
    centre: Centre, writer: Writer
) -> None:
    """Invariant 5: two histories are told apart, and the stored one stays."""
    twin = Writer(writer.signer)
    twin.epoch = writer.epoch
    await _accept(centre, writer, writer.batch(3))
    with pytest.raises(Forked):
        await _accept(centre, writer, twin.batch(5))
    assert centre.ledger.current(NODE).head == writer.head()  # type: ignore[union-attr] # it is stored


async def test_a_head_of_another_party_is_refused(centre: Centre) -> None:
    """A node cannot speak for its neighbour."""
    neighbour = Writer(centre.authority.nodes["lpse-banjar"])
    with pytest.raises(HeadInvalid):
        await centre.ledger.accept(NODE, neighbour.epoch, [neighbour.batch(1)])


async def test_a_batch_over_a_limit_is_refused_whole(centre: Centre, writer: Writer) -> None:
    """Invariant 12: too many entries, too many bytes, or an entry that is too large."""
    with pytest.raises(BatchInvalid):
        await _accept(centre, writer, writer.batch(BATCH_ENTRIES_MAX + 1))
    with pytest.raises(BatchInvalid):
        await _accept(centre, writer, Writer(writer.signer).batch(1, raw=bytes(70_000)))
    assert centre.stored(NODE) == 0


async def test_production_refuses_the_journal_of_an_exercise(centre: Centre) -> None:
    """Stepped legal time never mixes with the real one."""
    drill = Writer(centre.authority.nodes[NODE], exercise=True)
    with pytest.raises(Refused) as caught:
        await _accept(centre, drill, drill.batch(1))
    assert caught.value.code == "FED-2031"


async def test_production_refuses_an_entry_of_an_exercise_in_the_middle_of_a_journal(
    centre: Centre, writer: Writer
) -> None:
    """A node that was sound at its first entry cannot bring in stepped legal time later."""
    await _accept(centre, writer, writer.batch(5))
    writer.exercise = True
    with pytest.raises(Refused) as caught:
        await _accept(centre, writer, writer.batch(3))
    assert (caught.value.code, centre.stored(NODE)) == ("FED-2031", 5)


async def test_a_new_epoch_must_name_the_old_head(centre: Centre, writer: Writer) -> None:
    """Invariant 5: a journal that begins anew without saying so is refused."""
    await _accept(centre, writer, writer.batch(5))
    silent = Writer(writer.signer)
    with pytest.raises(EpochUnfounded):
        await _accept(centre, silent, silent.batch(1))
    liar = Writer(writer.signer)
    wrong = sign_head(writer.signer, writer.epoch, 3, leaf_hash(b"never"))
    opened = records.EpochOpened(continues_from=wrong.message(), reason="restored")
    with pytest.raises(EpochUnfounded):
        await _accept(centre, liar, liar.batch(1, raw=liar.entry(opened)))
    thief = Signer.from_seed(NODE, bytes(32))
    for head in (
        sign_head(thief, writer.epoch, 99, leaf_hash(b"longer than the copy")),
        sign_head(writer.signer, ENTROPY.token(16), 1, leaf_hash(b"an epoch that never was")),
    ):
        other = Writer(writer.signer)
        opened = records.EpochOpened(continues_from=head.message(), reason="restored")
        with pytest.raises(EpochUnfounded):
            await _accept(centre, other, other.batch(1, raw=other.entry(opened)))
    honest = Writer(writer.signer)
    opened = records.EpochOpened(continues_from=writer.head().message(), reason="restored")
    assert await _accept(centre, honest, honest.batch(1, raw=honest.entry(opened))) == 1
    assert [one.epoch for one in centre.ledger.positions(NODE)] == [writer.epoch, honest.epoch]


async def test_an_unreadable_entry_and_an_unknown_kind_are_parked(
    centre: Centre, writer: Writer
) -> None:
    """Invariant 10: both are stored as they came, listed with a reason, and block nothing."""
    future = encode_entry(DecodedEntry("future.kind", ENTROPY.identifier(), CLOCK.now(), b"?"))
    await _accept(centre, writer, writer.batch(1), writer.batch(1, raw=b"\xff\xff"))
    await _accept(centre, writer, writer.batch(1, raw=future), writer.batch(1))

    async def projected() -> bool:
        return (await centre.ledger.applied(NODE, writer.epoch)).size == 4

    await eventually(projected)
    applied = await centre.ledger.applied(NODE, writer.epoch)
    assert (applied.size, applied.parked) == (4, (1, 2))
    parked = await centre.ledger.store.parked(limit=10)
    assert [one.unknown_kind for one in parked] == [False, True]
    assert len(await centre.recorder.seen(records.EpochOpened)) == 2


async def test_a_damaged_or_lost_entry_is_projected_when_it_is_healed_and_once(
    centre: Centre, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 10: bytes that no signed head covers change no table; what is gone is not passed.

    The damaged bytes can still be read, the lost ones stand in the middle and at the end.
    """
    ledger, received = centre.ledger, centre.ledger.received
    monkeypatch.setattr(ledger.projector, "notice", lambda *_: None)
    await _accept(centre, writer, writer.batch(1), writer.batch(4))
    whole = await received.entries(NODE, writer.epoch, 0, 10)
    other = writer.entry(records.EpochOpened(reason="forged"))
    spoil = (
        ("UPDATE ledger_entries SET bytes = ? WHERE idx = 1", (other,)),
        ("DELETE FROM ledger_entries WHERE idx IN (?, 4)", (2,)),
    )
    for sql, values in spoil:
        await centre.database.write(lambda tx, sql=sql, values=values: tx.run(sql, values))  # type: ignore[misc] # mypy infers no default
    monkeypatch.undo()
    ledger.projector.notice(NODE, writer.epoch)

    async def projected() -> bool:
        return (await ledger.applied(NODE, writer.epoch)).size == 5

    await eventually(projected)
    assert (await ledger.applied(NODE, writer.epoch)).parked == (1, 2, 4)
    assert await ledger.projector.replay(node_id=NODE) == (0, 3)
    head = writer.head()
    for row in (whole[1], whole[2], whole[4]):
        await centre.database.write(lambda tx, row=row: received.put_back_in(tx, head, row))  # type: ignore[misc] # mypy infers no default
    assert await ledger.projector.replay(node_id=NODE) == (3, 0)
    assert await ledger.projector.replay(node_id=NODE) == (0, 0)
    seen = await centre.recorder.seen(records.EpochOpened)
    assert len(seen) == 5


async def test_a_watermark_never_moves_backwards(centre: Centre, writer: Writer) -> None:
    """Invariant 3: what was projected once is not projected again by a late second step."""
    store, key = centre.ledger.store, (NODE, writer.epoch)
    for size in (5, 3):
        await centre.database.write(lambda tx, to=size: store.move_watermark_in(tx, *key, to))  # type: ignore[misc] # mypy infers no default
    assert (await store.applied(*key)).size == 5


async def test_every_refusal_has_a_code(centre: Centre, writer: Writer) -> None:
    """A node that was never enrolled has no key to verify with."""
    with pytest.raises(FederationError) as caught:
        await centre.ledger.accept("lpse-nowhere", writer.epoch, [writer.batch(1)])
    assert caught.value.code.startswith("FED-")


def test_the_tables_of_received_entries_are_those_of_storage() -> None:
    """Both migrations carry the schema that the shared store writes to."""
    for folder, prefix in ((CENTRE_MIGRATIONS, "ledger"), (NODE_MIGRATIONS, "national")):
        text = next(folder.glob("0015_*.sql")).read_text("utf-8")
        assert received_schema(prefix) in text


async def test_comparing_an_old_head_does_not_stop_the_centre(
    centre: Centre, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that shows a lower head of a long journal keeps no other node waiting."""
    await _accept(centre, writer, writer.batch(5))
    threads: list[int] = []

    def watched(hashes: list[bytes]) -> bytes:
        threads.append(threading.get_ident())
        return root_of(hashes)

    monkeypatch.setattr("central.ledger.ledger.root_of", watched)
    assert await centre.ledger.root_at(NODE, writer.epoch, 4) is not None
    assert threads and threading.get_ident() not in threads
