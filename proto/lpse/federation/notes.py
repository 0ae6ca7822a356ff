"""Signed notes: a short text with signature lines that people and witnesses can pass around.

Owns the C2SP signed-note form (text, empty line, `— name base64(key id ‖ signature)`), Ed25519
keys with their names and key ids, the verifier key text `name+hexid+base64(type ‖ key)` and the
key type of cosignatures. Rules: the received bytes are verified before they are understood;
base64 and numbers have one spelling only. Leaves out what the text says (`checkpoints`).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from lpse.federation.errors import Refused
from lpse.federation.limits import KEY_NAME_CHARACTERS_MAX, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX

KEY_BYTES = 32
KEY_ID_BYTES = 4
SIGNATURE_BYTES = 64
_DASH = "— "  # U+2014 and a space begin a signature line


class NoteInvalid(Refused):
    """A note, key or signature line is not spelled as C2SP signed-note demands."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-2102",
            f"the signed note or key is malformed: {detail}",
            remedy="ask for the file again; it must be passed on byte by byte",
        )


class SignatureInvalid(Refused):
    """The signature is missing or was not made by this key over these bytes."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "FED-2103",
            f"the signature of {name} does not fit",
            remedy="do not trust the content; compare the key with the one that was pinned",
        )


class KeyKind(IntEnum):
    """Signature types of C2SP signed-note that the federation uses."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True)
class Verifier:
    """A named public key; the name is part of what the key id binds."""

    name: str
    public: bytes
    kind: KeyKind = KeyKind.ED25519
    _key: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public) != KEY_BYTES:
            raise NoteInvalid("an Ed25519 public key has 32 bytes")
        object.__setattr__(self, "_key", Ed25519PublicKey.from_public_bytes(self.public))

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name ‖ "\\n" ‖ type ‖ key)."""
        typed = bytes([self.kind]) + self.public
        return sha256(self.name.encode() + b"\n" + typed).digest()[:KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """The form in which a key is written down: `name+hexid+base64`."""
        encoded = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read the text form; refuses a key id that does not belong to name and key."""
        name, plus, rest = text.partition("+")
        hexid, second, encoded = rest.partition("+")
        if not plus or not second:
            raise NoteInvalid("a verifier key is name+id+key")
        typed = _decode_base64(encoded)
        if not typed or typed[0] not in list(KeyKind):
            raise NoteInvalid("the key is of an unknown type")
        verifier = cls(name, typed[1:], KeyKind(typed[0]))
        if verifier.key_id.hex() != hexid:
            raise NoteInvalid("the key id does not belong to this name and key")
        return verifier

    def of_kind(self, kind: KeyKind) -> Verifier:
        """The same key under another signature type, with that type's key id."""
        return Verifier(self.name, self.public, kind)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raise unless this key signed exactly these bytes."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature as error:
            raise SignatureInvalid(self.name) from error


class Signer:
    """A named private key."""

    def __init__(self, name: str, private_key: Ed25519PrivateKey) -> None:
        self._key = private_key
        self.verifier = Verifier(name, private_key.public_key().public_bytes_raw())
        self._key_id = self.verifier.key_id

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Signer:
        """A key from 32 unguessable bytes."""
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def name(self) -> str:
        """The party or person that the key stands for."""
        return self.verifier.name

    @property
    def public(self) -> bytes:
        """The raw public key, 32 bytes."""
        return self.verifier.public

    @property
    def key_id(self) -> bytes:
        """Key id of the ordinary signature type."""
        return self._key_id

    def sign(self, message: bytes) -> bytes:
        """64 bytes of Ed25519 over exactly these bytes."""
        return self._key.sign(message)

    def sign_note(self, text: str) -> NoteSignature:
        """An ordinary signature line under a note's text."""
        return NoteSignature(self.name, self.key_id, self.sign(text.encode()))


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line; `data` is what follows the key id."""

    name: str
    key_id: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a newline, and the lines under it."""

    text: str
    signatures: tuple[NoteSignature, ...] = ()

    def to_bytes(self) -> bytes:
        """The note as it is passed around."""
        lines = [
            f"{_DASH}{one.name} {base64.b64encode(one.key_id + one.data).decode()}\n"
            for one in self.signatures
        ]
        return (self.text + "\n" + "".join(lines)).encode()

    def signatures_of(self, verifier: Verifier) -> list[NoteSignature]:
        """Lines that name this key; lines of unknown keys are ignored, as C2SP demands."""
        wanted = (verifier.name, verifier.key_id)
        return [one for one in self.signatures if (one.name, one.key_id) == wanted]

    def verify(self, verifier: Verifier) -> None:
        """Raise unless the key signed this text; one wrong line of that key is enough to raise."""
        lines = self.signatures_of(verifier)
        if not lines:
            raise SignatureInvalid(verifier.name)
        for line in lines:
            verifier.verify(self.text.encode(), line.data)


def parse_note(data: bytes) -> Note:
    """Read a note strictly: UTF-8, no control characters, canonical base64, at least one line."""
    if len(data) > NOTE_BYTES_MAX:
        raise NoteInvalid(f"longer than {NOTE_BYTES_MAX} bytes")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteInvalid("not UTF-8") from error
    if any(character < " " and character != "\n" for character in whole):
        raise NoteInvalid("it holds a control character")
    body, gap, tail = whole.rpartition("\n\n")
    if not gap or not body or not tail.endswith("\n"):
        raise NoteInvalid("there is no signature block")
    lines = tail[:-1].split("\n")
    if len(lines) > NOTE_SIGNATURES_MAX:
        raise NoteInvalid(f"more than {NOTE_SIGNATURES_MAX} signatures")
    return Note(body + "\n", tuple(_parse_line(line) for line in lines))


def _parse_line(line: str) -> NoteSignature:
    if not line.startswith(_DASH):
        raise NoteInvalid("a signature line does not begin with a dash")
    name, space, encoded = line[len(_DASH) :].partition(" ")
    if not space:
        raise NoteInvalid("a signature line has no signature")
    _check_name(name)
    data = _decode_base64(encoded)
    if len(data) <= KEY_ID_BYTES:
        raise NoteInvalid("a signature is too short")
    return NoteSignature(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def _decode_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteInvalid("not base64") from error
    if base64.b64encode(data).decode() != text:
        raise NoteInvalid("base64 with another spelling")
    return data


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= KEY_NAME_CHARACTERS_MAX:
        raise NoteInvalid(f"a key name has 1 to {KEY_NAME_CHARACTERS_MAX} characters")
    if "+" in name or not name.isprintable() or any(map(str.isspace, name)):
        raise NoteInvalid("a key name has no spaces, plus signs or invisible characters")
