"""Codes, proofs and tiles: all their SQL, and the reading of what an upgrade needs.

Owns the tables `receipt_codes`, `receipt_proofs` and `receipt_tiles`. Rules: a code is known as
soon as its receipt is (whoever asks first writes down what is missing); a proof that was made
first stays the proof. Reads submissions and journal entries, never writes them. Leaves out hashing
of tiles (`proofs`) and when a proof may be made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lpse.federation.limits import PROOF_TILE_LEAVES, RECEIPT_CODES_PER_COMMIT_MAX
from lpse.federation.receipt_codes import code_of
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage import journal_store
from regional_node.intake.rows import StoredSubmission
from regional_node.intake.store import submission_in
from regional_node.receipts import paths
from regional_node.receipts.paths import Material


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands in the node's journal; `number` counts the epochs."""

    epoch: bytes
    number: int
    index: int
    entry: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """A submission, the proof that was made of it, and every place of its entry, first one first.

    A restored node carries an entry into its next epoch, so that there may be several.
    """

    stored: StoredSubmission
    proof: bytes | None
    places: tuple[Place, ...]


class ReceiptStore:
    """See the module's first lines."""

    def __init__(self, database: Database, *, tile: int = PROOF_TILE_LEAVES) -> None:
        """`tile`: leaves whose root is kept; a database is used with one value for ever."""
        self._database = database
        self._tile = tile

    async def submission(self, intake_key: str) -> StoredSubmission | None:
        """The accepted submission of a key."""
        return await self._database.read(lambda tx: submission_in(tx, intake_key))

    async def standing(self, intake_key: str) -> Standing | None:
        """How far the receipt of a key has come; places only once it was revealed."""

        def work(tx: Transaction) -> Standing | None:
            stored = submission_in(tx, intake_key)
            if stored is None:
                return None
            kept = tx.execute(
                "SELECT proof FROM receipt_proofs WHERE intake_key = ?", (intake_key,)
            )
            proof = bytes(kept[0][0]) if kept else None
            places = tuple(_places_in(tx, stored)) if stored.revealed else ()
            return Standing(stored, proof, places)

        return await self._database.read(work)

    async def missing_tiles(self, place: Place, size: int) -> list[int]:
        """Tiles that a path in a tree of this size needs and that nobody computed yet."""

        def work(tx: Transaction) -> list[int]:
            known = {position for position, _ in _tiles_in(tx, place.epoch)}
            return [
                one for one in paths.whole_tiles(place.index, size, self._tile) if one not in known
            ]

        return await self._database.read(work)

    async def tile_leaves(self, place: Place, position: int) -> list[bytes]:
        """The leaf hashes of one whole tile."""
        first = position * self._tile
        return await self._database.read(
            lambda tx: journal_store.leaf_hashes_in(tx, place.number, first, first + self._tile)
        )

    async def keep_tiles(self, epoch: bytes, roots: Mapping[int, bytes]) -> None:
        """Computed once; the same again is harmless."""

        def work(tx: Transaction) -> None:
            for position, root in roots.items():
                tx.run(
                    "INSERT INTO receipt_tiles (epoch, position, root) VALUES (?, ?, ?)"
                    " ON CONFLICT (epoch, position) DO NOTHING",
                    (epoch, position, root),
                )

        await self._database.write(work)

    async def material(self, place: Place, size: int) -> Material:
        """What the path of an entry in a tree of this size is made from."""
        own = paths.own_span(place.index, size, self._tile)
        tail = paths.tail_span(size, self._tile)

        def work(tx: Transaction) -> Material:
            return Material(
                self._tile,
                own[0],
                journal_store.leaf_hashes_in(tx, place.number, *own),
                tail[0],
                journal_store.leaf_hashes_in(tx, place.number, *tail),
                dict(_tiles_in(tx, place.epoch)),
            )

        return await self._database.read(work)

    async def keep_proof(self, intake_key: str, proof: bytes) -> bytes:
        """Keep a proof; the answer is the one that was kept first."""

        def work(tx: Transaction) -> bytes:
            tx.run(
                "INSERT INTO receipt_proofs (intake_key, proof) VALUES (?, ?)"
                " ON CONFLICT (intake_key) DO NOTHING",
                (intake_key, proof),
            )
            kept = tx.execute(
                "SELECT proof FROM receipt_proofs WHERE intake_key = ?", (intake_key,)
            )
            return bytes(kept[0][0])

        return await self._database.write(work)

    async def knows_code(self, code: str) -> bool:
        """Whether this node issued a receipt with this code."""
        while await self._write_codes():
            pass
        known = "SELECT 1 FROM receipt_codes WHERE code = ?"
        return await self._database.read(lambda tx: bool(tx.execute(known, (code,))))

    async def _write_codes(self) -> bool:
        """Write down codes of receipts that came since; whether there may be more."""
        receipts = await self._database.read(_uncoded_in)
        if not receipts:
            return False
        codes = [(code_of(receipt), number) for number, receipt in receipts]

        def work(tx: Transaction) -> None:
            for code, number in codes:
                tx.run(
                    "INSERT INTO receipt_codes VALUES (?, ?) ON CONFLICT DO NOTHING", (code, number)
                )

        await self._database.write(work)
        return len(receipts) == RECEIPT_CODES_PER_COMMIT_MAX


def _uncoded_in(tx: Transaction) -> Sequence[tuple[int, bytes]]:
    rows = tx.execute(
        "SELECT submission, receipt FROM intake_submissions WHERE receipt <> x''"
        " AND submission > (SELECT coalesce(max(submission), 0) FROM receipt_codes)"
        " ORDER BY submission LIMIT ?",
        (RECEIPT_CODES_PER_COMMIT_MAX,),
    )
    return [(int(number), bytes(receipt)) for number, receipt in rows]


def _tiles_in(tx: Transaction, epoch: bytes) -> list[tuple[int, bytes]]:
    rows = tx.execute("SELECT position, root FROM receipt_tiles WHERE epoch = ?", (epoch,))
    return [(int(position), bytes(root)) for position, root in rows]


def _places_in(tx: Transaction, stored: StoredSubmission) -> list[Place]:
    places: list[Place] = []
    entry_id: bytes | None = None
    for row in journal_store.epochs_in(tx):
        if row.epoch == stored.journal_epoch:
            index: int | None = stored.journal_index
        elif entry_id is not None:
            index = journal_store.index_of_in(tx, row.number, entry_id)
        else:
            continue
        if index is None:
            continue
        for entry in journal_store.entries_in(tx, row.number, index, index + 1):
            entry_id = entry.entry_id
            places.append(Place(row.epoch, row.number, index, entry.data))
    return places
