"""Limits of witnessing: national entries that come back, branches, heads found anywhere.

Leaves out the limits of batches and proofs, which hold here as well (`journals`).
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits.units import MIB

# Sizes whose roots one offer may ask for; a node that asks for more is refused.
NATIONAL_ROOTS_ASKED_MAX: Final = 64
# Entries that one kept branch of the national journal may have; a longer one is refused, and its
# head alone stays as evidence.
NATIONAL_BRANCH_ENTRIES_MAX: Final = 100_000
# Branches kept; the next one is refused, because somebody would only be filling the disk.
NATIONAL_BRANCHES_MAX: Final = 64
# Bundles that one answer names as missing; the next answer names the others.
MISSING_BUNDLES_MAX: Final = 256
# A call that gives entries back ends after this; it is taken up again where it ended.
NATIONAL_RETURN_SECONDS_MAX: Final = 600.0
# A part of it that does not come within this ends the call: others wait for their turn.
NATIONAL_PART_SECONDS_MAX: Final = 20.0
# Calls of this kind that the centre serves at once, and of these those of one node.
NATIONAL_CALLS_MAX: Final = 64
NATIONAL_CALLS_PER_NODE_MAX: Final = 2
# After a call that failed the next one waits between this and ten times as long.
NATIONAL_RETURN_RETRY_SECONDS: Final = 5.0
# Heads that one question to the centre may name; more are asked in several.
CHECKED_HEADS_MAX: Final = 256
# Words that say where a head was found; longer ones are refused.
HEAD_PLACE_CHARACTERS_MAX: Final = 200
# A file that is searched for checkpoints; a larger one is refused.
AUDITED_FILE_BYTES_MAX: Final = 16 * MIB
# Checkpoints taken from one file; what stands behind them in it is not looked at.
HEADS_FOUND_MAX: Final = 4_096
