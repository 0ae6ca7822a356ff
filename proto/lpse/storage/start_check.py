"""The look at what is stored, after a program that did not stop in order.

Owns what is verified again before anything is promised: every page of the database, every entry of
the own journal against its signed heads, and the newest blobs re-read against their digests. Rules:
a database that does not verify keeps the program from starting, with words; a damaged blob is that
blob's matter alone and goes to the scrub. Older blobs are left to the scrub as well.

What is found -> what is said -> what works:
  database or journal damaged      -> FED-1110 / FED-1108, the program ends -> nothing; restore
  an own entry's bytes changed     -> FED-7081 by the next pass over it     -> all; it is not sent
    under a whole kept hash                                                   until it is healed
  rows without their blob          -> FED-5207 at the start, scrub MISSING  -> all but that file
  blob truncated, changed, EIO     -> FED-7401, scrub CORRUPT               -> all but that file
  blobs without rows (older or     -> set aside and counted, doctor says so -> everything; bytes
    empty database)                                                           come back with rows
  disk full                        -> FED-5010 to uploaders, FED-1111       -> all but intake
  EIO or EROFS on write or fsync   -> FED-1102, the program ends            -> this look, next start
"""

from __future__ import annotations

from collections.abc import Sequence

from lpse.federation.errors import Refused
from lpse.federation.limits import START_BLOB_BYTES_MAX, START_BLOBS_MAX
from lpse.federation.notes import Verifier
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.blobs import BlobStore
from lpse.storage.journal import JournalDamaged
from lpse.storage.journal_check import check_hashes_in, check_journal_in
from lpse.storage.scrub import Found, examine

Blob = tuple[bytes, int]


class DatabaseDamaged(Refused):
    """SQLite's own check found the file damaged."""

    def __init__(self) -> None:
        super().__init__(
            "FED-1110",
            "the database file is damaged; nothing is accepted on it",
            remedy="keep this folder as it is, and restore the newest backup into an empty one",
        )


async def check_database(database: Database, verifier: Verifier) -> int:
    """Entries that verify, or whose kept hashes do.

    Raises DatabaseDamaged (FED-1110) or JournalDamaged (FED-1108).
    """

    def work(tx: Transaction) -> int:
        if tx.execute("PRAGMA quick_check(1)") != [("ok",)]:
            raise DatabaseDamaged
        try:
            heads = check_journal_in(tx, verifier)
        except JournalDamaged:  # bytes alone can be healed; hashes cannot
            heads = check_hashes_in(tx, verifier)
        return sum(head.size for head in heads)

    return await database.read(work)


async def check_blobs(
    blobs: BlobStore, newest: Sequence[Blob]
) -> tuple[int, tuple[tuple[Blob, Found], ...]]:
    """Re-read blobs, newest first, up to the limits; how many, and which are not whole."""
    taken, damaged, size_bytes = 0, [], 0
    for blob in newest[:START_BLOBS_MAX]:
        size_bytes += blob[1]
        if taken and size_bytes > START_BLOB_BYTES_MAX:
            break
        taken += 1
        found = await examine(blobs, *blob)
        if found is not Found.WHOLE:
            damaged.append((blob, found))
    return taken, tuple(damaged)
