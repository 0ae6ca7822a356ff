"""Limits of recovery: reading a journal back, offering branches, fetching blobs.

Leaves out every other part of the contract.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits.units import KIB, MIB

# Roots that one question asks for; more are refused.
ROOTS_ASKED_MAX: Final = 64
# Heads of one epoch among them: its newest, and that of the size which the centre holds.
HEADS_PER_EPOCH_MAX: Final = 2
# Epochs that a node shows when it asks for advice; it shows the newest ones.
EPOCHS_SHOWN_MAX: Final = 256
# Entries, and bytes of entries, in one piece of a journal that is read back or of a branch.
RECOVERY_PIECE_ENTRIES_MAX: Final = 256
RECOVERY_PIECE_BYTES_MAX: Final = 512 * KIB
# Entries of one branch that the centre keeps; a longer one is refused and stays at its node.
BRANCH_ENTRIES_MAX: Final = 1_000_000
# Bytes of entries in all branches of one node; more are refused and stay at their node.
BRANCH_BYTES_PER_NODE_MAX: Final = 1024 * MIB
# Branches of one node that the centre keeps; one more is refused until a person has decided.
BRANCHES_PER_NODE_MAX: Final = 16
# A piece that does not come within this ends the call; it is taken up again where it stopped.
RECOVERY_IDLE_SECONDS_MAX: Final = 60.0
# Between two looks at whether something is to be recovered.
RECOVERY_LOOK_SECONDS: Final = 1.0
# After a failure, or while a person has to decide: the pause before the centre is asked again.
RECOVERY_RETRY_SECONDS: Final = 10.0
# Entries whose tables are rebuilt in one unit of work; the rest follows in the next one.
RESTORED_ENTRIES_PER_STEP: Final = 500
# Of what is waited for (commitments, packages), so many are tried again in one unit of work.
RESTORED_SUBJECTS_PER_STEP: Final = 500
# Blobs fetched in one step, so that recovery yields to everything else.
RECOVERY_BLOBS_PER_STEP: Final = 16
# Reads of journals and branches that the centre serves at once; more are told to come back.
RECOVERY_CALLS_MAX: Final = 16
# Of these, calls of one node; it recovers one step after the other, a second call is a retry.
RECOVERY_CALLS_PER_NODE_MAX: Final = 2
