"""Limits of the standing audit: digests of projected state, verification passes, challenges.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

# --- digests of projected state ------------------------------------------------------------------

# Digits of a prefix (sixteen parts each) below which objects are kept in one bucket. Contract: both
# sides' digests agree only at the same depth.
DIGEST_DEPTH: Final = 4
# Bytes of a digest, and of the two halves of a listed object. Contract.
DIGEST_BYTES: Final = 16
# Parts with fewer objects are listed instead of divided again.
DIGEST_LIST_OBJECTS: Final = 24
# Prefixes in one call; more are refused, and asked for in the next one.
DIGEST_PREFIXES_MAX: Final = 16
# Objects that one listing may hold; a part with more is divided, and refused at the last digit.
DIGEST_LISTED_OBJECTS_MAX: Final = 16_384
# Objects in one tree; with more the audit ends with an error instead of taking the memory.
DIGEST_OBJECTS_MAX: Final = 4_000_000
# Rows that one read takes into a tree; between two reads everybody else has their turn.
DIGEST_PAGE_ROWS: Final = 512
# Trees that the centre holds at a time, and for how long an idle one; others come again later.
COMPARISONS_MAX: Final = 8
COMPARISON_IDLE_SECONDS_MAX: Final = 120.0
# Objects in one examination, and differing objects that one run takes up; the others are counted
# in the run and taken up by the next one.
EXAMINED_OBJECTS_MAX: Final = 64
EXAMINED_PER_RUN_MAX: Final = 640
# Records that are projected again for one object; of more, the newest ones count.
EXAMINED_RECORDS_MAX: Final = 4_096
# Looks at objects that move while they are looked at; afterwards they wait for the next run.
EXAMINATIONS_MAX: Final = 5
EXAMINATION_PAUSE_SECONDS: Final = 1.0
# Calls that walk through a journal, served at once, and of these those of one node; others come
# again later.
AUDIT_CALLS_MAX: Final = 32
AUDIT_CALLS_PER_NODE_MAX: Final = 2
# A call that takes longer has failed; making a tree of a million objects takes some ten seconds.
AUDIT_CALL_SECONDS_MAX: Final = 300.0
# Audits whose figures a node keeps; the runs themselves stay in its journal.
AUDITS_KEPT_MAX: Final = 400
# An audit that could not be done is tried again within this.
AUDIT_RETRY_SECONDS: Final = 600.0
# An object's canonical fields; longer ones are compared by their digest alone.
OBJECT_FIELDS_BYTES_MAX: Final = 4_096

# --- verification of journals --------------------------------------------------------------------

# What may be configured: hours between the begins of two passes, entries per second.
AUDIT_HOURS_DEFAULT: Final = 24.0
AUDIT_HOURS_MIN: Final = 0.01
AUDIT_HOURS_MAX: Final = 24.0 * 366
AUDIT_ENTRIES_PER_SECOND_DEFAULT: Final = 20_000.0
AUDIT_ENTRIES_PER_SECOND_MAX: Final = 10_000_000.0
# Entries that one read verifies; between two reads everybody else has their turn.
VERIFY_PAGE_ENTRIES: Final = 1_024
# Entries after which the place of a pass is written down; a restart repeats no more than these.
VERIFY_KEPT_ENTRIES: Final = 65_536
# How long a pass rests between looks when there is nothing to do.
AUDIT_IDLE_SECONDS: Final = 60.0
# Damaged journals that are kept as findings; more are counted in the log alone.
AUDIT_FINDINGS_MAX: Final = 1_000

# --- challenges ----------------------------------------------------------------------------------

# Entries that one question names; more are refused.
CHALLENGE_INDEXES_MAX: Final = 16
# Entries of each journal that a node asks the centre to show in one audit.
CHALLENGE_INDEXES: Final = 4
# Mean time between two questions of the centre to one connected node, and the time to answer.
CHALLENGE_SECONDS: Final = 3_600.0
CHALLENGE_ANSWER_SECONDS_MAX: Final = 120.0
# Questions of one node that the centre answers within `CHALLENGE_WINDOW_SECONDS`; more are told to
# come back, for each may cost a walk through a whole journal.
CHALLENGES_PER_NODE_MAX: Final = 16
CHALLENGE_WINDOW_SECONDS: Final = 60.0
