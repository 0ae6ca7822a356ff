"""Why a node's entries do not flow, in the reader's language.

Rule: the exact words of the centre are English and stay in JSON; people read what the catalogue
says about the code. Leaves out what to do, which `explain CODE` tells.
"""

from __future__ import annotations

from collections.abc import Mapping

from lpse.federation.error_catalogue import CATALOGUE
from lpse.terminal.words import language


def quarantine_text(quarantine: Mapping[str, str]) -> str:
    """The code, what it is and what it means; the centre's words for a code of a newer centre."""
    code = quarantine["code"]
    entry = CATALOGUE.get(code)
    if entry is None:
        return f"{code} {quarantine['reason']}"
    told = entry.told(language())
    return f"{code} {told.title}: {told.meaning}"
