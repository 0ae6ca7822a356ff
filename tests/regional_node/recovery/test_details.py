"""Details of submissions after a loss: from the escrow, by recovery code, by a receipt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lpse.federation.acts import Deed, sign_act
from lpse.federation.desired_state import NodeFacts
from lpse.federation.errors import Conflict, FederationError, NotFound, Refused, Unavailable
from lpse.federation.notes import Signer
from lpse.federation.recovery_code import code_of
from lpse.federation.v1.records_pb2 import UploadAccepted, UploadRefused
from lpse.runtime.clock import SeededEntropy
from regional_node.identity.escrow import EscrowKeys, make_escrow
from regional_node.intake import sealed_store
from regional_node.intake.details import check_key
from regional_node.intake.rows import StoredSubmission
from regional_node.intake.rules import OPEN, open_subject
from regional_node.officers.rules import ADD, addition_digest
from regional_node.recovery.restoring.completion import Completion, Parts
from regional_node.restored import RestoredEntry
from tests.regional_node.recovery.restored_world import ESCROW, PACKAGES, Areas, Day, rows_of
from tests.regional_node.schedule.world import KEY, PARTY

SRI = Ed25519PrivateKey.from_private_bytes(bytes([9] * 32))
PUBLIC = SRI.public_key().public_bytes_raw()
FACTS = NodeFacts("lpse-pacitan", "ID-JI", "Asia/Jakarta")
START = datetime(2015, 3, 24, 1, 0, tzinfo=UTC)
OTHER = EscrowKeys(bytes([7] * 32))


@dataclass
class Pair:
    """A node that was lost, and an empty one in its place."""

    lost: Areas
    here: Areas
    entries: list[RestoredEntry]
    receipts: dict[str, bytes]

    async def rebuild(
        self, escrow: EscrowKeys | None, entries: list[RestoredEntry] | None = None
    ) -> Completion:
        """Restore with these keys; what completes the rest."""
        restorers, intake = self.here.restoring(escrow)
        await self.here.restore(self.entries if entries is None else entries, restorers)
        identity = self.here.folder / "identity"
        make_escrow(identity, SeededEntropy(5))
        return Completion(
            Parts(
                self.here.database,
                restorers,
                intake,
                self.here.runs,
                (self.here.signer.verifier,),
                identity,
                escrow,
                structlog.get_logger(),
            )
        )

    async def stored(self, key: str) -> StoredSubmission:
        found = await self.here.intake_store.submission(key)
        assert found is not None
        return found


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    """Three submissions of one package and a refused attempt, not opened yet."""
    for name in ("lost", "here"):
        (tmp_path / name).mkdir()
    lost = await Areas(tmp_path / "lost", FACTS, START).open(1)
    day = Day(lost, 1)
    await day.begin()
    receipts = {}
    for number in range(3):
        key = f"key-1000000{number}"
        accepted = await lost.upload(key, PACKAGES[0], {"a.rhs": bytes([number] * 50)})
        assert accepted is not None
        receipts[key] = accepted.stored.receipt
    await day.refuse()
    here = await Areas(tmp_path / "here", FACTS, lost.clock.now()).open(2)
    here.national = lost.national
    yield Pair(lost, here, await lost.own_entries(), receipts)
    await lost.close()
    await here.close()


def without_escrow(entries: list[RestoredEntry]) -> list[RestoredEntry]:
    """The same entries as an older program wrote them."""
    stripped = []
    for entry in entries:
        if isinstance(entry.record, (UploadAccepted, UploadRefused)):
            record = type(entry.record).FromString(entry.record.SerializeToString())
            record.ClearField("sealed_details")
            entry = replace(entry, record=record)  # noqa: PLW2901 - the same entry, older
        stripped.append(entry)
    return stripped


async def test_same_key_and_bytes_give_the_same_receipt_after_a_loss(pair: Pair) -> None:
    """A vendor who repeats an upload to the rebuilt node gets the receipt it had, byte for byte."""
    await pair.rebuild(ESCROW)
    for number, (key, receipt) in enumerate(pair.receipts.items()):
        again = await pair.here.upload(key, PACKAGES[0], {"a.rhs": bytes([number] * 50)})
        assert again is not None and again.repeated
        assert again.stored.receipt == receipt


async def test_without_the_key_entries_wait_and_lose_nothing(pair: Pair) -> None:
    """What cannot be read is kept whole, its bytes are vouched for, and nobody is named."""
    completion = await pair.rebuild(None)
    assert await completion.waiting() == 4
    rows = rows_of(pair.here.folder)
    assert rows["intake_submissions"] == []
    vouched = {row[0] for row in rows["intake_blobs"]}
    assert vouched == {row[0] for row in rows_of(pair.lost.folder)["intake_blobs"]}


async def test_a_recovery_code_opens_everything_at_once(pair: Pair) -> None:
    """The paper from the safe gives all details back, and is told as a run."""
    completion = await pair.rebuild(OTHER)
    assert await completion.take_code(code_of(ESCROW.present).lower()) == 4
    assert await completion.waiting() == 0
    for table in ("intake_submissions", "intake_attempts"):
        assert rows_of(pair.here.folder)[table] == rows_of(pair.lost.folder)[table]
    assert "reconciliation.recorded" in await pair.here.kinds()
    assert await completion.take_code(code_of(ESCROW.present)) == 0  # harmless
    with pytest.raises(Conflict, match="FED-2434"):
        await completion.take_code(code_of(bytes(32)))


async def test_a_vendors_receipt_restores_its_own_submission(pair: Pair) -> None:
    """Entries of an older program: each vendor's copy completes its row, and only that one."""
    completion = await pair.rebuild(ESCROW, without_escrow(pair.entries))
    assert await completion.waiting() == 4
    for left, receipt in zip((3, 2, 1), pair.receipts.values(), strict=True):
        assert not await completion.take_receipt(receipt)
        assert await completion.waiting() == left
    lost, here = rows_of(pair.lost.folder), rows_of(pair.here.folder)
    assert here["intake_submissions"] == lost["intake_submissions"]
    with pytest.raises(Refused, match="FED-2432"):
        await completion.take_receipt(next(iter(pair.receipts.values())))


