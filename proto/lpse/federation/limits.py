"""Every limit of the federation, in one place, with its unit and what happens at the limit.

Invariant 12: no queue, message, list, wait or retry is unbounded. A constant's name ends in its
unit and `_MAX`/`_MIN` where it bounds; the line above says what happens when it is reached. Both
sides import these values, so changing one that travels on the wire is a change of the contract.
Leaves out what an operator may configure: configuration chooses inside these bounds.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

# --- names and identifiers -----------------------------------------------------------------------

# A longer party name is refused wherever it is met (head, note, certificate).
PARTY_CHARACTERS_MAX: Final = 63
# Epochs, entry ids and intake keys made by a program are exactly this long; others are refused.
EPOCH_BYTES: Final = 16
ENTRY_ID_BYTES: Final = 16
# A longer entry kind is refused when written and when received.
ENTRY_KIND_CHARACTERS_MAX: Final = 64

# --- journal entries, batches and trees ----------------------------------------------------------

# A larger entry is refused before it is appended, and a batch that holds one is refused whole.
ENTRY_BYTES_MAX: Final = 64 * KIB
# A batch ends at the last signed head within these; a writer seals a head at least this often.
BATCH_ENTRIES_MAX: Final = 256
BATCH_BYTES_MAX: Final = 256 * KIB
# A head that claims more entries is refused as nonsense (2^48 entries never happen honestly).
JOURNAL_ENTRIES_MAX: Final = 1 << 48
# A longer proof is refused before it is walked; 2^64 leaves need no more.
PROOF_HASHES_MAX: Final = 64
# A proof is made from leaf hashes in memory; asking for more leaves is refused.
PROOF_LEAVES_MAX: Final = 4_000_000

# --- signed notes --------------------------------------------------------------------------------

# A longer note, or one with more signature lines, is refused before any signature is checked.
NOTE_BYTES_MAX: Final = 64 * KIB
NOTE_SIGNATURES_MAX: Final = 1_024
# A longer key name is refused when a key is made or parsed.
KEY_NAME_CHARACTERS_MAX: Final = 128
# A checkpoint may carry this many extension lines; more are refused.
CHECKPOINT_EXTENSION_LINES_MAX: Final = 16

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
# The write-ahead log is checkpointed after this many pages and cut back to the byte limit.
WAL_CHECKPOINT_PAGES: Final = 1_000
WAL_KEPT_BYTES_MAX: Final = 16 * MIB
# Beyond this size the writer waits for its readers and starts the log again from its beginning.
WAL_BYTES_MAX: Final = 64 * MIB
# How long that restart waits for readers before it gives way and tries again later.
WAL_RESTART_TIMEOUT_MILLISECONDS: Final = 500
# Rows that one page of an online backup or check copies or reads at a time.
BACKUP_PAGES_PER_STEP: Final = 256
SCAN_ROWS_PER_STEP: Final = 4_096

# --- blobs ---------------------------------------------------------------------------------------

# A larger blob is refused before its first byte.
BLOB_BYTES_MAX: Final = 4 * GIB
# Received bytes are fsynced at least this often; a resumed transfer loses at most this much.
BLOB_FSYNC_BYTES: Final = 8 * MIB
# One appended chunk; a larger one is refused.
BLOB_CHUNK_BYTES_MAX: Final = 1 * MIB
# A blob is re-read and copied in pieces of this size.
BLOB_READ_BYTES: Final = 1 * MIB
# Free space that blobs never use, so that receipts, entries and draining work on a full disk.
BLOB_RESERVE_BYTES_MIN: Final = 64 * MIB
# Parts being received at one time; beyond it a new one is refused with FED-1204.
BLOB_PARTS_OPEN_MAX: Final = 4_096
# Small blobs stored by one call, which share one fsync of each directory; more are refused.
BLOB_PUT_MANY_MAX: Final = 1_024
