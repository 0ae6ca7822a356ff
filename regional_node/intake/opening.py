"""Opening a package and handing it over: who may ask, and in which order things leave.

Owns the order of a hand-over and the re-reading of bytes on their way out. Rules: nothing leaves
before the opening is durable in the journal (Invariants 1 and 6); a file that cannot be read is
named as such and does not keep the others back (Invariant 10). Leaves out the decision whether a
package may be opened, and by whom (`opening_store`, in its transaction).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from lpse.federation.commitments import SealedFile, SubmissionDetails, read_details
from lpse.federation.errors import FederationError, Refused
from lpse.federation.limits import UPLOAD_CHUNK_BYTES
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.storage.blobs import BlobReader
from regional_node.intake.details import check_package
from regional_node.intake.judgement_store import Judgement
from regional_node.intake.office import Office
from regional_node.intake.opening_store import Opened, OpeningStore
from regional_node.intake.rows import StoredAttempt, StoredSubmission

_FREED: Final = "FED-2325"


class Unreadable(Refused):
    """Stored bytes that are gone or no longer have their digest."""

    def __init__(self) -> None:
        super().__init__(
            "FED-5207",
            "a sealed file cannot be read from this node's disk, or its bytes changed",
            remedy="restore it from the centre's copy or the newest backup, then open again",
        )


@dataclass(frozen=True, slots=True)
class Released:
    """A submission that may be read."""

    stored: StoredSubmission
    details: SubmissionDetails
    judgements: tuple[Judgement, ...]


class BlobSource(Protocol):
    """Where the sealed bytes are read from."""

    async def open_read(self, digest: bytes, offset: int = 0) -> BlobReader:
        """NotFound where they are not here; FED-2325 where the local copy was given up."""


class Openings:
    """The way out of the node."""

    def __init__(
        self,
        store: OpeningStore,
        blobs: BlobSource,
        office: Office,
        log: FilteringBoundLogger,
        suspect: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> None:
        """`suspect` is told of bytes that could not be handed over, so that they are healed."""
        self._store = store
        self._blobs = blobs
        self._office = office
        self._log = log
        self._suspect = suspect

    async def open(self, package: str, act: SignedAct | None) -> Opened:
        """Reveal the package's commitments, once; an officer's act is checked where it is given."""
        check_package(package)
        now = self._office.moment()
        opened = await self._store.open(package, now, act)
        self._log.info("opening.released", submissions=opened.submissions)
        return opened

    async def submissions(self, package: str) -> AsyncIterator[Released]:
        """Every revealed submission in the order of acceptance."""
        after = 0
        while page := await self._store.submissions(package, after):
            for stored, judgements in page:
                yield Released(stored, read_details(stored.commitment.details), judgements)
            after = page[-1][0].number

    async def attempts(self, package: str) -> list[StoredAttempt]:
        """Every revealed refused attempt."""
        return await self._store.attempts(package)

    async def attempts_of(self, intake_key: str) -> list[StoredAttempt]:
        """What became of the refused attempts under a key, newest first."""
        return await self._store.attempts_of(intake_key)

    async def read(self, file: SealedFile) -> AsyncIterator[bytes]:
        """The bytes of a file; Unreadable (FED-5207) at its end if they are not what was sealed."""
        found, size = sha256(), 0
        try:
            async with await self._blobs.open_read(file.sha256) as reader:
                while data := await reader.read(UPLOAD_CHUNK_BYTES):
                    found.update(data)
                    size += len(data)
                    yield data
        except FederationError as error:
            if error.code == _FREED:
                raise  # nothing is wrong with it: it says where the bytes are
            self._log.error("opening.unreadable", code=error.code, digest=file.sha256.hex())
            await self._tell(file)
            raise Unreadable from error
        if found.digest() != file.sha256 or size != file.size_bytes:
            self._log.error("opening.damaged", digest=file.sha256.hex())
            await self._tell(file)
            raise Unreadable

    async def _tell(self, file: SealedFile) -> None:
        if self._suspect is not None:
            with suppress(FederationError):  # a later pass finds it as well
                await self._suspect(file.sha256)

    async def confirm(self, package: str, submissions: int) -> datetime:
        """SPSE holds everything: journalled once per number of submissions."""
        check_package(package)
        return await self._store.confirm(package, submissions, self._office.clock.now())
