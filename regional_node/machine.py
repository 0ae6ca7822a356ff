"""What every area of a node may use: its settings, storage, journal, clock, link.

Owns the one value that the composition root hands to its parts. Rule: it holds things that are
open already. Leaves out how they are opened (`app`) and what is made of them (`areas`, `front`).
"""

from __future__ import annotations

from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from lpse.federation.desired_state import NodeFacts
from lpse.federation.notes import Signer
from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.sqlite import Database
from lpse.storage.blobs import BlobStore
from lpse.storage.disk_care import DiskCare
from lpse.storage.journal import Journal
from regional_node.clock.keeper import ClockKeeper
from regional_node.config import NodeSettings
from regional_node.identity.escrow import EscrowKeys
from regional_node.link.state import LinkState
from regional_node.national.national import National
from regional_node.national.newest import NewestNational
from regional_node.upgrades.host import MACHINE, Host


@dataclass(frozen=True, slots=True)
class Machine:
    """What every area may use; made by `app`."""

    settings: NodeSettings
    me: NodeFacts
    endpoint: str
    clock: Clock
    entropy: Entropy
    log: FilteringBoundLogger
    signer: Signer
    database: Database
    blobs: BlobStore
    journal: Journal
    national: National
    link: LinkState
    keeper: ClockKeeper
    newest: NewestNational
    care: DiskCare
    escrow: EscrowKeys | None = None  # None: details are not sealed into the journal
    host: Host = MACHINE  # where the local service and its hooks run

    @property
    def exercise(self) -> bool:
        """Whether legal time may be stepped."""
        return self.settings.environment == "exercise"
