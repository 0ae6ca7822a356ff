"""The centre's objects of one node, read from the tables that other areas project.

Owns the SQL that turns rows of read models into objects with canonical fields, area by area, page
by page. Rule: it reads what is there, whatever it should be; the comparison judges. Leaves out
putting rows right (`mending`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from central.audit.store import fields_in as own_fields_in
from central.audit.store import page_in as own_page_in
from lpse.federation.errors import Refused
from lpse.federation.state_objects import (
    APPLIED,
    AREAS,
    BLOB,
    DECLARED,
    OUTAGE,
    PACKAGE,
    ROLLOUT,
    UPLOAD,
    Fields,
    ObjectKey,
    blob,
    declared,
    schedule,
    step,
)
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Row, Transaction, Value
from lpse.storage.state_tree import Listed

Named = tuple[str, Fields]

_BLOBS: Final = "SELECT digest, size_bytes FROM upload_blobs WHERE node_id = ? AND digest"
_PACKAGES: Final = "SELECT package, revision, cancelled FROM packages WHERE node_id = ? AND package"
_STAGES: Final = (
    "SELECT start_time, end_time FROM package_stages WHERE node_id = ? AND package = ?"
    " ORDER BY position"
)
_DECLARED: Final = (
    "SELECT outage, national_index, outcome, late FROM outage_receipts"
    " WHERE node_id = ? AND outcome IN (?, ?) AND outage"
)
_ROLLOUTS: Final = (
    "SELECT r.name, n.step FROM rollout_nodes n JOIN rollouts r ON r.rollout = n.rollout"
    " WHERE n.node_id = ? AND n.step IS NOT NULL AND r.name"
)


def page_in(tx: Transaction, node_id: str, area: str, after: str, limit: int) -> Listed:
    """Objects of one area behind a name, by name, and the last name."""
    if area in (UPLOAD, OUTAGE):
        own = own_page_in(tx, node_id, area, after, limit)
        return own, own[-1][0] if own else after
    sql, values, made = _READERS[area]
    key = _key(area, after)
    rows = tx.execute(f"{sql} > ? ORDER BY 1 LIMIT ?", (node_id, *values, key, limit))
    listed = [made(tx, node_id, row) for row in rows]
    return listed, listed[-1][0] if listed else after


def fields_in(tx: Transaction, node_id: str, key: ObjectKey) -> Fields | None:
    """One object as it stands; None where there is none."""
    if key.area in (UPLOAD, OUTAGE):
        return own_fields_in(tx, node_id, key)
    sql, values, made = _READERS[key.area]
    rows = tx.execute(f"{sql} = ?", (node_id, *values, _key(key.area, key.name)))
    return made(tx, node_id, rows[0])[1] if rows else None


def check_key(area: str, name: str) -> ObjectKey:
    """A key that a node named; Refused (FED-7071) where it cannot be one."""
    if area not in AREAS or len(name) > 200:
        raise _no_object()
    if area == BLOB:
        _key(area, name)
    return ObjectKey(area, name)


def _key(area: str, name: str) -> Value:
    if area != BLOB:
        return name
    try:
        return bytes.fromhex(name)
    except ValueError as error:
        raise _no_object() from error


def _no_object() -> Refused:
    return Refused("FED-7071", "there can be no such object", remedy="upgrade the older side")


def _blob(_tx: Transaction, _node_id: str, row: Row) -> Named:
    digest, size = row
    return bytes(digest).hex(), blob(int(size))


def _package(tx: Transaction, node_id: str, row: Row) -> Named:
    package, revision, cancelled = row
    spans = [(int(start), int(end)) for start, end in tx.execute(_STAGES, (node_id, package))]
    return str(package), schedule(int(revision), bool(cancelled), spans)


def _declared(_tx: Transaction, _node_id: str, row: Row) -> Named:
    outage, index, outcome, late = row
    return str(outage), declared(int(index), str(outcome), bool(late))


def _rollout(_tx: Transaction, _node_id: str, row: Row) -> Named:
    name, data = row
    record = records.UpgradeStepped.FromString(data)
    return str(name), step(record.to_version, record.state)


_Made = Callable[[Transaction, str, Row], Named]
_READERS: Final[dict[str, tuple[str, tuple[Value, ...], _Made]]] = {
    BLOB: (_BLOBS, (), _blob),
    PACKAGE: (_PACKAGES, (), _package),
    DECLARED: (_DECLARED, APPLIED, _declared),
    ROLLOUT: (_ROLLOUTS, (), _rollout),
}
