"""Putting rows of read models right, from what the ledger says about one object.

Owns the SQL that takes an object out of a read model and projects its records again. Rules: what
the centre knows by itself (when bytes were verified) is kept; a row is never written from a node's
word but from entries that the ledger holds and verified. Leaves out which objects differ
(`examining`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from central.audit.store import put_in
from central.ledger.ports import Projection, Source
from lpse.federation.errors import FederationError
from lpse.federation.state_objects import (
    BLOB,
    DECLARED,
    OUTAGE,
    PACKAGE,
    ROLLOUT,
    UPLOAD,
    Fields,
    ObjectKey,
)
from lpse.runtime.sqlite import Transaction

Told = tuple[Source, Message]


@dataclass(frozen=True, slots=True)
class Truth:
    """What the ledger says about one object: its fields, and the records that speak of it."""

    fields: Fields | None
    records: Sequence[Told]


class Mending:
    """Projects single objects again; `projections` by area: those that own the other tables."""

    def __init__(self, packages: Projection, rollouts: Projection) -> None:
        self._owners = {PACKAGE: packages, DECLARED: packages, ROLLOUT: rollouts}

    def mend_in(self, tx: Transaction, node_id: str, key: ObjectKey, truth: Truth) -> str:
        """Make the object's rows what the ledger says; why it could not be done, or nothing."""
        try:
            with tx.nested():
                self._mend_in(tx, node_id, key, truth)
        except FederationError as error:
            return f"{error.code} {error.message}"
        except Exception as error:
            if tx.broken:
                raise
            return f"unexpected {type(error).__name__}"
        return ""

    def _mend_in(self, tx: Transaction, node_id: str, key: ObjectKey, truth: Truth) -> None:
        if key.area in (UPLOAD, OUTAGE):
            put_in(tx, node_id, key, truth.fields)
        elif key.area == BLOB:
            _put_blob_in(tx, node_id, key.name, truth.fields)
        else:
            _CLEAR[key.area](tx, node_id, key.name)
            for source, record in truth.records:
                self._owners[key.area].apply_in(tx, source, record)
        if key.area in (UPLOAD, BLOB):
            _count_again_in(tx, node_id)


def _put_blob_in(tx: Transaction, node_id: str, name: str, fields: Fields | None) -> None:
    digest = bytes.fromhex(name)
    if fields is None:
        tx.run("DELETE FROM upload_blobs WHERE node_id = ? AND digest = ?", (node_id, digest))
        return
    size = fields["size"]
    assert isinstance(size, int), "the contract's own fields"
    tx.run(
        "INSERT INTO upload_blobs (node_id, digest, size_bytes) VALUES (?, ?, ?)"
        " ON CONFLICT (node_id, digest) DO UPDATE SET size_bytes = excluded.size_bytes",
        (node_id, digest, size),
    )


def _count_again_in(tx: Transaction, node_id: str) -> None:
    """The sums over a node's rows, from the rows."""
    blobs = tx.execute(
        "SELECT count(*), coalesce(sum(size_bytes), 0), count(verify_time),"
        " coalesce(sum(CASE WHEN verify_time IS NOT NULL THEN size_bytes END), 0)"
        " FROM upload_blobs WHERE node_id = ?",
        (node_id,),
    )[0]
    accepted = tx.execute(
        "SELECT count(*) FROM audit_objects WHERE node_id = ? AND area = ?", (node_id, UPLOAD)
    )[0][0]
    tx.run(
        "INSERT INTO upload_totals (node_id, accepted, announced_blobs, announced_bytes,"
        " verified_blobs, verified_bytes) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (node_id) DO UPDATE SET accepted = excluded.accepted,"
        " announced_blobs = excluded.announced_blobs, announced_bytes = excluded.announced_bytes,"
        " verified_blobs = excluded.verified_blobs, verified_bytes = excluded.verified_bytes",
        (node_id, accepted, *blobs),
    )


def _clear_package_in(tx: Transaction, node_id: str, name: str) -> None:
    for table in ("package_stages", "package_outages", "packages"):
        tx.run(
            f"DELETE FROM {table} WHERE node_id = ? AND package = ?",  # noqa: S608 - our own names
            (node_id, name),
        )


def _clear_declared_in(tx: Transaction, node_id: str, name: str) -> None:
    tx.run("DELETE FROM outage_receipts WHERE node_id = ? AND outage = ?", (node_id, name))


def _clear_rollout_in(tx: Transaction, node_id: str, name: str) -> None:
    tx.run(
        "UPDATE rollout_nodes SET step = NULL, seen_time = NULL WHERE node_id = ? AND rollout IN"
        " (SELECT rollout FROM rollouts WHERE name = ?)",
        (node_id, name),
    )


_CLEAR = {
    PACKAGE: _clear_package_in,
    DECLARED: _clear_declared_in,
    ROLLOUT: _clear_rollout_in,
}
