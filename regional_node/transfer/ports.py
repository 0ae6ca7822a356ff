"""What transfers ask of the link, of intake and of the schedule.

Rule: functions that end in `_in` run inside the caller's transaction. Leaves out every
implementation: the composition root puts them together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import grpc

from lpse.runtime.sqlite import Transaction
from lpse.storage.blob_reader import BlobReader

# Told of a blob whose bytes are not those of its name any more, so that it is healed.
Suspect = Callable[[bytes], Awaitable[None]]


class Centre(Protocol):
    """The other side, as far as transfers need to know it."""

    def is_open(self) -> bool:
        """Whether a session is open in which entries flow (not paused, not in quarantine)."""

    def stored_size(self, epoch: bytes) -> int:
        """Own entries of this epoch that the centre has acknowledged as STORED; 0 if unknown."""

    def manifest_only(self) -> bool:
        """Whether the policy in force keeps sealed bytes at the node."""

    def connect(self) -> grpc.aio.Channel:
        """A new mTLS channel to the centre's listener for nodes, with the present certificate."""


class Need(Protocol):
    """An accepted submission: its number, its package, and the blobs that it has."""

    @property
    def submission(self) -> int: ...

    @property
    def package(self) -> str: ...

    @property
    def digests(self) -> tuple[bytes, ...]: ...


class Needs(Protocol):
    """Which packages need which bytes; implemented by intake."""

    async def after(self, submission: int, limit: int) -> Sequence[Need]:
        """Accepted submissions with a higher number, in order."""

    def newest_in(self, tx: Transaction) -> int:
        """The highest number of an accepted submission; 0 if there is none."""

    def handed_over_in(self, tx: Transaction, package: str) -> datetime | None:
        """Since when everything of a package is opened and its hand-over confirmed; else None."""


class Deadlines(Protocol):
    """Effective deadlines; implemented over the schedule."""

    def token(self) -> object:
        """Another value whenever a schedule has changed."""

    async def of(self, packages: Sequence[str], now: datetime) -> Mapping[str, datetime | None]:
        """The deadline of each package as it counts now; None where none does."""


class Copies(Protocol):
    """Where bytes on their way out are read from."""

    async def open_read(self, digest: bytes, offset: int = 0) -> BlobReader:
        """Read from an offset on; BlobUnknown where there are none."""

    async def verify(self, digest: bytes) -> bool:
        """Whether the disk still gives back the bytes of that name."""


class LocalCopies(Protocol):
    """Deletes a blob's file unless an upload under way has the same content."""

    async def free(self, digest: bytes, mark: Callable[[], Awaitable[bool]]) -> bool:
        """Delete once `mark` has said yes; whether the file is gone."""
