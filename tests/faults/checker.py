"""The one proof after any fault: what was promised is there, exactly once, byte for byte.

Owns the comparison of everything that vendors were handed with the disks of a node and of the
centre. Rules: nothing that a program says counts, only what is stored (`stored`); journals are
verified from their bytes up; every finding is named as lost, doubled, corrupted or unfounded, and
one finding never hides another. Leaves out how it came to the faults; that it catches every kind
of violation is proved by planting each (`test_checker`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lpse.federation.entries import DecodedEntry, decode_entry
from lpse.federation.errors import FederationError
from lpse.federation.receipts import VerifiedReceipt, verify_receipt
from lpse.federation.v1.records_pb2 import UploadAccepted, UploadRefused
from tests.faults.stored import Entries, Party, Row, centre_at, node_at
from tests.faults.vendors import Lying, Submission

__all__ = [
    "Fault",
    "Finding",
    "centre_at",
    "check_centre",
    "check_national",
    "check_node",
    "examine_centre",
    "examine_lying",
    "examine_national",
    "examine_node",
    "node_at",
]

Given = Mapping[str, tuple[Submission, bytes]]
Proofs = Mapping[str, Iterable[bytes]]


class Fault(StrEnum):
    """How a promise was broken."""

    LOST = "lost"
    DOUBLED = "doubled"
    CORRUPTED = "corrupted"
    UNFOUNDED = "unfounded"  # something claims to be accepted, and nothing stands for it


@dataclass(frozen=True)
class Finding:
    """One broken promise."""

    fault: Fault
    text: str


def check_node(node: Party, given: Given, proofs: Proofs | None = None) -> None:
    """Each receipt that was handed out is kept once, with its entry and its bytes."""
    _none(examine_node(node, given, proofs or {}))


def check_centre(centre: Party, node: Party, given: Given) -> None:
    """After draining, the centre has every receipt's entry once, and the same bytes."""
    _none(examine_centre(centre, node, given))


def check_national(centre: Party, node: Party) -> None:
    """The node's copy of the national journal is the beginning of it."""
    _none(examine_national(centre, node))


def examine_node(node: Party, given: Given, proofs: Proofs) -> list[Finding]:
    """What is broken at a node; empty when every promise holds."""
    return [
        *_journal(node),
        *_handed_out(node, given),
        *_attempted(node, proofs),
        *_closed(node),
    ]


def examine_lying(node: Party, lying: Mapping[str, Lying]) -> list[Finding]:
    """What is broken of files that were left in the middle: an answered offset is a promise."""
    rows, found = node.resumable(), []
    for file_id, file in lying.items():
        offset, part = rows.get(file_id, (0, b""))
        if offset < file.acknowledged or len(part) < offset:
            text = (
                f"{file_id}: {file.acknowledged} acknowledged, {offset} recorded, {len(part)} kept"
            )
            found.append(Finding(Fault.LOST, text))
        elif part[:offset] != file.content[:offset]:
            found.append(Finding(Fault.CORRUPTED, f"{file_id}: other bytes below its offset"))
    return found


def examine_centre(centre: Party, node: Party, given: Given) -> list[Finding]:
    """What the centre lacks of a node that has drained; empty when nothing."""
    own, (_, copied) = node.own(), centre.copy_of("ledger", node.name)
    entries = Counter(_commitments(copied))
    found = list(_copy(centre, node))
    for commitment, count in entries.items():
        if count > 1:
            found.append(Finding(Fault.DOUBLED, f"{_short(commitment)} twice at the centre"))
    found += [
        Finding(Fault.LOST, f"{_short(commitment)} is not at the centre")
        for commitment in set(_commitments(own)) - set(entries)
    ]
    for key, (submission, receipt) in given.items():
        try:
            commitment = verify_receipt(receipt, node.verifier).commitment
        except FederationError as error:
            found.append(Finding(Fault.CORRUPTED, f"{key}: {error}"))
            continue
        if not entries[commitment]:
            found.append(Finding(Fault.LOST, f"{key}: its entry is not at the centre"))
        for content, digest in zip(submission.contents, submission.digests, strict=True):
            found += _bytes(centre, f"{key} at the centre", len(content), digest)
    for accepted in _accepted(copied):
        for blob in accepted.blobs:
            found += _bytes(centre, "a blob of the ledger", blob.size_bytes, blob.digest)
    return found


