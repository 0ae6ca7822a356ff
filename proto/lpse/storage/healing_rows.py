"""Rows of the log about damaged journals: found, entries put back, sound again.

Owns the words that both sides use, so that an answer closes the question it belongs to. Leaves out
who writes them down.
"""

from __future__ import annotations

from collections.abc import Sequence

from lpse.federation.checkpoints import Head
from lpse.federation.entries import timestamp
from lpse.federation.reconciliation_rules import entry, evidence
from lpse.federation.v1 import records_pb2 as records
from lpse.storage.verify_pass import Verified

_SIDES = ("node", "centre")
OWN_BYTES = "the bytes themselves, whose kept hash alone was wrong"


def judged(verified: Verified, *, national: bool, side: str) -> records.ReconciliationEntry:
    """A journal that is damaged, or that was and is sound again; `side` holds the copy."""
    head = verified.head
    facts = evidence(
        epoch=head.epoch.hex(),
        size=head.size,
        root=head.root.hex(),
        read_time=timestamp(verified.begin_time).ToJsonString(),
    )
    subject, count = _subject(head, national=national), verified.entries
    if not verified.found:
        return entry("R-JOURNAL-HEALED", subject, *_sides(side, facts), "", count)
    rule = "R-JOURNAL-DAMAGED"
    return entry(rule, subject, *_sides(side, facts), "", count, found=verified.found)


def put_back(
    head: Head, indexes: Sequence[int], source: str, *, national: bool, side: str
) -> records.ReconciliationEntry:
    """Entries that were put back; `source` says in words whose bytes they are."""
    facts = evidence(epoch=head.epoch.hex(), size=head.size, indexes=list(indexes))
    subject, count = _subject(head, national=national), len(indexes)
    return entry("R-ENTRIES-HEALED", subject, *_sides(side, facts), "", count, source=source)


def _subject(head: Head, *, national: bool) -> str:
    return f"{'national' if national else 'regional'} journal {head.epoch.hex()[:16]}"


def _sides(side: str, facts: bytes) -> tuple[bytes, bytes]:
    """Evidence of the node and of the centre; the side without the copy shows none."""
    assert side in _SIDES, side
    return (facts, evidence()) if side == "node" else (evidence(), facts)
