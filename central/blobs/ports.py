"""What the Transfer service asks of its neighbours.

Leaves out every implementation: enrolment knows callers, `uploads` what nodes have announced,
`releases` what is published.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import grpc

from lpse.runtime.channels import Subject
from lpse.runtime.sqlite import Transaction

Context = grpc.aio.ServicerContext[Any, Any]


class Admission(Protocol):
    """Who may come in; implemented by enrolment."""

    def require_node(self, context: Context) -> str:
        """The node id behind the call; Denied otherwise."""

    def on_revoked(self, subscriber: Callable[[Subject], None]) -> None:
        """Call back as soon as a subject has lost access."""


class Announcements(Protocol):
    """What nodes have said that they will bring; implemented by `uploads`."""

    async def announced_size(self, node_id: str, digest: bytes) -> int | None:
        """Size in a projected entry of this node; None where no such entry is known."""

    async def announced_sizes(self, node_id: str, digests: Sequence[bytes]) -> dict[bytes, int]:
        """The same for many; digests that no projected entry names are left out."""

    async def brought(self, node_id: str, digests: Sequence[bytes]) -> set[bytes]:
        """Those whose bytes this node itself once brought: the centre knows that it had them."""

    async def is_current(self, node_id: str) -> bool:
        """Whether every entry that is STORED from this node has been projected."""

    def verified_in(self, tx: Transaction, node_id: str, digest: bytes, now: datetime) -> None:
        """The bytes are here, for this node; repeating it changes nothing."""


@dataclass(frozen=True, slots=True)
class ParkedBlob:
    """A blob that a node has set aside."""

    digest: bytes
    size_bytes: int
    cause: str
    attempts: int


class ParkedBlobs(Protocol):
    """What nodes have set aside; implemented by `uploads`."""

    async def report(self, node_id: str, blobs: Sequence[ParkedBlob], now: datetime) -> list[bytes]:
        """Keep a node's list in place of its last one; which of them an operator wants again."""


class Returned(Protocol):
    """A lost bundle on its way back, from the one node that was asked for it."""

    @property
    def size(self) -> int:
        """The size that was published."""

    def returned_in(self, tx: Transaction) -> None:
        """Follows from the bytes, in the transaction that vouches for them."""

    def begun(self, offset: int) -> None:
        """A stream goes on from there."""

    def ended(self, offset: int) -> None:
        """The stream is over; so much had come."""

    def came(self) -> None:
        """The bundle is whole and durable."""

    def false(self) -> None:
        """The bytes have another digest; they are gone."""


class Bundles(Protocol):
    """What nodes may fetch, and what they are asked for; implemented by `releases`."""

    async def offered_size(self, digest: bytes) -> int | None:
        """Size of a published bundle that is not withdrawn; None for anything else."""

    def coming(self, node_id: str, digest: bytes) -> Returned | None:
        """A lost bundle that this node was asked for; None for anything else."""
