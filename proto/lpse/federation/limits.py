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
# The write-ahead log is checkpointed after about this much, and kept no larger than the second.
WAL_CHECKPOINT_BYTES: Final = 4 * MIB
# What a commit adds to the log beside the stored values: the pages that it touches, about.
WAL_COMMIT_BYTES: Final = 16 * KIB
WAL_KEPT_BYTES_MAX: Final = 16 * MIB
# Beyond this size the writer waits for its readers and starts the log again from its beginning.
WAL_BYTES_MAX: Final = 64 * MIB
# How long that restart waits for readers before it gives way and tries again later.
WAL_RESTART_TIMEOUT_MILLISECONDS: Final = 500
# Rows that a scan of a journal reads by one statement; a longer answer is cut here.
SCAN_ROWS_PER_STEP: Final = 4_096

# --- backups -------------------------------------------------------------------------------------

# A longer manifest of a backup is refused before it is parsed.
BACKUP_MANIFEST_BYTES_MAX: Final = 256 * MIB

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
# Locks shared by all parts; two parts that meet on one wait for each other, nothing worse.
BLOB_LOCKS: Final = 1_024
# A longer transfer id, or one with other characters than a-z, 0-9 and dash, is refused.
TRANSFER_ID_CHARACTERS_MAX: Final = 64
# Blobs stored by one call, which share one fsync of each directory; more are refused.
BLOB_GROUP_MAX: Final = 1_024
# Threads that fsync the files of one such call; more bring nothing on one disk.
BLOB_GROUP_THREADS: Final = 4

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
# A page of the queue.
QUEUE_PAGE_ITEMS_DEFAULT: Final = 100
QUEUE_PAGE_ITEMS_MAX: Final = 1_000
# A larger file of details or public key is not read.
DETAILS_FILE_BYTES_MAX: Final = 64 * KIB

# --- channels, logs and retries ------------------------------------------------------------------

# A larger gRPC message is refused by both ends; a chunk of 1 MiB and a batch fit with room.
MESSAGE_BYTES_MAX: Final = 4 * MIB
# A line without traffic is asked this often, and dead when the answer takes longer than this.
KEEPALIVE_MILLISECONDS: Final = 30_000
KEEPALIVE_TIMEOUT_MILLISECONDS: Final = 20_000
# A peer that pings more often than this is sent away; less than the keepalive above, with room.
PING_INTERVAL_MILLISECONDS_MIN: Final = 10_000
# A longer text of an error is cut on the wire: gRPC's trailing metadata holds 8 KiB in all.
ERROR_MESSAGE_CHARACTERS_MAX: Final = 1_000
# Innermost places of an unexpected exception that are logged; outer ones are left out.
LOG_FRAMES_MAX: Final = 8
# Waits between attempts of the link grow from the first to the last of these and stay there.
RECONNECT_SECONDS_FIRST: Final = 1.0
RECONNECT_SECONDS_MAX: Final = 300.0
# A longer pause that the other side asks for is cut to this.
RETRY_AFTER_SECONDS_MAX: Final = 3_600.0
# Attempts and waits of a short call; after the last one its error is raised.
SHORT_RETRY_ATTEMPTS_MAX: Final = 5
SHORT_RETRY_SECONDS_FIRST: Final = 0.2
SHORT_RETRY_SECONDS_MAX: Final = 5.0

# --- identity ------------------------------------------------------------------------------------

# Certificates begin this much before they are issued, so that a slow clock can use them at once.
CERTIFICATE_BACKDATE_SECONDS: Final = 300
# A longer certificate request, or a larger key file, is refused before it is parsed.
CERTIFICATE_REQUEST_BYTES_MAX: Final = 4 * KIB
KEY_FILE_BYTES_MAX: Final = 64 * KIB
# Life of the private CA and of the centre's own certificate; both end with a new `init`.
AUTHORITY_DAYS: Final = 20 * 365
SERVER_CERTIFICATE_DAYS: Final = 10 * 365
# Life of a node's or operator's certificate unless configured.
CLIENT_CERTIFICATE_SECONDS: Final = 90 * 86_400

# --- transfers of blobs across the link ----------------------------------------------------------

