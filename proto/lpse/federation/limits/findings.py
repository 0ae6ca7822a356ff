"""Limits of the centre's own findings and of what persons decide about findings.

A part of `lpse.federation.limits`, which says how a limit is named and what every line tells.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.limits.units import MIB

# Runs that the centre journals about one node in one day (UTC); further findings are counted, and
# recorded when they are made again on another day.
FINDINGS_PER_NODE_DAY_MAX: Final = 20
# Findings beyond it are counted, each once a day, up to so many of a node; then every time counts.
FINDINGS_PASSED_DISTINCT_MAX: Final = 500
# How often the centre looks for numbers of days that are over.
FINDINGS_CLOSING_SECONDS: Final = 1_800.0
# Runs that wait for the national journal's gate; further findings wait to be made again.
FINDINGS_PENDING_MAX: Final = 10_000
# Findings that are remembered, so that each is written once; the oldest ones are forgotten.
FINDINGS_REMEMBERED_MAX: Final = 200_000

# A larger attachment of a resolution is refused; its name is shortened by whoever brings it.
RESOLUTION_ATTACHMENT_BYTES_MAX: Final = 10 * MIB
RESOLUTION_ATTACHMENT_NAME_CHARACTERS_MAX: Final = 120
# Attachments that no resolution names yet; with more the oldest one is removed.
RESOLUTION_ATTACHMENTS_UNUSED_MAX: Final = 50
