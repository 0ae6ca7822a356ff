"""A receipt becomes a proof through a real centre: stored, cosigned, verified by strangers."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import structlog

from lpse.federation.commitments import SealedFile, SubmissionDetails
from lpse.federation.errors import Unavailable
from lpse.federation.receipt_proofs import verify_receipt_proof
from lpse.runtime.clock import SystemEntropy
from lpse.storage.blobs import BlobStore
from regional_node.intake.office import Office
from regional_node.intake.opening_store import OpeningStore
from regional_node.intake.sealing import Sealing
from regional_node.intake.store import IntakeStore
from regional_node.intake.submissions import Intake, Upload
from regional_node.national.newest import NewestNational
from regional_node.receipts.proofs import Keys, Proofs
from regional_node.receipts.store import ReceiptStore
from regional_node.receipts.views import not_before
from tests.federation.rig import Authority, Centre, Node, eventually, running
from tests.regional_node.intake.node import CODE, DEADLINE, STAGE, START, Clocks, Officers, Plan

KEY = "key-00000001"
BID = b"sealed"


async def test_a_real_centre_makes_a_receipt_a_proof(tmp_path: Path) -> None:
    """Uploaded and opened while the centre is away; drained, cosigned; then verified by anybody."""
    authority = Authority(tmp_path / "identities")
    centre = Centre(authority, tmp_path / "centre")
    await centre.start()
    node = Node(authority, tmp_path / "node", "lpse-pacitan", centre.port)
    keys = Keys(authority.nodes["lpse-pacitan"].verifier, authority.centre.verifier)
    async with running(node):
        await eventually(lambda: node.national.head is not None and node.settled())
        await centre.stop()
        receipt = await hand_in_and_open(node, authority)
        proofs = Proofs(ReceiptStore(node.database), node.state.store.cosigned, keys)
        with pytest.raises(Unavailable, match="FED-5110"):
            await proofs.proof(KEY)
        async with running(centre):
            await eventually(node.settled)
        proof = await proofs.proof(KEY)
    given = [(len(BID), sha256(BID).digest())]
    shown = verify_receipt_proof(proof, keys.node, keys.centre, given)
    assert shown.receipt_bytes == receipt
    assert shown.cosignature.witness == keys.centre.name
    assert not_before(shown.receipt, keys.centre) is not None


async def hand_in_and_open(node: Node, authority: Authority) -> bytes:
    """One bid before the deadline, the opening after it, by the node's own parts; the receipt."""
    clock, plan, signer = Clocks(START + timedelta(hours=1)), Plan(), authority.nodes[node.node_id]
    store = IntakeStore(node.database, node.journal, plan)
    newest = NewestNational(node.national)
    office = Office(signer, clock, SystemEntropy(), clock, newest, False)
    sealing = Sealing(BlobStore(node.folder / "blobs"), SystemEntropy(), store.needs_blob)
    log = structlog.get_logger()
    intake = Intake(store, sealing, office, log, upload_bytes_max=1_000, uploads_max=4)
    file = SealedFile("bid.rhs", len(BID), b"")
    details = SubmissionDetails(KEY, CODE, STAGE, "PT Sumber Makmur", "direct", 0, (file,), {})
    begun = await intake.begin(details)
    assert isinstance(begun, Upload)
    await begun.write(0, BID)
    accepted = await begun.finish()
    await intake.close()
    clock.set(DEADLINE + timedelta(hours=1))
    opened = OpeningStore(node.database, node.journal, plan, Officers())
    await opened.open(CODE, clock.moment(), None)
    return accepted.stored.receipt
