"""What the link asks of others, and the parts that every session shares.

Leaves out every implementation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from structlog.typing import FilteringBoundLogger

from central.fleet.store import FleetStore
from central.ledger.ledger import Ledger
from central.ledger.ports import NodeKeys
from central.link.frames import NationalFrames
from central.link.store import LinkStore
from central.link.witnesses import WitnessBook
from central.national.national import National
from lpse.federation.notes import Signer
from lpse.runtime.channels import Subject
from lpse.runtime.clock import Clock, Entropy


class Admission(Protocol):
    """Who may connect."""

    def require_node(self, context: Any) -> str:
        """The node id of the caller's certificate; Denied when it is revoked or no node's."""

    def on_revoked(self, subscriber: Callable[[Subject], None]) -> None:
        """Call back with a subject as soon as its access has ended."""


class Stream(Protocol):
    """One open stream of raw frames."""

    async def read(self) -> bytes | None:
        """The next frame; None at the end."""

    async def write(self, data: bytes) -> None:
        """Send one frame; waits while the line is full."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be configured about the link, inside the limits."""

    software_version: str
    exercise: bool
    lease_seconds: int
    heartbeat_seconds: int


@dataclass(frozen=True, slots=True)
class Parts:
    """What every session works with."""

    ledger: Ledger
    national: National
    frames: NationalFrames
    fleet: FleetStore
    store: LinkStore
    witnesses: WitnessBook
    keys: NodeKeys
    signer: Signer
    clock: Clock
    entropy: Entropy
    log: FilteringBoundLogger
    settings: Settings
