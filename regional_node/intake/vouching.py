"""Which bytes of the blob store some row still needs.

Owns the one answer to that question, for both ways in: blobs of accepted submissions, and parts and
whole files of upload grants (regional_node/tus) that may still become one. Rule: what is named here
is never removed, neither at a start nor with a refused upload that has the same content.
"""

from __future__ import annotations

from lpse.runtime.sqlite import Transaction


def digests_in(tx: Transaction) -> frozenset[bytes]:
    """Every blob that a row needs, whether it has its name already or not."""
    rows = tx.execute(
        "SELECT digest FROM kept_blobs"
        " UNION SELECT digest FROM tus_files WHERE state <= 2 AND digest IS NOT NULL"
    )
    return frozenset(bytes(digest) for (digest,) in rows)


def parts_in(tx: Transaction) -> dict[str, int]:
    """Every part that a row needs, with its durable size."""
    rows = tx.execute("SELECT file, offset_bytes FROM tus_files WHERE state = 1")
    return {str(file): int(size) for file, size in rows}


def whole_in(tx: Transaction) -> dict[str, tuple[bytes, int]]:
    """Every whole file that is no submission's yet, digest and size: it may still be a part."""
    rows = tx.execute("SELECT file, digest, size_bytes FROM tus_files WHERE state = 2")
    return {str(file): (bytes(digest), int(size)) for file, digest, size in rows}


def is_needed_in(tx: Transaction, digest: bytes) -> bool:
    """Whether a row needs this blob."""
    rows = tx.execute(
        "SELECT 1 FROM kept_blobs WHERE digest = ?"
        " UNION ALL SELECT 1 FROM tus_files WHERE digest = ? AND state = 2",
        (digest, digest),
    )
    return bool(rows)
