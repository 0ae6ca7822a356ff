"""Limits of disks that fill up or fail: the ballast, the look at a start, the scrub.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits.units import GIB, KIB, MIB

# --- ballast -------------------------------------------------------------------------------------

# Room that is held beside the database and given up when a commit meets a full disk.
BALLAST_BYTES_DEFAULT: Final = 16 * MIB
# A smaller one would not last for the openings and proofs of one deadline.
BALLAST_BYTES_MIN: Final = 4 * MIB
BALLAST_BYTES_MAX: Final = 4 * GIB
# Free space below which the ballast is given up before a commit has to fail.
BALLAST_FREE_BYTES_MIN: Final = 2 * MIB
# Free space that must remain after the ballast was made again; below it the room is left alone.
BALLAST_REMADE_FREE_BYTES_MIN: Final = 16 * MIB
# Time between two looks at the free space.
BALLAST_LOOK_SECONDS: Final = 2.0

# --- the look at a start -------------------------------------------------------------------------

# After a start that no orderly stop preceded, so many of the newest blobs are re-read, or so many
# bytes of them; older ones are left to the scrub.
START_BLOBS_MAX: Final = 256
START_BLOB_BYTES_MAX: Final = 256 * MIB
# Blobs of which one step of every start sees whether their files are there.
START_LOOK_BLOBS: Final = 1_024
# A longer record of the last start and stop is taken as none.
DISK_RECORD_BYTES_MAX: Final = 16 * KIB
# Files set aside are kept for so long, then removed.
ASIDE_SECONDS_KEPT: Final = 90 * 24 * 3_600
# A file set aside whose name was taken already gets a number; beyond this it replaces the last.
ASIDE_COPIES_MAX: Final = 16

# --- scrub ---------------------------------------------------------------------------------------

# What may be configured: bytes re-read per second, and days between the begins of two passes.
SCRUB_MEGABYTES_PER_SECOND_DEFAULT: Final = 10.0
SCRUB_MEGABYTES_PER_SECOND_MAX: Final = 10_000.0
SCRUB_DAYS_DEFAULT: Final = 30.0
SCRUB_DAYS_MAX: Final = 366.0
# While bytes are being received, the scrub takes this part of its rate.
SCRUB_BUSY_PART: Final = 0.25
# Blobs that one page of a pass names, and after which its place is written down.
SCRUB_PAGE_BLOBS: Final = 64
# How long a pass rests between looks when there is nothing to do.
SCRUB_IDLE_SECONDS: Final = 2.0
# Findings taken up in one step; the others wait for the next one.
SCRUB_FINDINGS_PER_STEP: Final = 64
# Waits between attempts to heal one finding; they double from the first to the last.
SCRUB_RETRY_SECONDS_FIRST: Final = 2.0
SCRUB_RETRY_SECONDS_MAX: Final = 3_600.0
# Digests in one frame that asks a node for bytes; the others go into the next one.
BLOBS_WANTED_MAX: Final = 256
# Time after which a node is asked again for bytes that have not come.
BLOBS_WANTED_AGAIN_SECONDS: Final = 60.0
