"""Limits of upload grants and of the HTTP port that vendors reach.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits.units import KIB, MIB

# --- upload grants -------------------------------------------------------------------------------

# Life of a grant that names no end, and the longest that may be asked for (FED-5303).
GRANT_SECONDS_DEFAULT: Final = 90 * 86_400
GRANT_SECONDS_MAX: Final = 400 * 86_400
# A package takes no more grants than this; then FED-5306.
GRANTS_PER_PACKAGE_MAX: Final = 10_000
# A longer reason of a revocation is refused.
GRANT_REASON_CHARACTERS_MAX: Final = 500
# A longer request_id is refused.
REQUEST_ID_CHARACTERS_MAX: Final = 200
# Grants kept in memory between requests; the one used longest ago makes way.
GRANTS_REMEMBERED_MAX: Final = 4_096

# --- the HTTP port -------------------------------------------------------------------------------

# Connections at one time; a further one is told 503 and closed. A node's setting chooses below.
WEB_CONNECTIONS_MAX: Final = 16_384
WEB_CONNECTIONS_DEFAULT: Final = 4_096
WEB_CONNECTIONS_PER_ADDRESS_DEFAULT: Final = 2_048
# A request line or a head that is longer, or has more fields, is refused (414, 431).
WEB_REQUEST_LINE_BYTES_MAX: Final = 2_048
WEB_HEAD_BYTES_MAX: Final = 16 * KIB
WEB_HEAD_FIELDS_MAX: Final = 64
# Requests sent ahead on one connection; beyond it the connection is closed.
WEB_PIPELINED_MAX: Final = 8
# A TLS handshake, and a request's head from its first byte, that take longer are cut off.
WEB_HANDSHAKE_SECONDS_MAX: Final = 20.0
WEB_HEAD_SECONDS_MAX: Final = 30.0
# A connection without a request is closed after this.
WEB_KEEP_ALIVE_SECONDS: Final = 75.0
# A body that brings fewer bytes than this in so many seconds is cut off: no line is that slow, and
# what came is kept. An honest 512 kbit/s line brings eight thousand times as much.
WEB_BODY_WINDOW_SECONDS: Final = 120.0
WEB_BODY_WINDOW_BYTES_MIN: Final = 1_024
# A reader that takes nothing of its answer for so long is cut off.
WEB_ANSWER_STALL_SECONDS_MAX: Final = 60.0
# How long the rest of a refused body is read and thrown away, so that the answer arrives.
WEB_DRAIN_SECONDS_MAX: Final = 10.0
# All bodies that come in share this memory; with many of them each is read in smaller pieces, down
# to the least below. A body of which so much waits for the disk is not read for the while.
WEB_BODIES_BYTES_MAX: Final = 32 * MIB
WEB_READ_BYTES_MIN: Final = 16 * KIB
WEB_READ_BYTES_MAX: Final = 256 * KIB
# How often connections are looked at.
WEB_SWEEP_SECONDS: Final = 1.0
# How long a stopping node lets short requests finish.
WEB_STOP_SECONDS_MAX: Final = 5.0
# Requests of one address: refilled per second (a setting) and saved up at most; beyond it 429.
WEB_REQUESTS_PER_SECOND_DEFAULT: Final = 1_000.0
WEB_REQUESTS_PER_SECOND_MAX: Final = 1_000_000.0
WEB_REQUESTS_SAVED_SECONDS: Final = 10.0
# Addresses of unknown grants asked for by one network address; beyond it 429 instead of 404.
WEB_GUESSES_PER_SECOND: Final = 0.5
WEB_GUESSES_SAVED_MAX: Final = 30
# Requests for pages, states or receipts of one grant that wait while one is answered; then 429.
WEB_TURNS_WAITING_MAX: Final = 32
# How long such a queue, and that of the public check, rests after each answer while others wait in
# it: the work of all other requests comes in between.
WEB_TURN_REST_SECONDS: Final = 0.05
# Network addresses whose rates are remembered; the one heard longest ago makes way.
WEB_ADDRESSES_MAX: Final = 10_000
# A JSON body of a request (submit) that is longer is refused.
WEB_JSON_BYTES_MAX: Final = 64 * KIB
# Metadata of a tus upload that are longer, or have more pairs, are refused.
TUS_METADATA_BYTES_MAX: Final = 4_096
TUS_METADATA_PAIRS_MAX: Final = 16
# How long a browser may remember the answer to a preflight.
WEB_PREFLIGHT_SECONDS: Final = 600
# Origins and proxies that a node's setting may name.
WEB_ORIGINS_MAX: Final = 32
WEB_PROXIES_MAX: Final = 32
