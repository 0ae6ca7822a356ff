"""What the link asks of others, and the parts that every session shares.

Leaves out every implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from lpse.federation.notes import Signer
from lpse.federation.v1 import link_pb2 as wire
from lpse.runtime.clock import Clock, Entropy
from lpse.storage.journal import Journal
from regional_node.link.state import LinkState
from regional_node.national.national import National
from regional_node.reconciliation.runs import Runs


class ServiceFacts(Protocol):
    """Can vendors use SPSE here, as the probes last saw it?"""

    def service(self) -> tuple[wire.ServiceState.ValueType, str]:
        """The state, and the version that the running service reports (empty: no answer)."""


class BlobFacts(Protocol):
    """How far the bytes of uploads have followed their entries."""

    def queue_bytes(self) -> int:
        """Blob bytes that the centre has not acknowledged as VERIFIED."""

    def verified_blobs(self) -> int:
        """Blobs that the centre has verified since this program started."""


class DiskFacts(Protocol):
    """How the data disk is, and whom to tell that the centre lost bytes."""

    def given_up(self) -> bool:
        """Whether the disk is full and the ballast was given up."""

    def damaged(self) -> int:
        """Stored blobs that are damaged and not healed yet."""

    async def wanted(self, asked: wire.BlobsWanted) -> None:
        """The centre found its copies of these damaged."""


class Stream(Protocol):
    """One open stream of raw frames."""

    async def read(self) -> bytes | None:
        """The next frame; None at the orderly end; FederationError when the road broke."""

    async def write(self, data: bytes) -> None:
        """Send one frame; waits while the line is full."""

    async def finish(self) -> None:
        """Say that no more frames follow; the other side ends the stream then."""

    async def close(self) -> None:
        """End the stream; harmless when it has ended."""


class Measuring(Protocol):
    """Who learns from the centre's clock."""

    async def measured(self, sent_monotonic: float, centre_time: datetime) -> None:
        """The centre's time in its answer to a question that left at `sent_monotonic`."""


class Challenged(Protocol):
    """Who shows the centre that an entry stands in the own journal."""

    async def answer(self, challenge: wire.Challenge) -> wire.ChallengeAnswer:
        """Leaf and path as read from disk now, or the reason why not; `number` is set here too."""


class Witnessed(Protocol):
    """Who compares national heads that other nodes cosigned with the own copy."""

    async def took_witnessed(self, heads: Sequence[wire.WitnessedHead]) -> None:
        """At most WITNESSED_HEADS_MAX of them, unverified; a FederationError ends the session."""


class BundleHolder(Protocol):
    """Who may hold a release bundle that the centre has lost."""

    def wanted(self, asked: wire.BundleWanted) -> None:
        """The centre asks this node for it; answered later, by a call of its own."""


Connect = Callable[[], Stream]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a node says about itself in every hello."""

    endpoint: str
    software_version: str
    exercise: bool
    boot_id: bytes


@dataclass(frozen=True, slots=True)
class Parts:
    """What every session works with."""

    journal: Journal
    national: National
    runs: Runs
    state: LinkState
    service: ServiceFacts
    blobs: BlobFacts
    disk: DiskFacts
    free_bytes: Callable[[], int]
    signer: Signer
    clock: Clock
    entropy: Entropy
    log: FilteringBoundLogger
    settings: Settings
    measuring: Measuring | None = None
    challenged: Challenged | None = None
    witnessed: Witnessed | None = None
    bundles: BundleHolder | None = None
