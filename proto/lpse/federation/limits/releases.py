"""Limits of bundles, upgrades, releases and rollouts.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits.journals import ENTRY_BYTES_MAX
from lpse.federation.limits.units import GIB, KIB, MIB

# --- release bundles and upgrades ----------------------------------------------------------------

# A larger bundle file is refused at `release add` and before a node fetches it.
BUNDLE_BYTES_MAX: Final = 1 * GIB
# Beyond these the manifest, and with it the bundle, is refused before anything is unpacked.
BUNDLE_UNPACKED_BYTES_MAX: Final = 4 * GIB
BUNDLE_MANIFEST_BYTES_MAX: Final = 8 * MIB
BUNDLE_FILES_MAX: Final = 20_000
BUNDLE_FROM_VERSIONS_MAX: Final = 200
BUNDLE_PATH_CHARACTERS_MAX: Final = 200
BUNDLE_PATH_DEPTH_MAX: Final = 16
BUNDLE_ARGUMENTS_MAX: Final = 64
BUNDLE_ARGUMENT_CHARACTERS_MAX: Final = 1_024
# Zeros after the last file (tar pads to a record); more, or anything else, is refused.
BUNDLE_TRAILING_BYTES_MAX: Final = 16 * KIB
# A hook or a start that takes longer counts as failed; a stop that takes longer is a SIGKILL.
BUNDLE_HOOK_SECONDS_MAX: Final = 4 * 3_600
BUNDLE_START_SECONDS_MAX: Final = 1_800
BUNDLE_STOP_SECONDS_MAX: Final = 600
# What the service answers about its version; a longer answer is no version.
SERVICE_PAGE_BYTES_MAX: Final = 4 * KIB
# Output of a hook or service kept on the node's own disk; older output makes way.
SERVICE_LOG_BYTES_MAX: Final = 8 * MIB
# Attempts of one release in one rollout that a lost process or power may cost; then it failed.
UPGRADE_ATTEMPTS_MAX: Final = 3
# Unpacked versions kept besides those in use; the oldest are removed after a success.
SLOTS_KEPT_MAX: Final = 2

# --- releases and rollouts at the centre ---------------------------------------------------------

# One more release is refused.
RELEASES_MAX: Final = 10_000
# Longer notes of a release are refused.
RELEASE_NOTES_CHARACTERS_MAX: Final = 2_000
# Bundles that were brought and never published; the oldest makes way for a new one.
BUNDLES_UNPUBLISHED_MAX: Final = 4
# One more wave is refused; a longer name of a wave too.
ROLLOUT_WAVES_MAX: Final = 100
WAVE_NAME_CHARACTERS_MAX: Final = 40
# Lost bundles that nodes are asked for at one time, one node for each; the others wait.
BUNDLES_ASKED_MAX: Final = 4
# Between two looks at whether a published bundle is lost; the shorter one while some are.
BUNDLE_LOOK_SECONDS: Final = 60.0
BUNDLE_LOST_LOOK_SECONDS: Final = 5.0
# How long an asked node may take to begin, or to go on after its stream broke, before another one
# is asked.
BUNDLE_ANSWER_SECONDS: Final = 60.0
# A node that goes on and on with one bundle is given up after this, whatever has come.
BUNDLE_BRINGING_SECONDS_MAX: Final = 12 * 3_600
# A node that did not bring a bundle is asked for it again after this.
BUNDLE_ASK_AGAIN_SECONDS: Final = 3_600.0
# Questions for bundles that wait at a node; one more is passed over, and the centre asks again.
BUNDLES_WANTED_MAX: Final = 8
# What the entry of a rollout may weigh without its signatures; a larger plan is refused: split it.
ROLLOUT_RECORD_BYTES_MAX: Final = ENTRY_BYTES_MAX - 8 * KIB
# A longer guard window, soak or reason of a step is refused or cut.
ROLLOUT_GUARD_SECONDS_MAX: Final = 31 * 86_400
ROLLOUT_SOAK_SECONDS_MAX: Final = 7 * 86_400
ROLLOUT_DETAIL_CHARACTERS_MAX: Final = 500
# Nodes that a plan's document lists one by one as held or without a path; the rest is counted.
ROLLOUT_PREVIEW_NODES_MAX: Final = 200
# A node of an open wave that says nothing for so long is silent; if it was in the middle of an
# upgrade, it counts as failed from then on.
ROLLOUT_SILENCE_SECONDS: Final = 6 * 3_600
# People watching rollouts at one time; one more is told to come back.
ROLLOUT_WATCHERS_MAX: Final = 64
