"""Limits of upload grants and of the HTTP port that vendors reach.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

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
