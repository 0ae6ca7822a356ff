"""Public keys that this node signed with before: on machines that were lost.

Owns `former-keys` in the identity folder, one key per line as published (`name+id+key`). Rule: a
key is never forgotten: receipts that it signed stay valid for ever. Leaves out who proves that a
key was this node's (enrolment with the centre's approval).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from lpse.federation.notes import Verifier
from lpse.runtime.tls.keys import read_limited, write_public

FORMER_KEYS: Final = "former-keys"


def former_verifiers(folder: Path) -> tuple[Verifier, ...]:
    """Keys of earlier machines, oldest first; none on the first one."""
    path = folder / FORMER_KEYS
    if not path.exists():
        return ()
    lines = read_limited(path).decode("utf-8").splitlines()
    return tuple(Verifier.parse(line) for line in lines if line)


def former_keys(folder: Path) -> frozenset[bytes]:
    """The same keys, raw."""
    return frozenset(one.public for one in former_verifiers(folder))


def keep_former_keys(folder: Path, keys: Iterable[Verifier]) -> None:
    """Add keys that are not there yet; durable when this returns."""
    known = list(dict.fromkeys((*former_verifiers(folder), *keys)))
    write_public(folder / FORMER_KEYS, "".join(f"{one.text}\n" for one in known).encode())
