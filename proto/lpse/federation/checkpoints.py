"""Heads of journals: signed, shown to people as checkpoints, witnessed, and compared.

Owns the text that a head's signature covers (C2SP tlog-checkpoint with origin `<party>/<epoch>`),
its binary and its note form, witnesses' cosignatures (cosignature/v1), and what two heads say
about each other. Rule: a head whose signature has not been verified is a claim, nothing more.
Leaves out the tree that a head sums up (`merkle`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from lpse.federation.errors import Refused
from lpse.federation.limits import (
    CHECKPOINT_EXTENSION_LINES_MAX,
    EPOCH_BYTES,
    JOURNAL_ENTRIES_MAX,
    PARTY_CHARACTERS_MAX,
)
from lpse.federation.merkle import EMPTY_ROOT, HASH_BYTES
from lpse.federation.notes import (
    SIGNATURE_BYTES,
    KeyKind,
    Note,
    NoteSignature,
    Signer,
    Verifier,
    parse_note,
)
from lpse.federation.v1 import journal_pb2 as wire

_PARTY = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_TIME_BYTES = 8
_TIME_SECONDS_MAX = 1 << 62


class HeadInvalid(Refused):
    """A head or checkpoint is malformed, or speaks for another journal than expected."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-2014",
            f"the journal head is not acceptable: {detail}",
            remedy="keep it as evidence and ask its writer for the present head",
        )


class Agreement(Enum):
    """What the other side's head says about ours."""

    IN_SYNC = "in_sync"
    BEHIND = "behind"  # ours is shorter; that theirs continues ours still has to be shown
    AHEAD = "ahead"  # ours is longer and begins with theirs
    OTHER_EPOCH = "other_epoch"
    FORKED = "forked"


@dataclass(frozen=True, slots=True)
class Head:
    """Size and root of one journal, with its writer's signature (64 bytes)."""

    party: str
    epoch: bytes
    size: int
    root: bytes
    signature: bytes

    def __post_init__(self) -> None:
        check_party(self.party)
        if len(self.epoch) != EPOCH_BYTES:
            raise HeadInvalid(f"an epoch has {EPOCH_BYTES} bytes")
        if not 0 <= self.size <= JOURNAL_ENTRIES_MAX:
            raise HeadInvalid("the size is out of range")
        if len(self.root) != HASH_BYTES or len(self.signature) != SIGNATURE_BYTES:
            raise HeadInvalid("root or signature has a wrong length")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise HeadInvalid("the empty journal has another root")

    @property
    def text(self) -> str:
        """What the signature covers."""
        return checkpoint_text(self.party, self.epoch, self.size, self.root)

    def message(self) -> wire.Head:
        """The binary form that travels on the link."""
        return wire.Head(
            party=self.party,
            epoch=self.epoch,
            size=self.size,
            root=self.root,
            signature=self.signature,
        )

    @classmethod
    def of(cls, message: wire.Head) -> Head:
        """Check the form of a received head; its signature is checked by `verify`."""
        return cls(message.party, message.epoch, message.size, message.root, message.signature)

    def verify(self, verifier: Verifier) -> None:
        """Raise unless the party's own key signed this head."""
        if verifier.name != self.party:
            raise HeadInvalid("the key belongs to another party")
        verifier.verify(self.text.encode(), self.signature)


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness saw a head at a time of its own clock."""

    witness: str
    time_seconds: int
    signature: bytes

    def message(self) -> wire.Cosignature:
        """The binary form that travels on the link."""
        return wire.Cosignature(
            witness=self.witness, time_seconds=self.time_seconds, signature=self.signature
        )

    @classmethod
    def of(cls, message: wire.Cosignature) -> Cosignature:
        """Check the form of a received cosignature; `verify_cosignature` checks the rest."""
        if len(message.signature) != SIGNATURE_BYTES or message.time_seconds > _TIME_SECONDS_MAX:
            raise HeadInvalid("a cosignature is malformed")
        return cls(check_party(message.witness), message.time_seconds, message.signature)


def check_party(party: str) -> str:
    """The name itself, or an error: lower-case letters, digits, dots and dashes inside."""
    if len(party) > PARTY_CHARACTERS_MAX or _PARTY.fullmatch(party) is None:
        raise HeadInvalid("a party's name is lower-case letters, digits, dots and dashes")
    return party


def checkpoint_text(party: str, epoch: bytes, size: int, root: bytes) -> str:
    """Three lines: origin, size, root (C2SP tlog-checkpoint)."""
    return f"{party}/{epoch.hex()}\n{size}\n{base64.b64encode(root).decode()}\n"


def sign_head(signer: Signer, epoch: bytes, size: int, root: bytes) -> Head:
    """A head in the signer's own name."""
    text = checkpoint_text(signer.name, epoch, size, root)
    return Head(signer.name, epoch, size, root, signer.sign(text.encode()))


