"""What a grant may hold, and until when: pure decisions.

Owns the arithmetic of admission and expiry. Rules: sizes are promised when a file is created, so
that what was admitted can be finished; an expiry is never later than the grant's own end and its
grace. Leaves out the deadline (regional_node/intake/rules.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    BLOB_BYTES_MAX,
    GRANT_FILES_LIVE_MAX,
    GRANT_FILES_MAX,
    GRANT_GRACE_SECONDS,
    RESUMABLE_BUFFER_BYTES,
    RESUMABLE_PIECE_BYTES_MAX,
    RESUMABLE_PIECE_BYTES_MIN,
    SUBMISSION_FILES_MAX,
    UPLOAD_SMALL_FILE_BYTES_MAX,
)
from lpse.federation.receipts import Moment
from regional_node.grants.rules import Grant
from regional_node.tus.errors import FileTooLarge, bad_selection, too_many_of_grant
from regional_node.tus.rows import FileState


def refuse_file(
    grant: Grant, live: Sequence[FileState], files_made: int, size: int
) -> FederationError | None:
    """Why a grant with these live files cannot have one more of `size` bytes."""
    held = sum(file.size_bytes for file in live)
    if not 0 <= size <= BLOB_BYTES_MAX or held + size > grant.bytes_max:
        return FileTooLarge(f"this upload address takes {grant.bytes_max} bytes in all its files")
    if len(live) >= GRANT_FILES_LIVE_MAX:
        return too_many_of_grant(GRANT_FILES_LIVE_MAX)
    if files_made >= GRANT_FILES_MAX:
        return too_many_of_grant(GRANT_FILES_MAX)
    return None


def superseded(live: Sequence[FileState], name: str, size: int) -> FileState | None:
    """A file of which nothing has come, made by a creation whose answer got lost."""
    for file in live:
        if (file.name, file.size_bytes, file.offset_bytes) == (name, size, 0) and size:
            return file
    return None


def is_small(size: int) -> bool:
    """Whether a file is kept in memory until it is whole, and stored with others."""
    return 0 < size <= UPLOAD_SMALL_FILE_BYTES_MAX


def expiry(begin: datetime, grant: Grant, expiry_seconds: float) -> datetime:
    """When a file that nobody submits ends."""
    own = begin + timedelta(seconds=expiry_seconds)
    return min(own, grant.expire_time + timedelta(seconds=GRANT_GRACE_SECONDS))


def check_selection(file_ids: Sequence[str]) -> None:
    """A submission names 1 to 250 files, each once; FED-5412."""
    if not 1 <= len(file_ids) <= SUBMISSION_FILES_MAX or len(set(file_ids)) != len(file_ids):
        raise bad_selection()


def times_of(files: Sequence[FileState]) -> tuple[Moment, Moment]:
    """When a submission of whole files began, and when the last byte of its last was durable."""
    begun = min((file.begin for file in files), key=lambda moment: moment.time)
    durable = [file.durable for file in files if file.durable is not None]
    assert len(durable) == len(files), "only whole files are submitted"
    return begun, max(durable, key=lambda moment: moment.latest)


def piece_bytes(writers: int) -> int:
    """How many bytes a writer collects before they go to the disk."""
    share = RESUMABLE_BUFFER_BYTES // (2 * max(writers, 1))
    return max(RESUMABLE_PIECE_BYTES_MIN, min(share, RESUMABLE_PIECE_BYTES_MAX))
