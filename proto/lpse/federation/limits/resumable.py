"""Limits of resumable uploads through grants.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits.tenders import SUBMISSION_FILES_MAX
from lpse.federation.limits.units import KIB, MIB

# Files of one grant that are being received or wait to be submitted; one more is FED-5408.
GRANT_FILES_LIVE_MAX: Final = 4 * SUBMISSION_FILES_MAX
# Files that one grant ever made, ended ones too; one more is FED-5408.
GRANT_FILES_MAX: Final = 16 * SUBMISSION_FILES_MAX
# Files that a grant's overview shows; older ones are left out.
GRANT_FILES_SHOWN_MAX: Final = 4 * SUBMISSION_FILES_MAX
# Submissions of one grant, each replacing the one before; one more is FED-5413.
GRANT_SUBMISSIONS_MAX: Final = 32
# Attempts of one grant that get a proof; later ones end without.
GRANT_ATTEMPTS_MAX: Final = 200
# How long an admission by the schedule spares small files the look before their bytes; the
# transaction of their row looks anyway. Beyond the second so many are forgotten together.
ADMISSION_SEEN_SECONDS: Final = 1.0
ADMISSIONS_SEEN_MAX: Final = 1_000
# Files of all grants that are being received or wait to be submitted; one more is FED-5409.
RESUMABLE_FILES_MAX: Final = 20_000
# Files of all grants that are written to at this moment; one more is FED-5409.
RESUMABLE_WRITERS_MAX: Final = 3_000
# Memory for bytes on their way to the disk, shared by all writers; each gets its part of it,
# within the two bounds of a piece.
RESUMABLE_BUFFER_BYTES: Final = 32 * MIB
RESUMABLE_PIECE_BYTES_MIN: Final = 32 * KIB
RESUMABLE_PIECE_BYTES_MAX: Final = 2 * MIB
# Small files stored by one group; the rest goes into the next one.
RESUMABLE_GROUP_FILES_MAX: Final = 64
# Groups stored side by side; what comes meanwhile waits for the next one.
RESUMABLE_GROUPS_OPEN_MAX: Final = 2
# Bytes that came in slowly are recorded at least so often; a resumed upload loses no more.
RESUMABLE_RECORD_SECONDS: Final = 5.0
# A file that was not submitted ends after this.
RESUMABLE_EXPIRY_SECONDS_DEFAULT: Final = 7 * 86_400
# A file outlives its grant by this, so that a grant's last moment never cuts a running answer.
GRANT_GRACE_SECONDS: Final = 3_600
# Ended files that one step removes; the rest waits for the next one.
EXPIRED_FILES_PER_STEP_MAX: Final = 256
# How often expired files are looked for.
EXPIRY_STEP_SECONDS: Final = 10.0
