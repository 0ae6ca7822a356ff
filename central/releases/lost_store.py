"""All SQL about lost bundles: releases that are offered although their bytes are not whole here.

Rules: a bundle is lost where no row of `blobs` vouches for it, or where an open finding of the
scrub says that its copy is bad; a withdrawn release misses nothing. Leaves out who is asked
(`lost`).
"""

from __future__ import annotations

from typing import Final

from central.releases.lost_rules import NO_ROW, Lost
from lpse.federation.v1.directives_pb2 import ReleasePublished
from lpse.runtime.sqlite import Database, Row, Transaction

_LOST: Final = """SELECT r.version, r.record, f.found, f.find_time FROM releases r
    LEFT JOIN scrub_findings f
        ON f.digest = r.bundle_digest AND f.side = 'OWN' AND f.state <> 'HEALED'
    WHERE r.withdraw_time IS NULL AND (f.digest IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest = r.bundle_digest))
    ORDER BY r.release DESC LIMIT ?"""


async def lost_bundles(database: Database, limit: int) -> list[Lost]:
    """What is offered and lost, newest release first."""
    return await database.read(lambda tx: _lost_in(tx, limit))


def _lost_in(tx: Transaction, limit: int) -> list[Lost]:
    return [_lost(row) for row in tx.execute(_LOST, (limit,))]


def _lost(row: Row) -> Lost:
    version, data, found, micros = row
    record = ReleasePublished.FromString(data)
    return Lost(
        str(version),
        record.bundle_digest,
        record.bundle_bytes,
        str(found or NO_ROW),
        int(micros or 0),
    )
