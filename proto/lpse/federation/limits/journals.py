"""Limits of names, entries, trees, notes, desired state, ledgers and reconciliation.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits.units import KIB

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
# Room that a new entry leaves, so that it still fits when a later epoch names where it came from.
ENTRY_ORIGIN_BYTES_MAX: Final = 32
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

# --- desired state -------------------------------------------------------------------------------

# A node does not start what can reach into this span before a compensable end, unless told so.
GUARD_WINDOW_SECONDS: Final = 24 * 3_600
# A measured service outage longer than this holds stages that fall due, unless a policy says so.
STAGE_HOLD_SECONDS: Final = 15 * 60
# National entries that a node could not fold are listed up to this number; the rest is counted
# by `pinned_at` alone.
DESIRED_SKIPPED_MAX: Final = 1_000

# --- national journal, ledger and projections ----------------------------------------------------

# A beacon follows the last national entry by at most this.
BEACON_SECONDS_MAX: Final = 600.0
# After a start that is not proven to be a plain restart, the centre appends when so many nodes (or
# all, if fewer are enrolled) have shown national heads that its own journal contains.
NATIONAL_WITNESSES_MIN: Final = 3
# Entries projected in one unit of work; the rest follows in the next one.
PROJECTION_ENTRIES_MAX: Final = 1_024
# Journals projected at the same time.
PROJECTION_JOURNALS_MAX: Final = 64

# --- reconciliation ------------------------------------------------------------------------------

# Decisions of one run; beyond it the last one says how many were left out.
RECONCILIATION_ENTRIES_MAX: Final = 50
# Evidence of one side of one decision; a longer one is cut by leaving fields out.
RECONCILIATION_EVIDENCE_BYTES_MAX: Final = 400
