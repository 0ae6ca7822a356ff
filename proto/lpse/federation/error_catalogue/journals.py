"""Codes FED-2nnn: journals, the link and transfers.

Keeps the order of the codes. Leaves out the other thousands.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue import ledgers, trees
from lpse.federation.error_catalogue.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {**trees.ENTRIES, **ledgers.ENTRIES}