def examine_national(centre: Party, node: Party) -> list[Finding]:
    """How the node's national copy differs from the national journal; empty when it does not."""
    found = _journal(centre)
    own = centre.own()
    _, copied = node.copy_of("national", centre.name)
    for epoch, entries in copied.items():
        if entries != own.get(epoch, [])[: len(entries)]:
            found.append(Finding(Fault.CORRUPTED, "the copy of the national journal differs"))
    return found


def _journal(party: Party) -> list[Finding]:
    try:
        party.heads()
    except FederationError as error:
        return [Finding(Fault.CORRUPTED, f"journal of {party.name}: {error}")]
    return []


def _handed_out(node: Party, given: Given) -> Iterator[Finding]:
    """Receipts in vendors' hands against rows, entries and bytes."""
    rows = node.submissions()
    stored = {row.key: row for row in rows}
    commitments = Counter(_commitments(node.own()))
    for key, (submission, receipt) in given.items():
        row = stored.get(key)
        if row is None:
            yield Finding(Fault.LOST, f"{key}: no row")
        elif row.signed != receipt:
            yield Finding(Fault.CORRUPTED, f"{key}: the receipt stored is not the one handed out")
        contents = list(zip(map(len, submission.contents), submission.digests, strict=True))
        try:
            verified = verify_receipt(receipt, node.verifier, contents)
        except FederationError as error:
            yield Finding(Fault.CORRUPTED, f"{key}: {error}")
            continue
        if not verified.accepted:
            yield Finding(Fault.UNFOUNDED, f"{key}: accepted with a proof of a refused attempt")
        if not commitments[verified.commitment]:
            yield Finding(Fault.LOST, f"{key}: no entry stands for the receipt")
        for size, digest in contents:
            yield from _bytes(node, key, size, digest)


def _attempted(node: Party, proofs: Proofs) -> Iterator[Finding]:
    """Proofs of attempts in vendors' hands: genuine, kept, journalled once, never an acceptance."""
    kept = {row.signed for row in node.attempts()}
    refused = Counter(_refused(node.own()))
    for key, texts in proofs.items():
        for text in texts:
            try:
                verified = verify_receipt(text, node.verifier)
            except FederationError as error:
                yield Finding(Fault.CORRUPTED, f"proof of {key}: {error}")
                continue
            if verified.accepted:
                yield Finding(Fault.UNFOUNDED, f"proof of {key} is a receipt")
            if text not in kept:
                yield Finding(Fault.LOST, f"proof of {key}: no row")
            if refused[verified.commitment] != 1:
                fault = Fault.DOUBLED if refused[verified.commitment] else Fault.LOST
                yield Finding(fault, f"proof of {key}: {refused[verified.commitment]} entries")


def _closed(node: Party) -> Iterator[Finding]:
    """Rows and entries stand for each other, each row's receipt is sound and its bytes are here.

    Also for submissions whose uploader never heard of it, because the node died before it answered.
    """
    rows = node.submissions()
    yield from _pairs(node, rows, _commitments(node.own()), "accepted")
    yield from _pairs(node, node.attempts(), _refused(node.own()), "refused")
    for row in rows:
        verified = _verified(node, row)
        if verified is None or not verified.accepted or verified.commitment != row.commitment:
            yield Finding(Fault.UNFOUNDED, f"{row.key}: accepted without a sound receipt")
            continue
        for file in verified.details.files:
            yield from _bytes(node, row.key, file.size_bytes, file.sha256)


