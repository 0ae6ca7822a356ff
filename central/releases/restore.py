"""Releases, taken up again from national entries that came back to a restored centre.

The entry names bytes that the restored copy may not have. Rule: a release without its bytes stays
published; nodes that have the bundle give it back (`lost`), and what nobody has is listed for an
operator. Leaves out the bytes (`central.blobs`).
"""

from __future__ import annotations

from central.national.restoring import Handler, Returned
from lpse.federation.v1 import directives_pb2 as directives
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros


def handlers() -> dict[str, Handler]:
    """By kind."""
    return {"release.published": _published_in, "release.withdrawn": _withdrawn_in}


def _published_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, directives.ReleasePublished)
    tx.run(
        "INSERT INTO releases (version, record, bundle_digest, national_index, publish_time)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (version) DO NOTHING",
        (
            record.version,
            record.SerializeToString(deterministic=True),
            record.bundle_digest,
            entry.index,
            to_micros(entry.record_time),
        ),
    )


def _withdrawn_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, directives.ReleaseWithdrawn)
    tx.run(
        "UPDATE releases SET withdraw_time = ?, withdraw_reason = ?, withdrawn_by = ?"
        " WHERE version = ? AND withdraw_time IS NULL",
        (to_micros(entry.record_time), record.reason, record.withdrawn_by, record.version),
    )
