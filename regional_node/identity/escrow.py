"""The escrow keys of this node: the one that seals now, and former ones that still open.

Owns `escrow.key` and `escrow-<id>.key` in the identity folder, which every backup holds. Rules: a
key is made once, is durable before anything is sealed with it, and is never overwritten; it leaves
this folder as recovery code on paper only. Leaves out sealing (`lpse.federation.escrow`) and the
spelling of codes (`lpse.federation.recovery_code`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from lpse.federation import escrow
from lpse.federation.errors import Conflict, Refused
from lpse.federation.limits import ESCROW_FORMER_KEYS_MAX, ESCROW_KEY_BYTES
from lpse.federation.recovery_code import code_of, read_code
from lpse.runtime.clock import Entropy
from lpse.runtime.tls.keys import read_limited, write_private

ESCROW_KEY: Final = "escrow.key"
_FORMER: Final = "escrow-*.key"


@dataclass(frozen=True, slots=True, repr=False)
class EscrowKeys:
    """`present` seals; all of them open."""

    present: bytes
    former: tuple[bytes, ...] = ()

    def seal(self, commitment: bytes, text: bytes) -> bytes:
        """What was handed out, for the journal."""
        return escrow.seal(self.present, commitment, text)

    def unseal(self, commitment: bytes, sealed: bytes) -> bytes:
        """What was handed out; EscrowInvalid (FED-2430) where no key opens it."""
        return unseal(sealed, commitment, (self.present, *self.former))


def unseal(sealed: bytes, commitment: bytes, keys: Sequence[bytes]) -> bytes:
    """Try keys in turn; EscrowInvalid (FED-2430) where none opens it."""
    failure = escrow.EscrowInvalid("there is no key")
    for key in keys:
        try:
            return escrow.unseal(key, commitment, sealed)
        except escrow.EscrowInvalid as error:
            failure = error
    raise failure


def open_escrow(folder: Path, entropy: Entropy) -> EscrowKeys:
    """The keys in `folder`; the first one is made here, durable when this returns."""
    make_escrow(folder, entropy)
    former = [_read(path) for path in sorted(folder.glob(_FORMER))]
    return EscrowKeys(_read(folder / ESCROW_KEY), tuple(former))


def make_escrow(folder: Path, entropy: Entropy) -> bool:
    """Make the key where there is none; whether it is new, so that its code must be shown."""
    if (folder / ESCROW_KEY).exists():
        return False
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(folder / ESCROW_KEY, entropy.token(ESCROW_KEY_BYTES))
    return True


def recovery_code(folder: Path) -> str:
    """The present key as it is written on paper."""
    return code_of(_read(folder / ESCROW_KEY))


def put_recovery_code(folder: Path, typed: str) -> None:
    """Make the key of a paper the present one of a node that has none yet.

    RecoveryCodeInvalid (FED-2431); Conflict (FED-2435) where another key is there.
    """
    key = read_code(typed)
    path = folder / ESCROW_KEY
    if path.exists() and _read(path) != key:
        raise Conflict(
            "FED-2435",
            "this node has an escrow key already, and the code is of another one",
            remedy="enter it with `recovery-code enter`: it then opens what waits",
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, key)


def keep_former(folder: Path, key: bytes) -> None:
    """Keep a key that opens what was sealed by an earlier life of this node; again is harmless."""
    path = folder / f"escrow-{sha256(key).hexdigest()[:16]}.key"
    if _read(folder / ESCROW_KEY) == key or path.exists():
        return
    if len(list(folder.glob(_FORMER))) >= ESCROW_FORMER_KEYS_MAX:
        raise Refused("FED-2436", f"{ESCROW_FORMER_KEYS_MAX} former keys are the limit")
    write_private(path, key)


def _read(path: Path) -> bytes:
    key = read_limited(path)
    if len(key) != ESCROW_KEY_BYTES:
        raise Refused(
            "FED-3012",
            f"{path.name} is no escrow key",
            remedy="restore it from a backup, or from the recovery code",
        )
    return key
