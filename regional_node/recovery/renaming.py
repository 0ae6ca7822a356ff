"""A machine whose history was set aside goes on under an identity of its own.

Owns the order of steps while the daemon stands still. Rules: the old key stays known, so that old
receipts verify; the new identity takes its place only when the journal has begun an epoch under it;
every step may be repeated with the same code. Leaves out the command (`cli.reimporting`).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from shutil import copy2
from typing import Final

from lpse.federation.errors import Conflict
from lpse.federation.notes import Signer, Verifier
from lpse.federation.v1 import recovery_pb2 as wire
from lpse.runtime import tls
from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.sqlite import Database
from lpse.runtime.tls.enrolling import is_enrolled
from lpse.storage.blob_files import sync_folder
from lpse.storage.journal import Journal
from regional_node import identity
from regional_node.identity.history import former_verifiers, keep_former_keys
from regional_node.link.store import LinkStore
from regional_node.recovery.store import RecoveryStore

IDENTITY: Final = "identity"
NEXT: Final = "identity.next"
ACCESS_ENDED: Final = "FED-3009"
_KEPT: Final = ("escrow.key", "escrow-*.key")  # they open what was sealed until now


def is_under_way(data: Path) -> bool:
    """Whether an attempt before got as far as an identity of its own."""
    return is_enrolled(data / NEXT)


def finish(data: Path) -> bool:
    """End an attempt that died between its last two steps; whether there was one."""
    if (data / IDENTITY).exists() or not is_under_way(data):
        return False
    (data / NEXT).rename(data / IDENTITY)
    sync_folder(data)
    return True


async def check_told(database: Database) -> None:
    """Conflict (FED-2411) unless the centre advised a new identity, or ended this one's access.

    A machine whose place another one took is not let in to be advised: what it takes along is
    what the centre never acknowledged to it.
    """
    store, link = RecoveryStore(database), LinkStore(database)
    if (await store.state()).advice == wire.RECOVERY_ADVICE_REIMPORT:
        return
    newest = await link.attempts(1)
    if newest and newest[0].outcome == ACCESS_ENDED:
        await store.keep_agreed(await _acknowledged(store, link))
        return
    raise Conflict(
        "FED-2411",
        "no person decided that this machine needs a new identity",
        remedy="see 'lpse-node status'; wait for the decision of the centre",
    )


async def _acknowledged(store: RecoveryStore, link: LinkStore) -> dict[bytes, tuple[int, int]]:
    """Of every own epoch, what the centre said that it holds."""
    stored, found = (await link.load()).stored_head, {}
    for epoch, size in (await store.sizes()).items():
        cosigned = await link.cosigned(epoch)
        heads = [stored] if stored is not None and stored.epoch == epoch else []
        heads += [cosigned[0]] if cosigned is not None else []
        held = min(size, max((one.size for one in heads), default=0))
        found[epoch] = (held, held)
    return found


async def enrol_beside(data: Path, endpoint: str, code: str) -> identity.Identity:
    """The new identity, in a folder beside the old one."""
    made = await identity.enrol(endpoint, code, data / NEXT)
    await asyncio.to_thread(_take_along, data)
    return made


async def rename(
    database: Database, data: Path, chance: tuple[Clock, Entropy], *, exercise: bool
) -> int:
    """Begin the epoch of the new identity and put that in force; entries taken along."""
    store = RecoveryStore(database)
    old, new = identity.load(data / IDENTITY), identity.load(data / NEXT)
    former = Verifier(old.node_id, old.signing_key)
    signer = Signer(new.node_id, tls.load_signing_key(data / NEXT / tls.SIGNING_KEY))
    journal = Journal(database, signer, *chance, exercise=exercise)
    agreed = await store.agreed()
    await database.write(lambda tx: store.leave_unnamed_in(tx, former, signer.verifier))
    carried = await journal.open(renamed=agreed)
    await store.named(journal.epoch, journal.head.size)
    await asyncio.to_thread(_put_in_force, data, old.node_id)
    return len(carried)


def _take_along(data: Path) -> None:
    """Former keys and escrow keys: what they sealed and signed stays readable."""
    old = identity.load(data / IDENTITY)
    keys = [*former_verifiers(data / IDENTITY), Verifier(old.node_id, old.signing_key)]
    keep_former_keys(data / NEXT, keys)
    for pattern in _KEPT:
        for path in sorted((data / IDENTITY).glob(pattern)):
            copy2(path, data / NEXT / path.name)
    sync_folder(data / NEXT)


def _put_in_force(data: Path, former: str) -> None:
    kept = data / f"{IDENTITY}.{former}"
    if not kept.exists():
        (data / IDENTITY).rename(kept)
    (data / NEXT).rename(data / IDENTITY)
    sync_folder(data)
