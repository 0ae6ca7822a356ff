"""Why something does not go on, in the reader's language.

Rule: the exact words of a daemon or of the centre are English and stay in JSON and logs; people
read what the catalogue says about the code in front of them. Leaves out what to do, which
`explain CODE` tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lpse.federation.error_catalogue import CATALOGUE
from lpse.terminal.words import language, say

_CODE: Final = re.compile(r"\AFED-[0-9]{4}\b")


def quarantine_text(quarantine: Mapping[str, str]) -> str:
    """The code, what it is and what it means; the centre's words for a code of a newer centre."""
    code = quarantine["code"]
    entry = CATALOGUE.get(code)
    if entry is None:
        return f"{code} {quarantine['reason']}"
    told = entry.told(language())
    return f"{code} {told.title}: {told.meaning}"


def access_text(state: str) -> str:
    """Whether a node or person has access; an active rollout is another matter."""
    return say("has access") if state == "ACTIVE" else say(state)


def cause_text(cause: str) -> str:
    """`FED-2299 the other side …` by the catalogue's title; other words as they are.

    In English the exact words stay: they say more than the title.
    """
    found = _CODE.match(cause)
    entry = CATALOGUE.get(found[0]) if found else None
    if found is None or entry is None or language() == "en":
        return cause
    return f"{found[0]} {entry.told(language()).title}"
