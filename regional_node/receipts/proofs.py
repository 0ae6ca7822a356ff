"""A receipt becomes a proof: after opening, once the centre has cosigned a head that covers it.

Owns the moment from which this is possible and the making of paths. Rules: before opening nothing
of the journal is told (index differences would count bids); a proof is checked with the public keys
before it is handed out, and stays the same bytes for ever; one is made at a time, so that a rush
after an opening costs intake nothing. Leaves out the form (`lpse.federation.receipt_proofs`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from lpse.federation.checkpoints import Cosignature, Head, head_to_note
from lpse.federation.errors import Conflict, NotFound, Unavailable
from lpse.federation.key_history import key_of, key_of_head
from lpse.federation.limits import PROOF_TILES_PER_COMMIT_MAX
from lpse.federation.merkle import root_of
from lpse.federation.notes import Verifier
from lpse.federation.receipt_proofs import (
    VerifiedProof,
    make_receipt_proof,
    verify_receipt_proof,
)
from lpse.terminal.words import date_text
from regional_node.intake.rows import StoredSubmission
from regional_node.receipts.paths import path_of
from regional_node.receipts.store import Place, ReceiptStore

# The newest head of an own epoch that the centre cosigned (regional_node.link.store).
Cosigned = Callable[[bytes], Awaitable[tuple[Head, Cosignature] | None]]
RETRY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Keys:
    """The public keys with which everything is checked.

    `former` are those of this node's earlier machines: what they signed stays valid.
    """

    node: Verifier
    centre: Verifier
    former: tuple[Verifier, ...] = ()

    def node_of(self, data: bytes) -> Verifier:
        """The key of this node that signed a receipt or proof; the present one for anything else.

        What was not signed by any of them is refused by whoever checks.
        """
        return key_of(data, (self.node, *self.former))

    def signing(self, data: bytes) -> Keys:
        """With the key that signed this text in the place of the present one."""
        return Keys(self.node_of(data), self.centre, self.former)

    def node_of_head(self, head: Head) -> Verifier:
        """The key of this node that signed a head."""
        return key_of_head(head, (self.node, *self.former))


class Proofs:
    """See the module's first lines."""

    def __init__(self, store: ReceiptStore, cosigned: Cosigned, keys: Keys) -> None:
        self._store = store
        self._cosigned = cosigned
        self.keys = keys
        self._turn = asyncio.Lock()

    async def proof(self, intake_key: str) -> bytes:
        """The proof of a submission.

        NotFound FED-5019; Conflict FED-5109 before the opening; Unavailable FED-5110 until the
        centre has cosigned.
        """
        async with self._turn:
            standing = await self._store.standing(intake_key)
            if standing is None:
                raise NotFound(
                    "FED-5019", "no submission has this key here", remedy="check the intake key"
                )
            if not standing.stored.revealed:
                raise not_opened(standing.stored)
            if standing.proof is not None:
                return standing.proof
            place, head, cosignature = await self._covered(standing.places)
            made = await self._make(standing.stored.text, place, head, cosignature)
            return await self._store.keep_proof(intake_key, made)

    def verify(self, proof: bytes) -> VerifiedProof:
        """Check any proof of this node."""
        return verify_receipt_proof(proof, self.keys.node_of(proof), self.keys.centre)

    async def _covered(self, places: tuple[Place, ...]) -> tuple[Place, Head, Cosignature]:
        """The first place of the entry in an epoch of which the centre cosigned enough."""
        for place in places:
            found = await self._cosigned(place.epoch)
            if found is not None and found[0].size > place.index:
                return place, *found
        error = Unavailable(
            "FED-5110",
            "the centre has not yet signed that it holds the entry of this submission",
            remedy="ask again when the link is up and the queue of entries is empty",
        )
        error.retry_after_seconds = RETRY_SECONDS
        raise error

    async def _make(
        self, receipt: bytes, place: Place, head: Head, cosignature: Cosignature
    ) -> bytes:
        await self._fill_tiles(place, head.size)
        material = await self._store.material(place, head.size)
        path = await asyncio.to_thread(path_of, place.index, head.size, material)
        note = head_to_note(head, self.keys.node_of_head(head), [(cosignature, self.keys.centre)])
        made = make_receipt_proof(receipt, place.entry, (place.index, path), note)
        self.verify(made)  # damage here must not leave as evidence
        return made

    async def _fill_tiles(self, place: Place, size: int) -> None:
        """Once for each part of the journal: later paths find the roots ready."""
        missing = await self._store.missing_tiles(place, size)
        for start in range(0, len(missing), PROOF_TILES_PER_COMMIT_MAX):
            roots: dict[int, bytes] = {}
            for position in missing[start : start + PROOF_TILES_PER_COMMIT_MAX]:
                leaves = await self._store.tile_leaves(place, position)
                roots[position] = await asyncio.to_thread(root_of, leaves)
            await self._store.keep_tiles(place.epoch, roots)


def not_opened(stored: StoredSubmission) -> Conflict:
    """Says when to ask again, as far as anybody can know."""
    deadline = date_text(stored.deadline, stored.zone, lang="en")
    return Conflict(
        "FED-5109",
        "the package has not been opened; until then no receipt becomes a proof",
        remedy=f"ask again after the opening, which is not before {deadline}",
    )