# A sender chooses chunks between these, so that one takes about the seconds below at the present
# rate; the contract allows twice as long. A larger chunk is refused with FED-2304.
TRANSFER_CHUNK_BYTES_MIN: Final = 16 * KIB
TRANSFER_CHUNK_BYTES_MAX: Final = BLOB_CHUNK_BYTES_MAX
TRANSFER_CHUNK_BYTES_FIRST: Final = 64 * KIB
TRANSFER_CHUNK_SECONDS: Final = 4.0
# A peer that says nothing for so long is cut off (FED-2306); what came is kept and resumed.
TRANSFER_IDLE_SECONDS_MAX: Final = 60.0
# The receiver may need so long to re-read a large blob before it answers; then the sender retries.
TRANSFER_VERIFY_SECONDS_MAX: Final = 900.0
# On a slow line received bytes are made durable at least this often, however few they are.
TRANSFER_DURABLE_SECONDS: Final = 3.0
# Blobs being received at one time from all callers, and from one; more are told to come back.
TRANSFER_STREAMS_MAX: Final = 256
TRANSFER_STREAMS_PER_CALLER_MAX: Final = 16
TRANSFER_RETRY_AFTER_SECONDS: Final = 5.0
# A node's entry that is stored but not projected yet: the sender comes back this much later.
TRANSFER_PROJECTION_SECONDS: Final = 0.5
# Parts that nobody went on with for so long are removed when the centre starts.
TRANSFER_ABANDONED_SECONDS: Final = 30 * 86_400
# Blobs up to this size go first and side by side; larger ones go one after the other.
TRANSFER_SMALL_BYTES_MAX: Final = 1 * MIB
TRANSFER_SMALL_STREAMS: Final = 8
# Items of the queue taken up by one step; the rest waits for the next one.
TRANSFER_STEP_ITEMS: Final = 64
# Own journal entries read by one step of the queue.
TRANSFER_FOLLOW_ENTRIES: Final = 256
# Waits between attempts of one item grow from the first to the last of these and stay there.
TRANSFER_RETRY_SECONDS_FIRST: Final = 1.0
TRANSFER_RETRY_SECONDS_MAX: Final = 300.0
# So many refusals of one kind in a row park an item; road and disk failures never do.
TRANSFER_REFUSALS_MAX: Final = 5

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

# --- desired state -------------------------------------------------------------------------------

# A node does not start what can reach into this span before a compensable end, unless told so.
GUARD_WINDOW_SECONDS: Final = 24 * 3_600
# A measured service outage longer than this holds stages that fall due, unless a policy says so.
STAGE_HOLD_SECONDS: Final = 15 * 60
# National entries that a node could not fold are listed up to this number; the rest is counted
# by `pinned_at` alone.
DESIRED_SKIPPED_MAX: Final = 1_000

# --- the link ------------------------------------------------------------------------------------

# Versions of the link's protocol that this program speaks; without a common one: Refusal.
PROTOCOL_MIN: Final = 1
PROTOCOL_MAX: Final = 1
# A larger frame ends the session with FED-2202; a batch fits with room for its envelope.
LINK_FRAME_BYTES_MAX: Final = BATCH_BYTES_MAX + 64 * KIB
# Hellos being judged at one time; a later one is told to come back within the seconds below.
LINK_HELLOS_MAX: Final = 1_024
# The same for one node: its silent streams must not take every place from the others.
LINK_HELLOS_PER_NODE_MAX: Final = 4
LINK_HELLO_RETRY_SECONDS: Final = 10.0
# A caller that has not said Hello, or a centre that has not answered it, by then is cut off.
LINK_HELLO_SECONDS_MAX: Final = 20.0
# What a node may send beyond what is acknowledged; at the limit it waits for an ack.
LINK_CREDIT_ENTRIES: Final = 16 * BATCH_ENTRIES_MAX
LINK_CREDIT_BYTES: Final = 4 * MIB
# National bytes on their way to one node; at the limit the centre waits for its ack.
LINK_NATIONAL_BYTES_MAX: Final = 1 * MIB
# Frames for one node that wait to be written; beyond it the session ends with FED-2205.
LINK_CONTROL_FRAMES_MAX: Final = 1_024
# Received batches of one node that wait to be stored; at the limit reading from it pauses.
LINK_BATCHES_WAITING_MAX: Final = 32
# Encoded national batches kept for nodes that read the same range; older ones make way.
LINK_FRAMES_CACHED_MAX: Final = 64
# A node says something at least so often, and counts as gone after the lease without a frame.
LINK_HEARTBEAT_SECONDS: Final = 20
LINK_LEASE_SECONDS: Final = 60
# A connected node whose copy or queue has been behind for longer than this is LAGGING.
LINK_LAGGING_SECONDS: Final = 120.0
# Nodes of a draining centre come back at a random moment within this.
LINK_DRAIN_SECONDS: Final = 30.0
# How long a session may take to end in order once it was told to.
LINK_CLOSE_SECONDS_MAX: Final = 5.0
# Attempts to connect that a node remembers one by one; older ones make way.
LINK_ATTEMPTS_KEPT_MAX: Final = 1_000
# Longer texts from the other side (reasons, versions, capabilities) are cut.
LINK_TEXT_CHARACTERS_MAX: Final = 500
# Parked indexes named in one acknowledgement; the rest is told by the centre's own list.
ACK_PARKED_MAX: Final = 256
# A session token's secret.
SESSION_TOKEN_BYTES: Final = 32

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

