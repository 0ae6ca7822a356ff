"""A receipt becomes a proof after opening and cosigning, never before, and stays that proof."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lpse.federation import limits
from lpse.federation.errors import FederationError
from lpse.federation.receipt_proofs import verify_receipt_proof
from lpse.federation.v1.records_pb2 import HandoverConfirmed
from regional_node.receipts.proofs import Proofs
from regional_node.receipts.store import ReceiptStore
from tests.regional_node.receipts.desk import CENTRE, COSIGN_SECONDS, Counter


async def refused(counter: Counter, key: str) -> FederationError:
    with pytest.raises(FederationError) as caught:
        await counter.proofs.proof(key)
    return caught.value


async def test_an_opened_and_cosigned_receipt_verifies_without_either_party(
    counter: Counter,
) -> None:
    """Two public keys are enough: index, path, head, cosignature, receipt and entry are inside."""
    grant, _ = await counter.grant()
    receipt = await counter.submit(grant)
    await counter.open()
    await counter.cosign()
    proof = await counter.proofs.proof(grant.intake_key(1))
    shown = verify_receipt_proof(proof, counter.node.signer.verifier, CENTRE.verifier)
    assert shown.receipt_bytes == receipt
    assert shown.head == counter.node.journal.head
    assert shown.not_after == datetime.fromtimestamp(COSIGN_SECONDS, UTC)


async def test_before_the_opening_there_is_no_proof(counter: Counter) -> None:
    """Invariant 6: cosigned or not, an index that counts bids is not given; it says when to ask."""
    grant, _ = await counter.grant()
    await counter.submit(grant)
    await counter.cosign()
    error = await refused(counter, grant.intake_key(1))
    assert error.code == "FED-5109"
    assert "Fri, 27 Mar 2015 10:00 WIB" in error.remedy


async def test_before_the_centre_has_cosigned_there_is_no_proof(counter: Counter) -> None:
    """Neither without any cosignature nor with one of a head that ends before the entry."""
    await counter.cosign()
    grant, _ = await counter.grant()
    await counter.submit(grant)
    await counter.open()
    error = await refused(counter, grant.intake_key(1))
    assert (error.code, error.may_retry, error.retry_after_seconds) == ("FED-5110", True, 60.0)
    await counter.cosign()
    assert await counter.proofs.proof(grant.intake_key(1))


async def test_a_proof_handed_out_stays_the_same(counter: Counter) -> None:
    """The journal grows and is cosigned again; the first proof is still the proof."""
    grant, _ = await counter.grant()
    await counter.submit(grant)
    await counter.open()
    await counter.cosign()
    first = await counter.proofs.proof(grant.intake_key(1))
    await counter.node.journal.append(HandoverConfirmed(package="p"))
    await counter.cosign(COSIGN_SECONDS + 60)
    assert await counter.proofs.proof(grant.intake_key(1)) == first


async def test_an_unknown_key_is_not_found(counter: Counter) -> None:
    """Nothing is told about keys that were never accepted."""
    assert (await refused(counter, "key-unknown-1")).code == "FED-5019"


async def test_an_entry_of_an_earlier_epoch_is_proved_in_its_own(counter: Counter) -> None:
    """A node that was restored: the epoch of the entry counts, as far as it was cosigned."""
    grant, _ = await counter.grant()
    await counter.submit(grant)
    await counter.open()
    await counter.cosign()
    before = counter.node.journal.head
    await counter.node.journal.open_epoch(before, "restored from backup")
    await counter.cosign()
    proof = await counter.proofs.proof(grant.intake_key(1))
    assert verify_receipt_proof(proof, counter.node.signer.verifier, CENTRE.verifier).head == before


async def test_an_entry_that_was_carried_over_is_proved_where_it_arrived(counter: Counter) -> None:
    """The centre never got the old epoch's end: the carried entry in the new epoch is proved."""
    await counter.cosign()
    stored = counter.node.journal.head
    grant, _ = await counter.grant()
    receipt = await counter.submit(grant)
    await counter.open()
    restored = counter.node.journal._continue_restored  # what `open(restored=True)` does
    await counter.node.database.write(lambda tx: restored(tx, stored))
    assert (await refused(counter, grant.intake_key(1))).code == "FED-5110"
    await counter.cosign()
    proof = await counter.proofs.proof(grant.intake_key(1))
    shown = verify_receipt_proof(proof, counter.node.signer.verifier, CENTRE.verifier)
    assert shown.head == counter.node.journal.head
    assert shown.entry.imported is not None
    assert shown.entry.imported[0] == stored.epoch
    assert shown.receipt_bytes == receipt


async def test_a_path_through_a_large_journal_is_quick(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second proof reads kept roots: of 300 tiles not two are computed again."""
    grant, _ = await counter.grant()
    await counter.submit(grant)
    await counter.submit(grant, 2)
    store = ReceiptStore(counter.node.database, tile=8)
    proofs = Proofs(store, counter.link.cosigned, counter.proofs.keys)
    records = [HandoverConfirmed(submissions=number) for number in range(2_400)]
    await counter.node.journal.append(*records)
    await counter.open()
    await counter.cosign()
    read: list[int] = []
    leaves = store.tile_leaves

    async def counted(place: object, position: int) -> list[bytes]:
        read.append(position)
        return await leaves(place, position)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(store, "tile_leaves", counted)
    await proofs.proof(grant.intake_key(1))
    first, read[:] = len(read), []
    proof = await proofs.proof(grant.intake_key(2))
    assert first >= 299
    assert len(read) <= 1, "only the tile that was the first entry's own is new"
    shown = verify_receipt_proof(proof, counter.node.signer.verifier, CENTRE.verifier)
    assert shown.head.size > 2_400


def test_the_tile_is_bounded_work() -> None:
    """A tile fits into one scan of the database."""
    assert limits.PROOF_TILE_LEAVES <= limits.SCAN_ROWS_PER_STEP
