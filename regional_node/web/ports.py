"""What the port asks of the areas behind it; each implements the protocol, the port knows none.

Owns the protocols of resumable files and of grants. Rules: whoever is asked raises FederationError
or `Attempted`; a body that breaks raises out of its iterator, and what came before it is recorded.
Leaves out every implementation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from regional_node.grants.rules import Grant
from regional_node.tus.checksums import Checksum
from regional_node.tus.rows import FileState, Submitted


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


class GrantViews(Protocol):
    """What a grant's holder may read about it."""

    async def state(self, grant: Grant) -> Mapping[str, object]:
        """The document of `/g/{grant}/state`."""

    async def attempt(self, grant: Grant, number: int) -> bytes:
        """The signed proof of an attempt; NotFound."""