# --- lists of the operator and intake API --------------------------------------------------------

# A page of nodes, runs or parked entries.
PAGE_ITEMS_DEFAULT: Final = 100
PAGE_ITEMS_MAX: Final = 1_000

# --- persons and plans ---------------------------------------------------------------------------

# A longer name of an operator or officer is refused.
PERSON_NAME_CHARACTERS_MAX: Final = 40
# A person's signature that is older, or further ahead of our clock, counts for nothing.
ACT_AGE_SECONDS_MAX: Final = 900
ACT_AHEAD_SECONDS_MAX: Final = 120
# A longer reason is refused.
REASON_CHARACTERS_MAX: Final = 2_000
# One more person at the centre, or at a node, is refused.
OPERATORS_MAX: Final = 1_000
OFFICERS_MAX: Final = 1_000
# A larger plan is refused when it is made.
PLAN_DOCUMENT_BYTES_MAX: Final = 256 * KIB
PLAN_NODES_MAX: Final = 10_000
# One more open plan is refused until others were applied or have expired.
PLANS_OPEN_MAX: Final = 1_000
# No plan asks for, and none keeps, more signatures.
PLAN_APPROVALS_MAX: Final = 8
# A plan that lives longer than this is refused when it is made.
PLAN_EXPIRE_SECONDS_MAX: Final = 7 * 24 * 3_600
# Parts of an enrolment code. Its form is fixed: 280 bits are 56 characters of base 32.
CODE_ID_BYTES: Final = 5
CODE_SECRET_BYTES: Final = 10
CODE_FINGERPRINT_BYTES: Final = 16
CODE_GROUP_CHARACTERS: Final = 8
# A longer text is refused before it is read as a code.
CODE_TEXT_CHARACTERS_MAX: Final = 400
# Wrong secrets for one code; then the code is locked.
CODE_FAILURES_MAX: Final = 10
# Life of an unused code unless configured.
CODE_SECONDS: Final = 72 * 3_600
# Failed enrolments of one network address in one window; then it is asked to come back later.
# The oldest of that many addresses make way.
ENROL_FAILURES_PER_ADDRESS_MAX: Final = 20
ENROL_FAILURES_WINDOW_SECONDS: Final = 60
ENROL_ADDRESSES_MAX: Final = 10_000
# A renewal whose clock is further off is refused; its nonce is remembered for twice as long.
RENEWAL_CLOCK_SECONDS_MAX: Final = 300
RENEWAL_NONCE_BYTES: Final = 16
# A certificate is renewed after this part of its life, plus jitter of at most the second part.
RENEWAL_LIFE_PART: Final = 2 / 3
RENEWAL_JITTER_PART: Final = 1 / 12
# Waits between attempts to renew grow to this; after a refusal the next attempt is this far off.
RENEWAL_WAIT_SECONDS_MAX: Final = 300.0
RENEWAL_REFUSED_SECONDS: Final = 3_600.0
# How long connecting, and one call of enrolment or renewal, may take before it is given up.
HANDSHAKE_SECONDS_MAX: Final = 20.0
ENROLMENT_CALL_SECONDS_MAX: Final = 60.0
# Calls that the enrolment listener serves at one time; a further one is refused at once.
ENROLMENT_CALLS_MAX: Final = 64
# Certificates in a server's chain; a longer chain is refused.
CHAIN_CERTIFICATES_MAX: Final = 8
# Nodes and operators with access at one time; one more is refused.
IDENTITIES_MAX: Final = 20_000

# --- packages, proposals and outages at a node ---------------------------------------------------

# Packages in one import; more are refused before the first is read.
IMPORT_PACKAGES_MAX: Final = 1_000
# Packages that a node knows; one more is refused at import.
PACKAGES_MAX: Final = 20_000
# Printed arithmetic of one proposal; beyond it steps are left out, so that it fits into an entry.
ARITHMETIC_BYTES_MAX: Final = 40 * KIB
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
