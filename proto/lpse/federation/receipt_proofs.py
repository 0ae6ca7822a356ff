"""Receipts that have become proofs: they verify with two public keys and neither party.

Owns what a proof's extra data carries (the receipt and the journal entry, verbatim) and the whole
check: the receipt's own, that the entry speaks of this receipt, that the path leads from the entry
to a head that the node signed, and that the centre cosigned that head. Rules: received bytes are
verified before they are understood; exactly these parts and signatures, nothing beside them; the
centre's time of cosigning shows *not after*, the national head in the receipt *not before*. Leaves
out making paths and keeping proofs (regional_node/receipts).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lpse.federation.checkpoints import (
    Cosignature,
    Head,
    cosignatures_of,
    head_from_note,
    head_to_note,
)
from lpse.federation.entries import DecodedEntry, decode_entry, moment
from lpse.federation.errors import Refused
from lpse.federation.kinds import record_of
from lpse.federation.merkle import leaf_hash, verify_inclusion
from lpse.federation.notes import Verifier, parse_note
from lpse.federation.receipts import ReceiptInvalid, VerifiedReceipt, verify_receipt
from lpse.federation.tlog_proofs import TlogProof, TlogProofInvalid, parse_tlog_proof
from lpse.federation.v1.records_pb2 import UploadAccepted

EXTRA_HEADER: Final = b"lpse-federation receipt proof v1\n"
_LENGTHS: Final = re.compile(rb"(0|[1-9][0-9]{0,6}) (0|[1-9][0-9]{0,6})\n")


class ReceiptProofInvalid(Refused):
    """Parts of a proof are each well-formed, and do not belong together."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-5111",
            f"the parts of this proof do not belong together: {detail}",
            remedy="keep the file as evidence and ask for the proof again",
        )


@dataclass(frozen=True, slots=True)
class VerifiedProof:
    """What a proof shows after everything in it was checked."""

    receipt: VerifiedReceipt
    receipt_bytes: bytes
    entry: DecodedEntry
    index: int
    head: Head
    cosignature: Cosignature

    @property
    def not_after(self) -> datetime:
        """When the centre signed that it holds the entry."""
        return datetime.fromtimestamp(self.cosignature.time_seconds, UTC)


def make_receipt_proof(
    receipt: bytes, entry: bytes, place: tuple[int, Sequence[bytes]], checkpoint: bytes
) -> bytes:
    """The file; `place` is the entry's index and its path."""
    index, path = place
    lengths = b"%d %d\n" % (len(receipt), len(entry))
    extra = EXTRA_HEADER + lengths + receipt + entry
    return TlogProof(index, tuple(path), checkpoint, extra).to_bytes()


def parts_of(proof: TlogProof) -> tuple[bytes, bytes]:
    """Receipt and entry out of the extra data, verbatim and unverified."""
    if not proof.extra.startswith(EXTRA_HEADER):
        raise TlogProofInvalid("it carries no receipt")
    body = proof.extra.removeprefix(EXTRA_HEADER)
    lengths = _LENGTHS.match(body)
    if lengths is None:
        raise TlogProofInvalid("the lengths of its parts are malformed")
    size, rest = int(lengths[1]), body[lengths.end() :]
    if len(rest) != size + int(lengths[2]):
        raise TlogProofInvalid("its parts are cut off, or something was appended")
    return rest[:size], rest[size:]


def verify_receipt_proof(
    data: bytes,
    node: Verifier,
    centre: Verifier,
    files: Sequence[tuple[int, bytes]] = (),
) -> VerifiedProof:
    """Check a proof with both public keys, and given files, each (size, SHA-256)."""
    proof = parse_tlog_proof(data)
    receipt_bytes, entry_bytes = parts_of(proof)
    head, cosignature = _witnessed(proof.checkpoint, node, centre)
    verify_inclusion(proof.index, head.size, leaf_hash(entry_bytes), proof.path, head.root)
    receipt = verify_sole_receipt(receipt_bytes, node, files, centre=centre)
    entry = decode_entry(entry_bytes)
    _compare(receipt, entry)
    return VerifiedProof(receipt, receipt_bytes, entry, proof.index, head, cosignature)


def verify_sole_receipt(
    data: bytes,
    node: Verifier,
    files: Sequence[tuple[int, bytes]] = (),
    *,
    centre: Verifier | None = None,
) -> VerifiedReceipt:
    """As `verify_receipt`, and nothing but the node's own signature may stand under the text.

    Signed notes may gather signatures; a receipt never does, so one more line was added by somebody
    else and would make other bytes (and another short code) of the same receipt.
    """
    note = parse_note(data)
    receipt = verify_receipt(data, node, files, centre=centre)
    if len(note.signatures) != 1:
        raise ReceiptInvalid("somebody added a signature line")
    return receipt


def _witnessed(checkpoint: bytes, node: Verifier, centre: Verifier) -> tuple[Head, Cosignature]:
    head = head_from_note(checkpoint, node)
    found = cosignatures_of(checkpoint, head, [centre])
    if not found:
        raise ReceiptProofInvalid("the centre has not cosigned this checkpoint")
    if head_to_note(head, node, [(found[0], centre)]) != checkpoint:
        raise ReceiptProofInvalid("the checkpoint holds lines of others, or in another order")
    return head, found[0]


def _compare(receipt: VerifiedReceipt, entry: DecodedEntry) -> None:
    """The entry must say of its submission what the receipt says."""
    record = record_of(entry.kind, entry.payload)
    if not receipt.accepted or not isinstance(record, UploadAccepted):
        raise ReceiptProofInvalid("the receipt or the entry is not of an accepted submission")
    if record.commitment != receipt.commitment:
        raise ReceiptProofInvalid("the entry is that of another submission")
    blobs = [(blob.digest, blob.size_bytes) for blob in record.blobs]
    if blobs != [(file.sha256, file.size_bytes) for file in receipt.details.files]:
        raise ReceiptProofInvalid("entry and receipt name different files")
    if moment(record.accept_time) != _accept_time(receipt):
        raise ReceiptProofInvalid("entry and receipt name different times of acceptance")
    if entry.exercise != receipt.document.get("exercise"):
        raise ReceiptProofInvalid("one of them is from an exercise")


def _accept_time(receipt: VerifiedReceipt) -> datetime:
    try:
        return datetime.fromisoformat(str(receipt.document["accept_time"]))
    except (KeyError, ValueError) as error:
        raise ReceiptInvalid("its time of acceptance is missing or malformed") from error