async def test_a_forged_receipt_restores_nothing(pair: Pair) -> None:
    """A text that was changed, or signed by somebody else, is refused before it is looked up."""
    completion = await pair.rebuild(None)
    receipt = next(iter(pair.receipts.values()))
    with pytest.raises(FederationError, match="FED-21"):
        await completion.take_receipt(receipt.replace(b"PT key", b"PT kez", 1))
    forger = Signer.from_seed("lpse-pacitan", bytes(32))
    text = receipt.partition(b"\n\n")[0].decode() + "\n"
    line = forger.sign_note(text)
    with pytest.raises(FederationError, match="FED-21"):
        await completion.take_receipt(type_note(text, line))
    assert await completion.waiting() == 4


def type_note(text: str, line: object) -> bytes:
    from lpse.federation.notes import Note, NoteSignature

    assert isinstance(line, NoteSignature)
    return Note(text, (line,)).to_bytes()


async def test_an_opening_says_that_something_waits(pair: Pair) -> None:
    """After the deadline the number is told; receipts bring their bids into a later opening."""
    completion = await pair.rebuild(None)
    here = pair.here
    await here.step(await here.deadline(PACKAGES[0]) + timedelta(hours=1))
    opened = await here.openings.open(PACKAGES[0], here.moment(), None)
    assert (opened.submissions, opened.waiting) == (0, 3)
    for receipt in pair.receipts.values():
        await completion.take_receipt(receipt)
    await here.judging.step(here.moment())
    opened = await here.openings.open(PACKAGES[0], here.moment(), None)
    assert (opened.submissions, opened.waiting) == (3, 0)


async def test_nothing_is_opened_while_bids_may_be_missing(pair: Pair) -> None:
    """SPSE waits for the end of a recovery; a Pokja officer may decide to open all the same."""
    await pair.rebuild(ESCROW)
    here = pair.here
    await here.step(await here.deadline(PACKAGES[0]) + timedelta(hours=1))
    signed = sign_act(
        KEY, Deed(PARTY, ADD, addition_digest("sri", "pokja", PUBLIC)), actor="budi",
        role="admin", at=here.clock.wall(),
    )  # fmt: skip
    await here.officers.add("sri", "pokja", PUBLIC, signed)
    here.returning = True
    with pytest.raises(Unavailable, match="FED-2437"):
        await here.openings.open(PACKAGES[0], here.moment(), None)
    act = sign_act(
        SRI, Deed(PARTY, OPEN, open_subject(PACKAGES[0])), actor="sri", role="pokja",
        at=here.clock.wall(),
    )  # fmt: skip
    opened = await here.openings.open(PACKAGES[0], here.moment(), act)
    assert opened.submissions == 3
    again = await here.openings.open(PACKAGES[0], here.moment(), None)  # it is open already
    assert again.submissions == 3


async def test_an_opening_that_came_back_gives_details_but_no_text(pair: Pair) -> None:
    """Bids opened before the loss are readable again; their receipts come from their vendors."""
    lost = pair.lost
    await lost.step(await lost.deadline(PACKAGES[0]) + timedelta(hours=1))
    await lost.judging.step(lost.moment())
    await lost.openings.open(PACKAGES[0], lost.moment(), None)
    entries = without_escrow(await lost.own_entries())
    completion = await pair.rebuild(None, entries)
    assert await completion.waiting() == 0
    for key, receipt in pair.receipts.items():
        stored = await pair.stored(key)
        assert stored.revealed and stored.judged
        with pytest.raises(NotFound, match="FED-2433"):
            _ = stored.text
        await completion.take_receipt(receipt)
        assert (await pair.stored(key)).text == receipt
    assert (
        rows_of(pair.here.folder)["intake_submissions"]
        == rows_of(lost.folder)["intake_submissions"]
    )


async def test_two_submissions_under_one_key_are_both_kept(pair: Pair) -> None:
    """The vendor came again while the node knew nothing of the first: the first keeps the key."""
    here, key = pair.here, "key-10000000"
    scheduled = [one for one in pair.entries if one.kind == "package.scheduled"]
    await here.restore(scheduled, here.restorers)
    here.clock.advance(60)
    second = await here.upload(key, PACKAGES[0], {"a.rhs": b"another content"})
    assert second is not None
    await pair.rebuild(ESCROW)
    assert (await pair.stored(key)).text == pair.receipts[key]
    twins = [
        row for row in rows_of(here.folder)["intake_submissions"] if row[8] == second.stored.receipt
    ]
    assert len(twins) == 1
    check_key(str(twins[0][0]))
    told = await here.database.write(here.restorers.told_in)
    assert [one.count for one in told] == [1]
    assert not await here.database.write(here.restorers.told_in)


async def test_the_queue_of_those_that_wait_is_paged_by_commitment(pair: Pair) -> None:
    """Pages are whole: each entry once, in an order that tells nothing."""
    completion = await pair.rebuild(None)
    seen, after = [], b""
    while page := await completion.page(after, 1):
        seen.append(page[0][0])
        after = page[-1][0]
    assert seen == sorted(set(seen)) and len(seen) == 4
    assert await pair.here.database.read(sealed_store.all_waiting_in) == 4
