"""Which entries of the log ask the same question, and which questions are answered.

Owns the tables `recon_topics` and `recon_answers`. Rules: one answer closes every entry that asked
the same before it, and where it lasts also those that a node hands over later; what the centre
itself finds after a recovery, and every new branch, is asked anew; everything follows from the
journals and can be dropped and built again. Leaves out what a question is
(`lpse.federation.reconciliation_topics`) and the closing of rows (`entries_store`).
"""

from __future__ import annotations

import hashlib
from typing import Final

from lpse.federation.acts import CENTRE_PARTY
from lpse.federation.reconciliation_topics import topic
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Transaction

_RUN: Final = "recon/"
_OF_CENTRE: Final = f"{_RUN}{CENTRE_PARTY}/"
_BRANCH: Final = "branches/"
_BUNDLE: Final = "R-BUNDLE-"


def added_in(
    tx: Transaction, entry_id: int, node_id: str, entry: records.ReconciliationEntry, run: str
) -> list[tuple[int, str]]:
    """Take a new row of the log in; rows that are closed now, and by what."""
    found = topic(node_id, entry)
    of_centre = run.startswith(_OF_CENTRE)
    if found is None or (entry.rule.startswith(_BUNDLE) and not of_centre):
        return []  # about its own bytes the centre takes nobody's word
    if not found.asks:
        return _answer_in(tx, found.digest, run, lasting=found.lasting)
    asked, answered = [found.digest], found.digest
    if of_centre and entry.object.startswith(_BRANCH):
        answered = hashlib.sha256(f"{node_id} {entry.object}".encode()).digest()
        asked.append(answered)
    tx.many(
        "INSERT INTO recon_topics (topic, entry, lasting) VALUES (?, ?, ?)",
        [(digest, entry_id, int(found.lasting)) for digest in asked],
    )
    rows = tx.execute("SELECT answered_by FROM recon_answers WHERE topic = ?", (answered,))
    # Whoever shows itself to the centre after a recovery is not who recovered, and no node answers
    # by its own word what the centre asks about it.
    return [(entry_id, by) for (by,) in rows if not of_centre or is_of_centre(by)]


def resolved_in(tx: Transaction, entry_id: int, by: str) -> list[tuple[int, str]]:
    """A person answered this row's question; every row that is closed now, itself included."""
    rows = tx.execute("SELECT topic, lasting FROM recon_topics WHERE entry = ?", (entry_id,))
    closed = {entry_id: by}
    for digest, lasting in rows:
        closed |= dict(_answer_in(tx, digest, by, lasting=bool(lasting)))
    return sorted(closed.items())


def is_of_centre(by: str) -> bool:
    """Whether two persons at the centre answered, not a node in its own journal."""
    return by.startswith(f"{CENTRE_PARTY} ")


def _answer_in(tx: Transaction, digest: bytes, by: str, *, lasting: bool) -> list[tuple[int, str]]:
    if lasting:
        tx.run(
            "INSERT INTO recon_answers (topic, answered_by) VALUES (?, ?)"
            " ON CONFLICT (topic) DO UPDATE SET answered_by = excluded.answered_by",
            (digest, by),
        )
    rows = tx.execute("SELECT entry FROM recon_topics WHERE topic = ? ORDER BY entry", (digest,))
    return [(int(entry), by) for (entry,) in rows]