def head_to_note(
    head: Head, verifier: Verifier, cosignatures: Iterable[tuple[Cosignature, Verifier]] = ()
) -> bytes:
    """The head as a signed note for people and witnesses; signature and witnesses are verified."""
    head.verify(verifier)
    lines = [NoteSignature(verifier.name, verifier.key_id, head.signature)]
    for cosignature, witness in cosignatures:
        verify_cosignature(head, cosignature, witness)
        typed = witness.of_kind(KeyKind.COSIGNATURE)
        stamp = cosignature.time_seconds.to_bytes(_TIME_BYTES, "big")
        lines.append(NoteSignature(typed.name, typed.key_id, stamp + cosignature.signature))
    return Note(head.text, tuple(lines)).to_bytes()


def head_from_note(data: bytes, verifier: Verifier) -> Head:
    """Read and verify a checkpoint of the verifier's party."""
    note = parse_note(data)
    note.verify(verifier)
    lines = note.text[:-1].split("\n")
    if len(lines) > 3:
        # Extension lines are allowed by C2SP, but then the binary form could not be rebuilt.
        count = min(len(lines) - 3, CHECKPOINT_EXTENSION_LINES_MAX)
        raise HeadInvalid(f"the checkpoint has {count} extension lines; heads here have none")
    if len(lines) < 3 or not _SIZE.fullmatch(lines[1]):
        raise HeadInvalid("a checkpoint is three lines: origin, size, root")
    party, slash, epoch = lines[0].rpartition("/")
    try:
        root = base64.b64decode(lines[2], validate=True)
        head = Head(
            party,
            bytes.fromhex(epoch),
            int(lines[1]),
            root,
            note.signatures_of(verifier)[0].data,
        )
    except ValueError as error:
        raise HeadInvalid("the origin or root is malformed") from error
    if not slash or head.text != note.text or party != verifier.name:
        raise HeadInvalid("the checkpoint has another spelling or speaks for another party")
    return head


def cosignatures_of(data: bytes, head: Head, witnesses: Iterable[Verifier]) -> list[Cosignature]:
    """The cosignatures of these witnesses under a checkpoint, each verified."""
    note = parse_note(data)
    found: list[Cosignature] = []
    for witness in witnesses:
        for line in note.signatures_of(witness.of_kind(KeyKind.COSIGNATURE)):
            if len(line.data) != _TIME_BYTES + SIGNATURE_BYTES:
                raise HeadInvalid("a cosignature line has a wrong length")
            seconds = int.from_bytes(line.data[:_TIME_BYTES], "big")
            cosignature = Cosignature(witness.name, seconds, line.data[_TIME_BYTES:])
            verify_cosignature(head, cosignature, witness)
            found.append(cosignature)
    return found


def cosign(head: Head, witness: Signer, time_seconds: int) -> Cosignature:
    """A witness's word for a head that it has verified to continue what it knew."""
    message = _cosigned(head, time_seconds)
    return Cosignature(witness.name, time_seconds, witness.sign(message))


def verify_cosignature(head: Head, cosignature: Cosignature, witness: Verifier) -> None:
    """Raise unless this witness signed this head at the stated time."""
    if cosignature.witness != witness.name:
        raise HeadInvalid("the cosignature is by another witness")
    witness.verify(_cosigned(head, cosignature.time_seconds), cosignature.signature)


def compare_heads(ours: Head, theirs: Head, root_at: Callable[[int], bytes | None]) -> Agreement:
    """What their head says about our journal; `root_at` gives our root at an earlier size.

    The caller has verified their signature. BEHIND is not yet agreement: the batch that follows,
    or a consistency proof, shows whether theirs continues ours. Where `root_at` knows nothing
    (None) the heads count as forked: what cannot be shown to agree must not overwrite anything.
    """
    if ours.party != theirs.party:
        raise HeadInvalid("heads of two parties cannot be compared")
    if ours.epoch != theirs.epoch:
        return Agreement.OTHER_EPOCH
    if ours.size < theirs.size:
        return Agreement.BEHIND
    known = ours.root if ours.size == theirs.size else root_at(theirs.size)
    if known != theirs.root:
        return Agreement.FORKED
    return Agreement.IN_SYNC if ours.size == theirs.size else Agreement.AHEAD


def _cosigned(head: Head, time_seconds: int) -> bytes:
    if not 0 <= time_seconds <= _TIME_SECONDS_MAX:
        raise HeadInvalid("the time of a cosignature is out of range")
    return f"cosignature/v1\ntime {time_seconds}\n{head.text}".encode()
