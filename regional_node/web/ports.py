"""What the port asks of the areas behind it; each implements the protocol, the port knows none.

Owns the protocols of resumable files and of grants. Rules: whoever is asked raises FederationError
or `Attempted`; a body that breaks raises out of its iterator, and what came before it is recorded.
Leaves out every implementation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from regional_node.grants.rules import Grant
from regional_node.tus.checksums import Checksum
from regional_node.tus.overview import GrantOverview
from regional_node.tus.rows import FileState, GrantAttempt, Submitted


class FindsGrants(Protocol):
    """Who may come in."""

    async def find(self, token: str) -> Grant:
        """The live grant of a token; NotFound FED-5301 for every reason alike."""

    def is_live(self, grant: Grant) -> bool:
        """Whether a grant found before still counts."""


class ResumableFiles(Protocol):
    """Files that come in pieces, and the submissions made of them."""

    async def create(self, grant: Grant, size_bytes: int, name: str) -> FileState:
        """Admission before the first byte."""

    async def state(self, grant: Grant, file_id: str) -> FileState:
        """What is fsynced and recorded."""

    async def create_with(
        self,
        grant: Grant,
        size_bytes: int,
        name: str,
        body: AsyncIterator[bytes],
        checksum: Checksum | None,
    ) -> FileState:
        """Create a file and write the body of the same request into it."""

    async def write(
        self,
        grant: Grant,
        file_id: str,
        offset: int,
        body: AsyncIterator[bytes],
        checksum: Checksum | None,
    ) -> FileState:
        """Bytes from `offset` on; an older writer of the file is fenced off."""

    async def terminate(self, grant: Grant, file_id: str) -> None:
        """Remove an unfinished file."""

    async def submit(self, grant: Grant, file_ids: Sequence[str]) -> Submitted:
        """Make one submission of whole files, or answer with the one made of them before."""

    async def overview(self, grant: Grant) -> GrantOverview:
        """Everything that a grant's holder may see."""

    async def attempt(self, grant: Grant, number: int) -> GrantAttempt:
        """One attempt with its signed proof; NotFound FED-5414."""
