"""Limits of the link, transfers, channels, logs and retries.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits.journals import BATCH_BYTES_MAX, BATCH_ENTRIES_MAX
from lpse.federation.limits.storage import BLOB_CHUNK_BYTES_MAX, BLOB_FSYNC_BYTES
from lpse.federation.limits.units import GIB, KIB, MIB

# --- channels, logs and retries ------------------------------------------------------------------

# A larger gRPC message is refused by both ends; a chunk of 1 MiB and a batch fit with room.
MESSAGE_BYTES_MAX: Final = 4 * MIB
# A line without traffic is asked this often, and dead when the answer takes longer than this.
KEEPALIVE_MILLISECONDS: Final = 30_000
KEEPALIVE_TIMEOUT_MILLISECONDS: Final = 20_000
# A peer that pings more often than this is sent away; less than the keepalive above, with room.
PING_INTERVAL_MILLISECONDS_MIN: Final = 10_000
# Calls that came and were not looked at yet: the whole planned fleet at one moment. More are ended
# by gRPC without a word, and their callers try again.
PENDING_CALLS_MAX: Final = 20_000
PENDING_CALL_SECONDS_MAX: Final = 120
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
# Parts that nobody went on with for so long are removed, at the start and every so often.
TRANSFER_ABANDONED_SECONDS: Final = 30 * 86_400
TRANSFER_SWEEP_SECONDS: Final = 3_600.0
# Less than this in so long, and a caller is cut off (FED-2321): about 1 kbit/s, far below any line.
TRANSFER_SLOW_BYTES_MIN: Final = 16 * KIB
TRANSFER_SLOW_SECONDS: Final = 120.0
# Durable bytes of one caller's unfinished blobs; beyond it no new one is begun (FED-2320).
TRANSFER_UNFINISHED_BYTES_MAX: Final = 16 * GIB
# Blobs up to this size go first and side by side; larger ones go one after the other.
TRANSFER_SMALL_BYTES_MAX: Final = 1 * MIB
TRANSFER_SMALL_STREAMS: Final = 8
# Items of the queue taken up by one step; the rest waits for the next one.
TRANSFER_STEP_ITEMS: Final = 256
# Whole small blobs that travel in one message, and messages on their way without an answer: what a
# lost centre makes a node send again stays below BLOB_FSYNC_BYTES.
TRANSFER_GROUP_BLOBS_MAX: Final = 256
TRANSFER_GROUPS_OPEN_MAX: Final = 7
# Groups of one caller that the centre stores at one time; then it reads no further.
TRANSFER_GROUPS_STORING_MAX: Final = 3
# Deadlines closer than this go first; they count as equal within the grain of the second, so that
# the order of arrival draws no line between two packages.
TRANSFER_URGENT_SECONDS: Final = 48 * 3_600.0
TRANSFER_DEADLINE_GRAIN_SECONDS: Final = 1_800.0
# Every so many picks the oldest item goes, whatever its deadline; of a large one this much.
TRANSFER_AGING_PICKS: Final = 4
TRANSFER_AGED_SLICE_BYTES: Final = BLOB_FSYNC_BYTES
# Bytes that the less urgent lane may send for each byte of the more urgent one; else it waits.
TRANSFER_YIELD_SHARE: Final = 1 / 7
TRANSFER_YIELD_SECONDS_MAX: Final = 8.0
# Rate taken for a line before anything was measured on it.
TRANSFER_RATE_FIRST_BYTES: Final = 64_000
# Deadlines of waiting packages are asked for again after this.
TRANSFER_DEADLINES_SECONDS: Final = 5.0
# Submissions looked at by one statement of the queue.
TRANSFER_NEEDS_ROWS: Final = 256
# What may be sent at once after a pause, in seconds of the limit, and the least that it holds.
ROAD_BURST_SECONDS: Final = 1.0
# Part of a limited road that stays free for entries and heartbeats, at least and at most.
ROAD_CONTROL_SHARE_MAX: Final = 0.5
# Windows of a configuration; more are refused.
ROAD_WINDOWS_MAX: Final = 64
# A sender that waits for its turn looks again after this: a window may have ended.
ROAD_WAIT_SECONDS_MAX: Final = 5.0
# Items set aside that a node reports at one time, and how often while there are any.
PARKED_REPORTED_MAX: Final = 256
PARKED_REPORT_SECONDS: Final = 60.0
# Local copies freed by one step, and how often a step is taken.
FREED_BLOBS_PER_STEP: Final = 64
FREEING_STEP_SECONDS: Final = 60.0
# How long a local copy is kept after its hand-over where the configuration says nothing, and the
# least that it may say.
RETENTION_DAYS_DEFAULT: Final = 365
RETENTION_DAYS_MIN: Final = 1
RETENTION_DAYS_MAX: Final = 36_500
# A higher limit of the road than this is a mistake of units.
ROAD_KBIT_MAX: Final = 100_000_000
# Own journal entries read by one step of the queue.
TRANSFER_FOLLOW_ENTRIES: Final = 256
# Waits between attempts of one item grow from the first to the last of these and stay there.
TRANSFER_RETRY_SECONDS_FIRST: Final = 1.0
TRANSFER_RETRY_SECONDS_MAX: Final = 300.0
# So many refusals of one kind in a row park an item; road and disk failures never do.
TRANSFER_REFUSALS_MAX: Final = 5

# --- the link ------------------------------------------------------------------------------------

# Versions of the link's protocol that this program speaks; without a common one: Refusal.
# 2: slim hello, probe, challenge, witnessed heads, old epoch.
PROTOCOL_MIN: Final = 1
PROTOCOL_MAX: Final = 2
# A larger frame ends the session with FED-2202; a batch fits with room for its envelope.
LINK_FRAME_BYTES_MAX: Final = BATCH_BYTES_MAX + 64 * KIB
# Hellos being judged at one time, at most and at least; between them as many as are answered within
# the seconds at the present pace. A later one is told when to come back.
LINK_HELLOS_MAX: Final = 1_024
LINK_HELLOS_MIN: Final = 32
LINK_HELLO_ANSWER_SECONDS: Final = 5.0
# Part of these places that newcomers leave to those who come back when they were told, and these to
# those who found no place even then; after so long an appointment is forgotten.
LINK_HELLOS_KEPT_SHARE: Final = 0.2
LINK_APPOINTMENT_SECONDS: Final = 120.0
# Streams of one node without an answer: its silent ones must not be too many either.
LINK_HELLOS_PER_NODE_MAX: Final = 4
LINK_HELLO_RETRY_SECONDS: Final = 10.0
# A caller that has not said Hello by then is cut off.
LINK_HELLO_SECONDS_MAX: Final = 20.0
# A node waits so long for its answer: while a whole fleet knocks, asking again only adds to it.
LINK_WELCOME_SECONDS_MAX: Final = 90.0
# A live holder of an identity answers a probe within this; else the second one is told to wait.
LINK_PROBE_SECONDS_MAX: Final = 3.0
# A holder that says nothing for so long after a probe is gone, and the second one takes over.
LINK_HOLDER_SILENT_SECONDS: Final = 25.0
# A second holder that has to wait comes back after this.
LINK_HOLDER_RETRY_SECONDS: Final = 5.0
# Earlier heads of a session kept to compare a head that is merely behind; older ones make way.
LINK_HEADS_KEPT_MAX: Final = 64
# A head that is behind all of these is compared by reading the journal at most this often.
LINK_ROOT_SECONDS_MIN: Final = 60.0
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
# National heads of others shown in one frame; a receiver looks at no more.
WITNESSED_HEADS_MAX: Final = 3
# Heartbeats between two frames that show them; the first one of a session does.
WITNESSED_BEATS: Final = 15
# A session token's secret.
SESSION_TOKEN_BYTES: Final = 32
