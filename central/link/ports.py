"""What the link asks of others, and the parts that every session shares.

Leaves out every implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from lpse.federation.checkpoints import Head
from lpse.federation.notes import Signer
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import records_pb2 as records
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


class Challenges(Protocol):
    """Who asks nodes for proofs at random moments, and judges the answers."""

    async def due(self, node_id: str, held: Head) -> link.Challenge | None:
        """A question to ask now; called after each heartbeat of a session of protocol 2.

        `held` is what the ledger holds of the session's epoch. The session sets `number`.
        """

    async def answered(
        self, node_id: str, asked: link.Challenge, answer: link.ChallengeAnswer
    ) -> None:
        """Judge the answer to a question of this session; a FederationError ends the session."""


class Witnesses(Protocol):
    """Who knows which national heads the other nodes cosigned."""

    def sample(self, node_id: str) -> Sequence[link.WitnessedHead]:
        """At most WITNESSED_HEADS_MAX heads to show that node now; not its own."""


class Findings(Protocol):
    """Who writes down what the centre found out about a node's history."""

    async def record(
        self,
        node_id: str,
        trigger: records.ReconciliationTrigger.ValueType,
        entries: Sequence[records.ReconciliationEntry],
    ) -> None:
        """Journal a run of the centre with these decisions, once per distinct finding."""


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
    challenges: Challenges | None = None
    witnessed: Witnesses | None = None
    findings: Findings | None = None
