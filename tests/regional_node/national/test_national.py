"""The node's copy of the national journal: verified, folded, and never overwritten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.protobuf.message import Message

from lpse.federation import desired_state, kinds
from lpse.federation.checkpoints import Agreement
from lpse.federation.desired_state import NodeFacts
from lpse.federation.entries import BatchGap, DecodedEntry, Forked, encode_entry
from lpse.federation.notes import SignatureInvalid, Signer
from lpse.federation.v1 import directives_pb2 as directives
from lpse.runtime.sqlite import Database, Transaction
from regional_node.national.national import National
from tests.central.ledger.test_ledger import Writer
from tests.federation.rig import CLOCK, ENTROPY, NODE_MIGRATIONS

ME = NodeFacts("lpse-pacitan", "ID-JI", "Asia/Jakarta")
LKPP = Signer.from_seed("lkpp", bytes(32))


class Told:
    """The port `Appender`: what the node would journal."""

    def __init__(self) -> None:
        self.records: list[Message] = []

    def append_in(self, tx: Transaction, record: Message) -> int:
        self.records.append(record)
        return len(self.records) - 1


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "node.db", NODE_MIGRATIONS)
    yield database
    await database.close()


async def _open(database: Database, told: Told | None = None) -> National:
    national = National(database, told or Told(), LKPP.verifier, ME)
    await national.open()
    return national


def _entry(record: Message | None = None, kind: str = "", payload: bytes = b"") -> bytes:
    if record is not None:
        kind, payload = kinds.kind_of(record), record.SerializeToString()
    return encode_entry(DecodedEntry(kind, ENTROPY.identifier(), CLOCK.now(), payload))


async def _feed(national: National, writer: Writer, *entries: bytes, late_below: int = 0) -> None:
    for one in entries:
        await national.accept(writer.batch(1, raw=one), late_below=late_below)


async def test_entries_state_and_journal_move_together(database: Database) -> None:
    """Invariant 3: repeating a batch changes nothing, and a restart finds the same state."""
    told, writer = Told(), Writer(LKPP)
    national = await _open(database, told)
    batch = writer.batch(1, raw=_entry(directives.CalendarPublished(year=2015, revision=1)))
    await national.accept(batch, late_below=1)
    await national.accept(batch, late_below=1)
    assert len(told.records) == 1
    assert told.records[0].late  # type: ignore[attr-defined] # DirectiveApplied
    await _feed(national, writer, _entry(directives.Beacon()), _entry(directives.Beacon()))
    again = await _open(database)
    assert again.state == national.state
    assert again.head == national.head == writer.head()


async def test_a_poisoned_national_entry_is_skipped_and_the_rest_counts(
    database: Database,
) -> None:
    """Invariant 10: an unknown kind and an unreadable payload pin the state and block nothing."""
    told, writer = Told(), Writer(LKPP)
    national = await _open(database, told)
    await _feed(
        national,
        writer,
        _entry(directives.Beacon()),
        _entry(kind="future.kind"),
        b"\xff\xff",
        _entry(kind="policy.published", payload=b"\xff"),
        _entry(directives.PolicyPublished(guard_window_seconds=5)),
    )
    assert (national.state.size, national.state.applied_size) == (5, 1)
    assert national.state.policy.guard_window_seconds == 5
    outcomes = [one.outcome for one in told.records]  # type: ignore[attr-defined] # DirectiveApplied
    assert outcomes == ["unknown_kind", "unreadable", "unreadable", "applied"]


async def test_a_newer_program_folds_again_from_the_pin(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that an older program did not know is applied after the upgrade."""
    writer = Writer(LKPP)
    policy = _entry(directives.PolicyPublished(guard_window_seconds=5))
    with monkeypatch.context() as older:
        older.delitem(kinds.NATIONAL, "policy.published")
        older.delitem(desired_state._FOLDS, "policy.published")
        national = await _open(database)
        await _feed(national, writer, policy, _entry(directives.Beacon()))
        assert national.state.pinned_at == 0
    told = Told()
    newer = await _open(database, told)
    assert [one.outcome for one in told.records] == ["applied"]  # type: ignore[attr-defined] # DirectiveApplied
    assert newer.state.pinned_at is None
    assert newer.state.policy.guard_window_seconds == 5
    assert newer.state.size == 2


async def test_a_contradicting_batch_changes_nothing(database: Database) -> None:
    """Invariant 5: another history, a gap, and a forged signature leave the copy as it is."""
    writer, twin = Writer(LKPP), Writer(LKPP)
    twin.epoch = writer.epoch
    national = await _open(database)
    await _feed(national, writer, _entry(directives.Beacon()))
    before = national.head
    with pytest.raises(Forked):
        await national.accept(twin.batch(2, raw=_entry(directives.Beacon())))
    stranger = Writer(Signer.from_seed("lkpp", b"x" * 32))
    stranger.epoch = writer.epoch
    with pytest.raises(SignatureInvalid):
        await national.accept(stranger.batch(1))
    writer.batch(3)
    with pytest.raises(BatchGap):
        await national.accept(writer.batch(1))
    assert national.head == before


async def test_the_centres_head_is_compared_with_the_copy(database: Database) -> None:
    """Lower, equal, longer or of another history."""
    writer = Writer(LKPP)
    national = await _open(database)
    first = writer.batch(1)
    assert await national.agreement(writer.head()) is Agreement.BEHIND
    await national.accept(first)
    old = writer.head()
    assert await national.agreement(old) is Agreement.IN_SYNC
    await national.accept(writer.batch(4))
    assert await national.agreement(old) is Agreement.AHEAD
    twin = Writer(LKPP)
    twin.epoch = writer.epoch
    twin.batch(3)
    assert await national.agreement(twin.head()) is Agreement.FORKED


async def test_those_who_watch_see_the_newest_state(database: Database) -> None:
    """A watcher gets the present state at once and every later one."""
    writer = Writer(LKPP)
    national = await _open(database)
    watching = national.watch()
    assert (await anext(watching)).size == 0
    await _feed(national, writer, _entry(directives.Beacon()), _entry(directives.Beacon()))
    assert (await anext(watching)).size == 2