def _pairs(node: Party, rows: list[Row], entries: list[bytes], what: str) -> Iterator[Finding]:
    """Exactly one row for one entry."""
    kept, journalled = Counter(row.commitment for row in rows), Counter(entries)
    if len({row.key for row in rows}) < len(rows) and what == "accepted":
        yield Finding(Fault.DOUBLED, f"{node.name}: an intake key is stored twice")
    for commitment in kept | journalled:
        counts = (kept[commitment], journalled[commitment])
        if max(counts) > 1:
            text = f"{_short(commitment)}: {counts[0]} rows and {counts[1]} entries {what}"
            yield Finding(Fault.DOUBLED, text)
        if not counts[0]:
            yield Finding(Fault.UNFOUNDED, f"{_short(commitment)}: an entry {what} without a row")
        if not counts[1]:
            yield Finding(Fault.UNFOUNDED, f"{_short(commitment)}: a row {what} without an entry")


def _copy(centre: Party, node: Party) -> Iterator[Finding]:
    """The ledger's copy ends at the node's own signed head and is the beginning of its journal."""
    own, (heads, copied) = node.own(), centre.copy_of("ledger", node.name)
    for head in heads:
        try:
            head.verify(node.verifier)
        except FederationError as error:
            yield Finding(Fault.CORRUPTED, f"a head in the ledger: {error}")
        if len(copied[head.epoch]) != head.size:
            text = f"the ledger has {len(copied[head.epoch])} entries of {head.size}"
            yield Finding(Fault.LOST, text)
    for epoch, entries in copied.items():
        if entries != own.get(epoch, [])[: len(entries)]:
            yield Finding(Fault.CORRUPTED, "the copy of the regional journal differs")


def _bytes(party: Party, what: str, size: int, digest: bytes) -> Iterator[Finding]:
    facts = party.blob_facts(digest)
    if facts is None:
        yield Finding(Fault.LOST, f"{what}: {_short(digest)} is not on the disk of {party.name}")
    elif facts != (size, digest):
        yield Finding(Fault.CORRUPTED, f"{what}: {_short(digest)} differs at {party.name}")


def _verified(node: Party, row: Row) -> VerifiedReceipt | None:
    try:
        return verify_receipt(row.signed, node.verifier)
    except FederationError:
        return None


def _commitments(entries: Entries) -> list[bytes]:
    return [accepted.commitment for accepted in _accepted(entries)]


def _accepted(entries: Entries) -> Iterator[UploadAccepted]:
    """Every acceptance."""
    return map(UploadAccepted.FromString, _payloads(entries, "upload.accepted"))


def _refused(entries: Entries) -> list[bytes]:
    payloads = _payloads(entries, "upload.refused")
    return [UploadRefused.FromString(payload).commitment for payload in payloads]


def _payloads(entries: Entries, kind: str) -> Iterator[bytes]:
    """Of one kind; what was imported counts where its first place holds it no more, and once.

    What cannot be read is no entry of this kind: the verification of its journal tells of it.
    """
    imported: set[bytes] = set()
    for data in (one for epoch in entries.values() for one in epoch):
        entry = _entry(data)
        if entry is None or entry.kind != kind:
            continue
        if entry.imported is not None:
            if entry.entry_id in imported or _stands(entries, entry):
                continue
            imported.add(entry.entry_id)
        yield entry.payload


def _entry(data: bytes) -> DecodedEntry | None:
    try:
        return decode_entry(data)
    except FederationError:
        return None


def _stands(entries: Entries, copied: DecodedEntry) -> bool:
    """Whether the entry that was written again is still where it was written first."""
    assert copied.imported is not None, "asked of imported entries only"
    epoch, index = copied.imported
    first = next(iter(entries.get(epoch, [])[index : index + 1]), b"")
    entry = _entry(first)
    return entry is not None and entry.entry_id == copied.entry_id


def _short(digest: bytes) -> str:
    return digest.hex()[:12]


def _none(findings: list[Finding]) -> None:
    assert not findings, "\n".join(f"{one.fault}: {one.text}" for one in findings)
