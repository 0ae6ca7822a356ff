"""The check of a receipt or proof by anyone: what was checked, what it showed, what is missing.

Owns the order of the checks and their words (English message ids). Rules: pure over the bytes given
and the published keys, so that it says the same with the centre away; a check that was not made is
said to be missing, never passed over; the bid's files are known by size and digest only. Leaves out
forms, pages, and whether this node's records have the receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from lpse.federation.errors import FederationError, Refused
from lpse.federation.notes import SignatureInvalid, Verifier, parse_note
from lpse.federation.receipt_proofs import (
    VerifiedProof,
    parts_of,
    verify_receipt_proof,
    verify_sole_receipt,
)
from lpse.federation.receipts import FileForeign, VerifiedReceipt
from lpse.federation.tlog_proofs import is_tlog_proof, parse_tlog_proof
from regional_node.receipts.proofs import Keys
from regional_node.receipts.views import not_before

_SHAPES: Final = {"good": "✓", "bad": "✕", "warn": "!", "open": "○"}
RECEIPT: Final = "RECEIPT"
ATTEMPT: Final = "ATTEMPT"
PROOF: Final = "PROOF"


@dataclass(frozen=True, slots=True)
class Given:
    """A file of the bid as the browser told it; the size is None where only a digest was typed."""

    name: str
    sha256: bytes
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the answer: `good`, `bad`, `warn` or `open` (not checked)."""

    tone: str
    text: str
    fields: dict[str, object] = field(default_factory=dict)

    @property
    def shape(self) -> str:
        """Beside the colour."""
        return _SHAPES[self.tone]


@dataclass(frozen=True, slots=True)
class Examined:
    """What a check showed; without an error everything that was checked is in order."""

    kind: str
    checks: tuple[Check, ...]
    signed: bytes = b""
    verified: VerifiedReceipt | None = None
    proof: VerifiedProof | None = None
    error: FederationError | None = None

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong."""
        return self.error is None


def examine(data: bytes, given: Sequence[Given], keys: Keys) -> Examined:
    """Check what somebody handed in; never raises for anything that is in it."""
    keys = keys.signing(data)
    try:
        if is_tlog_proof(data):
            return _examine_proof(data, given, keys)
        return _examine_note(data, given, keys)
    except FileForeign as error:
        return Examined(
            _kind_of(data), (Check("bad", "A file is not one of this receipt"),), error=error
        )
    except SignatureInvalid as error:
        return Examined(_kind_of(data), (_signature_bad(data, keys.node),), error=error)
    except FederationError as error:
        return Examined(
            _kind_of(data), (Check("bad", "The text is not as it was signed"),), error=error
        )


def _examine_proof(data: bytes, given: Sequence[Given], keys: Keys) -> Examined:
    receipt = parts_of(parse_tlog_proof(data))[0]
    contents = _contents(receipt, given, keys)
    proof = verify_receipt_proof(data, keys.node, keys.centre, contents)
    checks = [
        *_of_receipt(proof.receipt, given, keys),
        Check(
            "good",
            "Entry {index} of the node's journal says the same; the path leads to its signed head",
            {"index": proof.index},
        ),
        Check(
            "good",
            "Not after: {centre} signed at {time} that it holds the entry",
            {"centre": keys.centre.name, "time": proof.not_after},
        ),
    ]
    return Examined(PROOF, tuple(checks), proof.receipt_bytes, proof.receipt, proof)


def _examine_note(data: bytes, given: Sequence[Given], keys: Keys) -> Examined:
    verified = verify_sole_receipt(data, keys.node, _contents(data, given, keys))
    checks = _of_receipt(verified, given, keys)
    if verified.accepted:
        text = "Not after: not shown by a receipt alone; its proof shows it after the opening"
        checks.append(Check("open", text))
    kind = RECEIPT if verified.accepted else ATTEMPT
    return Examined(kind, tuple(checks), data, verified)


def _of_receipt(verified: VerifiedReceipt, given: Sequence[Given], keys: Keys) -> list[Check]:
    fields: dict[str, object] = {"node": verified.node, "key": keys.node.key_id.hex()}
    return [
        Check("good", "Signed by {node} with its published key {key}", fields),
        Check("good", "The details are those that were committed to"),
        _files(verified, given),
        _national(verified, keys.centre),
    ]


def _files(verified: VerifiedReceipt, given: Sequence[Given]) -> Check:
    count = len(verified.details.files)
    if not given:
        return Check("open", "Files: none was given to compare")
    compared = {one.sha256 for one in given}
    missing = sum(file.sha256 not in compared for file in verified.details.files)
    fields: dict[str, object] = {"count": count - missing, "all": count}
    if missing:
        return Check("warn", "Files: {count} of {all} were given, and are those", fields)
    return Check("good", "Files: all {all} are those of the submission", fields)


def _national(verified: VerifiedReceipt, centre: Verifier) -> Check:
    if verified.document["national"] is None:
        return Check("open", "Not before: the node knew no national journal yet")
    known = not_before(verified, centre)
    if known is None:
        return Check("warn", "Not before: the national head inside is not signed by the centre")
    fields: dict[str, object] = {"size": known[0], "centre": known[1]}
    return Check("good", "Not before: {centre} had signed {size} national entries", fields)


def _contents(receipt: bytes, given: Sequence[Given], keys: Keys) -> list[tuple[int, bytes]]:
    """Sizes and digests; a digest without its size is looked up in the receipt itself."""
    if all(one.size_bytes is not None for one in given):
        return [(one.size_bytes or 0, one.sha256) for one in given]
    files = verify_sole_receipt(receipt, keys.node).details.files
    sizes = {file.sha256: file.size_bytes for file in files}
    contents: list[tuple[int, bytes]] = []
    for position, one in enumerate(given, start=1):
        size = sizes.get(one.sha256) if one.size_bytes is None else one.size_bytes
        if size is None:
            raise FileForeign(position)
        contents.append((size, one.sha256))
    return contents


def _signature_bad(data: bytes, node: Verifier) -> Check:
    """Tells a changed text from one of another node, as far as its own words go."""
    signers = _signers(data)
    if signers and node.name not in signers:
        names = ", ".join(signers[:3])
        return Check("bad", "Signed by somebody else: {names}; ask there", {"names": names})
    return Check("bad", "The signature does not fit: the text was changed, or never signed")


def _signers(data: bytes) -> list[str]:
    try:
        note = parse_tlog_proof(data).checkpoint if is_tlog_proof(data) else data
        return [line.name for line in parse_note(note).signatures]
    except Refused:
        return []


def _kind_of(data: bytes) -> str:
    if is_tlog_proof(data):
        return PROOF
    return ATTEMPT if data.startswith(b"lpse-federation attempt") else RECEIPT
