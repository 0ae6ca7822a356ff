"""Limits of receipts in print, of their upgrade to proofs, and of their public check.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits.units import KIB, MIB

# A longer proof, or one that carries more, is refused before anything in it is decoded. A receipt
# (a note), an entry, both in base64, a checkpoint: 172 KiB and a path at the very most.
TLOG_PROOF_BYTES_MAX: Final = 256 * KIB
TLOG_PROOF_EXTRA_BYTES_MAX: Final = 160 * KIB
# Leaves whose root is kept once computed, so that a path through a large journal is short work.
PROOF_TILE_LEAVES: Final = 4_096
# Roots written in one transaction; the rest in the next.
PROOF_TILES_PER_COMMIT_MAX: Final = 64
# Receipts whose codes are written in one transaction; the rest in the next.
RECEIPT_CODES_PER_COMMIT_MAX: Final = 256
# A larger form posted to the public check is refused while it is being read.
VERIFY_FORM_BYTES_MAX: Final = 512 * KIB
# What all forms that come in at one time may hold in memory; beyond it FED-5118. And the longest
# time that one may take: a receipt on a line of 4 kbit/s, or an end to whoever sends drops.
VERIFY_FORMS_BYTES_MAX: Final = 16 * MIB
VERIFY_FORM_SECONDS_MAX: Final = 120.0
# More digests of files in one public check are refused; a receipt has no more files.
VERIFY_DIGESTS_MAX: Final = 250
# Receipts set in print at one time, the longest wait for a turn, and the longest time for one;
# beyond it people are told that the text is there and to come back for the print.
PRINTS_MAX: Final = 2
PRINT_WAIT_SECONDS_MAX: Final = 15.0
PRINT_SECONDS_MAX: Final = 20.0
PRINT_BYTES_MAX: Final = 8 * MIB
# Parts of a file, said to be a print, that are looked through for the signed text; it ends there.
ENCLOSED_STREAMS_MAX: Final = 4_096
# Prints kept in memory; the oldest make way.
PRINTS_KEPT_BYTES_MAX: Final = 16 * MIB
# What one process that sets a receipt may take of the machine's memory.
PRINT_MEMORY_BYTES_MAX: Final = 1_024 * MIB
# Longer text is cut in print and says so; the signed text has all of it.
PRINT_TEXT_CHARACTERS_MAX: Final = 400

# --- escrow of details ---------------------------------------------------------------------------

# The key under which a node seals what it handed out.
ESCROW_KEY_BYTES: Final = 32
# Lengths that sealed details have, and no others: so they tell nothing. The last one is what still
# fits into an entry beside 250 blobs.
ESCROW_BUCKETS: Final = (4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 48 * KIB)
# Longer text typed as a recovery code is not read.
RECOVERY_CODE_CHARACTERS_MAX: Final = 400
# Former escrow keys that a node tries; one more is refused.
ESCROW_FORMER_KEYS_MAX: Final = 16
# Entries that wait for details: shown in one page, completed in one transaction.
RESTORE_SEALED_PAGE: Final = 256
# Contradictions of one kind that a recovery tells one by one; the last one counts the rest.
RESTORE_NOTES_TOLD_MAX: Final = 15
# How often a node looks whether what restored entries wait for has come.
RESTORE_LOOK_SECONDS: Final = 5.0
