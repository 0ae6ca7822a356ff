"""What a node remembers, opened: journal, link, clock, national copy.

Owns the order in which they open over a disk that is open already, and what a restored folder
means for them. Rule: nothing here is the machine's own; disk, keys, time and chance are given
(`Ground`), so that a simulator can give others. Leaves out the areas (`assembly`, `areas`) and the
daemon's life (`app`).
"""

from __future__ import annotations

from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from lpse.federation.acts import CENTRE_PARTY
from lpse.federation.desired_state import NodeFacts
from lpse.federation.notes import Signer, Verifier
from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.sqlite import Database
from lpse.storage.backup import clear_restored, is_restored
from lpse.storage.blobs import BlobStore
from lpse.storage.disk_care import DiskCare
from lpse.storage.journal import Journal
from lpse.storage.recover_marker import clear_recover, marked_head
from regional_node.clock.keeper import ClockKeeper
from regional_node.clock.store import ClockStore
from regional_node.config import NodeSettings
from regional_node.identity import Identity
from regional_node.identity.escrow import EscrowKeys
from regional_node.intake.opening_store import newest_acceptance_in
from regional_node.link.state import LinkState
from regional_node.machine import Machine
from regional_node.national.national import National
from regional_node.national.newest import NewestNational
from regional_node.recovery.store import BACKUP, LOST_MACHINE, RecoveryStore
from regional_node.upgrades.host import MACHINE, Host


@dataclass(frozen=True, slots=True)
class Ground:
    """What the machine gives: settings, identity, time, chance, the log, the key and the disk."""

    settings: NodeSettings
    me: Identity
    clock: Clock
    entropy: Entropy
    log: FilteringBoundLogger
    signer: Signer
    database: Database
    blobs: BlobStore
    care: DiskCare
    escrow: EscrowKeys | None = None
    host: Host = MACHINE


async def open_machine(ground: Ground) -> Machine:
    """Open everything that a node remembers; a folder that was restored begins a new epoch."""
    settings, me, clock, database = ground.settings, ground.me, ground.clock, ground.database
    exercise = settings.environment == "exercise"
    await ground.care.verify_database(database, ground.signer.verifier)
    journal = Journal(database, ground.signer, clock, ground.entropy, exercise=exercise)
    state = LinkState(database, journal)
    await state.open()
    restored, lost = is_restored(settings.data), marked_head(settings.data)
    await journal.open(restored=restored, stored=state.stored_head, continues=lost)
    if restored or lost is not None:
        await RecoveryStore(database).want(LOST_MACHINE if lost else BACKUP)
        clear_restored(settings.data)
        clear_recover(settings.data)
    keeper = ClockKeeper(ClockStore(database, journal), clock, ground.log)
    # In an exercise legal moments on record say nothing about the wall clock.
    newest = None if exercise else await database.read(newest_acceptance_in)
    await keeper.open(newest, restored=restored)
    facts = NodeFacts(me.node_id, me.province, me.zone)
    centre = Verifier(CENTRE_PARTY, me.centre_signing_key)
    national = National(database, journal, centre, facts)
    await national.open()
    return Machine(
        settings=settings,
        me=facts,
        endpoint=settings.link.nodes or me.endpoint,
        clock=clock,
        entropy=ground.entropy,
        log=ground.log,
        signer=ground.signer,
        database=database,
        blobs=ground.blobs,
        journal=journal,
        national=national,
        link=state,
        keeper=keeper,
        newest=NewestNational(national),
        care=ground.care,
        host=ground.host,
        escrow=ground.escrow,
    )
