"""Limits of healing: damaged entries of journals that come back from the other side.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

# Entries that one message names or carries; more are refused. Contract.
HEALED_ENTRIES_MAX: Final = 16
# Damaged journals that one answer of the centre names; others follow in a later one. Contract.
WANTED_JOURNALS_MAX: Final = 16
# Calls about one journal in one attempt; what is left then waits for the next attempt.
HEALING_CALLS_MAX: Final = 256
# Between two looks at whether a journal was found damaged.
HEALING_LOOK_SECONDS: Final = 60.0
# The pause before a journal that could not be healed is tried again: it doubles up to the longest.
HEALING_RETRY_SECONDS_FIRST: Final = 60.0
HEALING_RETRY_SECONDS_MAX: Final = 3_600.0
# How often a node asks what is damaged at the centre, and how soon after its start.
HEALING_ASK_SECONDS: Final = 3_600.0
HEALING_ASK_SECONDS_FIRST: Final = 600.0
# Leaf hashes of damaged journals that the centre holds in memory; others wait until one is healed,
# or has waited for its node so long.
HEALING_LEAVES_MAX: Final = 8_000_000
HEALING_HELD_SECONDS_MAX: Final = 3_600.0
