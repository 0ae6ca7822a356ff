"""Receipts as people meet them: page, print, short code, public check, and the upgrade to proofs.

`rules` says which parts of the journal make a path and what a receipt tells in words, `store` holds
codes, proofs and tiles, `proofs` upgrades, `printing` sets the PDF in a process of its own, `views`
and `checking` make what the routes answer. The receipt itself is signed by intake and is complete
without any of this: nothing here can lose or change one.
"""

from pathlib import Path
from typing import Final

TEMPLATES: Final = Path(__file__).with_name("templates")
