"""Receipts that an earlier machine of this node signed stay valid after its keys were replaced."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lpse.federation.checkpoints import sign_head
from lpse.federation.commitments import SealedFile, SubmissionDetails, commit
from lpse.federation.errors import FederationError
from lpse.federation.key_history import key_of, key_of_head
from lpse.federation.notes import Signer
from lpse.federation.receipts import (
    Circumstances,
    Commitment,
    Moment,
    Standing,
    Times,
    sign_receipt,
)
from lpse.federation.v1.records_pb2 import VERDICT_ON_TIME
from regional_node.cli import receipt_files
from regional_node.identity.history import former_keys, former_verifiers, keep_former_keys
from regional_node.receipts.checking import examine
from regional_node.receipts.proofs import Keys

NODE = "lpse-pacitan"
LOST, PRESENT, STRANGER = (Signer.from_seed(NODE, bytes([number] * 32)) for number in (1, 2, 3))
CENTRE = Signer.from_seed("lkpp", bytes([4] * 32))
NOW = datetime(2015, 3, 26, 3, 0, tzinfo=UTC)


def receipt(signer: Signer) -> bytes:
    """As the machine of this signer handed it out."""
    file = SealedFile("a.rhs", 3, bytes(32))
    details = SubmissionDetails("key-00000001", "7781013", "Upload", "PT", "direct", 0, (file,), {})
    salt, canonical = bytes(32), details.canonical()
    return sign_receipt(
        signer,
        Commitment(canonical, salt, commit(salt, canonical)),
        Standing("Asia/Jakarta", NOW, 1, False),
        VERDICT_ON_TIME,
        Times(NOW, Moment(NOW, "boot", 1.0)),
        Circumstances(NODE, False, None),
    )


def test_the_public_check_takes_both_keys_and_no_third() -> None:
    """Whichever machine signed: genuine; somebody else under the same name: not."""
    keys = Keys(PRESENT.verifier, CENTRE.verifier, (LOST.verifier,))
    assert examine(receipt(PRESENT), (), keys).valid
    assert examine(receipt(LOST), (), keys).valid
    assert not examine(receipt(STRANGER), (), keys).valid


def test_the_command_reads_former_keys_from_the_published_ones(tmp_path: Path) -> None:
    """`receipt verify` with the file of /keys checks old receipts too, offline."""
    published = {
        "node": {
            "name": NODE, "key": PRESENT.verifier.text, "former": [LOST.verifier.text]
        }
    }  # fmt: skip
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(published), "utf-8")
    for signer in (PRESENT, LOST):
        assert receipt_files.check(receipt(signer), [], str(file), "").receipt.accepted
    with pytest.raises(FederationError):
        receipt_files.check(receipt(STRANGER), [], str(file), "")
    with pytest.raises(FederationError):  # the present key alone does not vouch for the old one
        receipt_files.check(receipt(LOST), [], PRESENT.verifier.text, "")


def test_heads_of_ended_epochs_find_their_key() -> None:
    """A proof from an epoch of the lost machine is made with the key that signed its head."""
    keys = (PRESENT.verifier, LOST.verifier)
    for signer in (PRESENT, LOST):
        assert key_of_head(sign_head(signer, bytes(16), 1, bytes(32)), keys) == signer.verifier
    assert key_of(b"no note at all", keys) == PRESENT.verifier


def test_former_keys_are_kept_once_and_in_order(tmp_path: Path) -> None:
    """Writing them again, as a repeated enrolment does, changes nothing."""
    assert former_verifiers(tmp_path) == ()
    for _ in range(2):
        keep_former_keys(tmp_path, [LOST.verifier])
        keep_former_keys(tmp_path, [STRANGER.verifier, LOST.verifier])
    assert former_verifiers(tmp_path) == (LOST.verifier, STRANGER.verifier)
    assert former_keys(tmp_path) == {LOST.public, STRANGER.public}
