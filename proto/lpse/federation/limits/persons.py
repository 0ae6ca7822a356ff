"""Limits of identity, persons, plans and lists of the two APIs.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits.units import KIB

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
