"""Who wrote an entry first that a node took along from an identity which it had before.

Rules: a machine whose history was set aside goes on under a new name and brings its own entries
along; what it brings counts as the former node's only where it is an entry of a branch that the
centre keeps of that node, or goes on from that branch in a journal which brought the branch itself
(its ids are known to nobody else). Otherwise a node speaks for itself alone.
"""

from __future__ import annotations

from typing import Final

from central.ledger.ports import Source
from lpse.federation.entries import DecodedEntry, decode_entry
from lpse.federation.errors import FederationError
from lpse.runtime.sqlite import Transaction

_LOOKED_AT: Final = 500  # first entries of an epoch: a renamed journal begins with its branch


def writer_in(tx: Transaction, source: Source, named: str) -> str:
    """`named` where the entry provably came from that node, else the node that brought it."""
    if source.imported is None or named == source.node_id:
        return source.node_id
    epoch, index = source.imported
    held = _held_in(tx, named, epoch, index)
    if held:
        came = source.entry_id in held
    else:
        came = _goes_on_in(tx, named, epoch, index) and _brought_in(tx, source, named)
    return named if came else source.node_id


def _held_in(tx: Transaction, former: str, epoch: bytes, index: int) -> list[bytes]:
    """Ids of the entries that branches of `former` have at a place."""
    rows = tx.execute(
        "SELECT e.bytes FROM branch_entries e JOIN branches b ON b.id = e.branch"
        " WHERE b.node_id = ? AND b.epoch = ? AND b.whole = 1 AND e.idx = ?",
        (former, epoch, index),
    )
    return [entry.entry_id for (data,) in rows if (entry := _decoded(data)) is not None]


def _goes_on_in(tx: Transaction, former: str, epoch: bytes, index: int) -> bool:
    """Whether a place is beyond the end of a branch: the machine wrote on after it offered it."""
    sql = "SELECT 1 FROM branches WHERE node_id = ? AND epoch = ? AND whole = 1 AND size <= ?"
    return bool(tx.execute(sql, (former, epoch, index)))


def _brought_in(tx: Transaction, source: Source, former: str) -> bool:
    """Whether the writer's journal holds an entry of a branch of `former` in that epoch."""
    assert source.imported is not None
    rows = tx.execute(
        "SELECT e.bytes FROM ledger_entries e JOIN ledger_journals j ON j.id = e.journal"
        " WHERE j.party = ? AND e.idx < ? ORDER BY j.id, e.idx",
        (source.node_id, _LOOKED_AT),
    )
    for (data,) in rows:
        entry = _decoded(data)
        if entry is None or entry.imported is None or entry.imported[0] != source.imported[0]:
            continue
        if entry.entry_id in _held_in(tx, former, *entry.imported):
            return True
    return False


def _decoded(data: bytes) -> DecodedEntry | None:
    try:
        return decode_entry(data)
    except FederationError:
        return None
