"""Which key of a node signed a head: a node may have had several.

Rule: a head of an old epoch verifies with the key that was bound then (bindings are kept for ever).
Leaves out binding (`enrolment`).
"""

from __future__ import annotations

from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError, NotFound
from lpse.federation.notes import Verifier
from lpse.runtime.sqlite import Database


class KeysStore:
    """Reads the table of bindings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def signer_of(self, head: Head) -> Verifier:
        """The bound key that signed this head; NotFound (FED-3030) where none did."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT signing_key FROM node_bindings WHERE node_id = ? ORDER BY enrol_time DESC",
                (head.party,),
            )
        )
        for (public,) in rows:
            key = Verifier(head.party, public)
            try:
                head.verify(key)
            except FederationError:
                continue
            return key
        raise NotFound("FED-3030", f"no bound key of {head.party} signed its head")
