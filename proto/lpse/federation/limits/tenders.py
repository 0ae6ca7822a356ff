"""Limits of schedules, compensation, uploads and outages.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits.journals import ENTRY_BYTES_MAX
from lpse.federation.limits.storage import BLOB_BYTES_MAX
from lpse.federation.limits.units import KIB, MIB

# --- versions, schedules and compensation --------------------------------------------------------

# A longer text is refused before the grammar is tried.
VERSION_CHARACTERS_MAX: Final = 32
# A larger document of a preview, rule set or calendar is refused before it is parsed.
SCHEDULE_DOCUMENT_BYTES_MAX: Final = 4 * MIB
# A package with more stages, or a longer name of anything in it, is refused.
STAGES_MAX: Final = 64
SCHEDULE_NAME_CHARACTERS_MAX: Final = 300
# More outages in one computation are refused; years of minute faults stay far below.
OUTAGES_MAX: Final = 20_000
# A longer outage is refused as a wrong date; the longest real one lasted four days.
OUTAGE_DAYS_MAX: Final = 1_100
# Instants outside these years are refused, so that no addition leaves the calendar.
SCHEDULE_YEAR_MIN: Final = 2000
SCHEDULE_YEAR_MAX: Final = 2199
# A calendar with more days off is refused.
CALENDAR_DAYS_MAX: Final = 20_000
# A calendar that leaves no working day within this many days is refused where it is used.
ROLL_DAYS_MAX: Final = 366
# A rule set that asks for more is refused.
MIN_USABLE_HOURS_MAX: Final = 24 * 31
COUPLINGS_MAX: Final = 256

# --- uploads at a node ---------------------------------------------------------------------------

# More files, or none, is refused before the first byte.
SUBMISSION_FILES_MAX: Final = 250
# A larger submission is refused before the first byte; a node's setting chooses below the maximum.
SUBMISSION_BYTES_DEFAULT: Final = 500 * 1000 * 1000
SUBMISSION_BYTES_MAX: Final = BLOB_BYTES_MAX
# Canonical details that are longer are refused, so that a receipt fits into one signed note and
# its revelation into one journal entry.
SUBMISSION_DETAILS_BYTES_MAX: Final = 48 * KIB
# What a vendor's own details may hold; beyond it they are refused.
FREE_DETAILS_BYTES_MAX: Final = 16 * KIB
FREE_DETAILS_DEPTH_MAX: Final = 8
VENDOR_CHARACTERS_MAX: Final = 200
FILE_NAME_CHARACTERS_MAX: Final = 255
PACKAGE_CODE_CHARACTERS_MAX: Final = 64
# Shorter keys are guessed too easily, longer ones are refused.
INTAKE_KEY_CHARACTERS_MIN: Final = 8
INTAKE_KEY_CHARACTERS_MAX: Final = 64
# A higher number of a Bidding-Room PC is refused.
BIDDING_ROOM_SEAT_MAX: Final = 99
# Random bytes that hide a commitment.
COMMITMENT_SALT_BYTES: Final = 32
# Beyond these a new upload is told to come back shortly (FED-5014).
UPLOADS_OPEN_MAX: Final = 256
# The same of one vendor: whoever holds uploads open must not keep the others out.
UPLOADS_PER_VENDOR_MAX: Final = 16
# An uploader that says nothing for so long is cut off, and nothing of its upload is kept.
UPLOAD_IDLE_SECONDS_MAX: Final = 120
# How long a refused uploader may take to end its side; then the status is sent all the same.
UPLOAD_DRAIN_SECONDS_MAX: Final = 5
# Bytes are sent to a program on the same machine in pieces of this size.
UPLOAD_CHUNK_BYTES: Final = 512 * KIB
# Files up to this size are kept in memory and stored together; larger ones go to the disk at once.
UPLOAD_SMALL_FILE_BYTES_MAX: Final = 128 * KIB
# Memory of one upload for small files; beyond it they are stored, and the next group begins.
UPLOAD_BUFFER_BYTES_MAX: Final = 2 * MIB
# Received files of one upload that wait to be named together; more are named at once.
UPLOAD_PARTS_OPEN_MAX: Final = 8
# An uploader is told its progress each time so much more has come in.
UPLOAD_PROGRESS_BYTES: Final = 4 * MIB
# A package takes no more submissions than this; then FED-5022.
SUBMISSIONS_PER_PACKAGE_MAX: Final = 2_000
# Later refused attempts of a package are refused without being journalled one by one.
REFUSED_ATTEMPTS_PER_PACKAGE_MAX: Final = 1_000
# Uploads judged by one transaction; the rest follows in the next one.
JUDGED_UPLOADS_PER_COMMIT_MAX: Final = 256
# Packages looked at by one step; the rest waits for the next one.
JUDGED_PACKAGES_PER_STEP_MAX: Final = 10_000
# What one part of an opening may weigh, so that it fits into an entry with its signed act.
OPENING_PART_BYTES_MAX: Final = ENTRY_BYTES_MAX - 8 * KIB
# Opened submissions read from the database at a time.
RELEASE_PAGE_SUBMISSIONS: Final = 32
# Proofs of attempts under one key handed out in one message; older ones leave with the opening.
ATTEMPTS_SHOWN_MAX: Final = 20
# Hand-overs at one time; a further one is told to try again with FED-5031.
RELEASES_OPEN_MAX: Final = 4
# A page of the queue.
QUEUE_PAGE_ITEMS_DEFAULT: Final = 100
QUEUE_PAGE_ITEMS_MAX: Final = 1_000
# A larger file of details or public key is not read.
DETAILS_FILE_BYTES_MAX: Final = 64 * KIB

# --- packages, proposals and outages at a node ---------------------------------------------------

# Packages in one import; more are refused before the first is read.
IMPORT_PACKAGES_MAX: Final = 1_000
# Packages that a node knows; one more is refused at import.
PACKAGES_MAX: Final = 20_000
# Printed arithmetic of one proposal; beyond it steps are left out, so that it fits into an entry.
ARITHMETIC_BYTES_MAX: Final = 40 * KIB
# Spans of counted time in one record; of more the record says nothing, and a rebuilt node counts
# again from its outages.
COUNTED_SPANS_MAX: Final = 256
# A provisional proposal of an open outage is computed again after this.
PROVISIONAL_SECONDS: Final = 3_600
# A package whose last stage ended so long ago is computed no more.
PACKAGE_DORMANT_DAYS: Final = 400
# Packages computed between two breaths of the event loop.
COMPENSATION_PACKAGES_PER_BREATH: Final = 8
# How often holds and proposals are looked at.
SCHEDULE_STEP_SECONDS: Final = 0.5
# Stages that a decision gives other ends; more are refused.
CHANGED_ENDS_MAX: Final = STAGES_MAX
# An attached document of a decision; a larger file is not read.
DECISION_DOCUMENT_BYTES_MAX: Final = 64 * MIB

# --- outages and calendars at the centre ---------------------------------------------------------

# A longer title of an outage, or more services of one, are refused.
OUTAGE_TITLE_CHARACTERS_MAX: Final = 200
OUTAGE_SERVICES_MAX: Final = 100
# A declaration that names more nodes is refused: one entry holds it; use a province instead.
OUTAGE_NODES_MAX: Final = 2_000
# Outages of one year; one more is refused.
OUTAGES_PER_YEAR_MAX: Final = 9_999
# A longer citation is refused.
CITATION_CHARACTERS_MAX: Final = 300
