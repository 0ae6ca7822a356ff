"""Limits of databases, backups and blobs on one disk.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits.units import GIB, KIB, MIB

# --- database ------------------------------------------------------------------------------------

# Units of work that wait for the writer; beyond it a write is refused with FED-1104.
WRITE_QUEUE_UNITS_MAX: Final = 20_000
# Reads that wait for a reader; beyond it a read is refused with FED-1104.
READ_QUEUE_UNITS_MAX: Final = 10_000
# A group commit closes at this many units or bytes; the rest goes into the next one.
COMMIT_UNITS_MAX: Final = 1_024
COMMIT_BYTES_MAX: Final = 8 * MIB
# How long SQLite waits for a lock of a foreign program before the write is refused with FED-1104.
BUSY_TIMEOUT_MILLISECONDS: Final = 5_000
# The write-ahead log is checkpointed after about this much, and kept no larger than the second.
WAL_CHECKPOINT_BYTES: Final = 4 * MIB
# What a commit adds to the log beside the stored values: the pages that it touches, about.
WAL_COMMIT_BYTES: Final = 16 * KIB
WAL_KEPT_BYTES_MAX: Final = 16 * MIB
# Beyond this size the writer waits for its readers and starts the log again from its beginning.
WAL_BYTES_MAX: Final = 64 * MIB
# How long that restart waits for readers before it gives way and tries again later.
WAL_RESTART_TIMEOUT_MILLISECONDS: Final = 500
# Rows that a scan of a journal reads by one statement; a longer answer is cut here.
SCAN_ROWS_PER_STEP: Final = 4_096

# --- backups -------------------------------------------------------------------------------------

# A longer manifest of a backup is refused before it is parsed.
BACKUP_MANIFEST_BYTES_MAX: Final = 256 * MIB

# --- blobs ---------------------------------------------------------------------------------------

# A larger blob is refused before its first byte.
BLOB_BYTES_MAX: Final = 4 * GIB
# Received bytes are fsynced at least this often; a resumed transfer loses at most this much.
BLOB_FSYNC_BYTES: Final = 8 * MIB
# One appended chunk; a larger one is refused.
BLOB_CHUNK_BYTES_MAX: Final = 1 * MIB
# A blob is re-read and copied in pieces of this size.
BLOB_READ_BYTES: Final = 1 * MIB
# How much the disk is asked to fetch ahead of such a reader.
BLOB_READ_AHEAD_BYTES: Final = 8 * MIB
# Free space that blobs never use, so that receipts, entries and draining work on a full disk.
BLOB_RESERVE_BYTES_MIN: Final = 64 * MIB
# Parts being received at one time; beyond it a new one is refused with FED-1204.
BLOB_PARTS_OPEN_MAX: Final = 4_096
# Locks shared by all parts; two parts that meet on one wait for each other, nothing worse.
BLOB_LOCKS: Final = 1_024
# A longer transfer id, or one with other characters than a-z, 0-9 and dash, is refused.
TRANSFER_ID_CHARACTERS_MAX: Final = 64
# Blobs stored by one call, which share one fsync of each directory; more are refused.
BLOB_GROUP_MAX: Final = 1_024
# Threads that fsync the files of one such call; more bring nothing on one disk.
BLOB_GROUP_THREADS: Final = 4
