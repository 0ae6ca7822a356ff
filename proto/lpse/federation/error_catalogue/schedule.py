"""Codes FED-4nnn: schedules, outages and compensation.

Keeps the order of the codes. Leaves out the other thousands.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue import compensation
from lpse.federation.error_catalogue.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {**compensation.ENTRIES}
