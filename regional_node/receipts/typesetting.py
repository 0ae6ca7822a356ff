"""Sets one receipt in print: data in on standard input, a PDF out on standard output.

Owns the call of the typesetter, run as a process of its own (`python -m`), so that it can be ended,
bounded in memory and kept away from the daemon's keys and files. Rules: bundled fonts only, no
packages, no network; the same data give the same bytes (the time in the file is the receipt's).
Leaves out what is printed (`print_data`) and who waits for it (`printing`).
"""

from __future__ import annotations

import json
import os
import resource
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

import typst

from lpse.federation.limits import PRINT_MEMORY_BYTES_MAX, PRINT_SECONDS_MAX

TEMPLATE: Final = Path(__file__).with_name("receipt.typ")
_NOWHERE: Final = "/nonexistent"  # neither stored nor downloaded packages are looked for
_NICE: Final = 10  # uploads go first


def typeset(data: str, moment: datetime, *, form: str = "pdf") -> bytes:
    """The document as PDF/A-3 (or its first page as PNG, to look at)."""
    made = typst.compile(
        TEMPLATE,
        root=TEMPLATE.parent,
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=True),
        format="png" if form == "png" else "pdf",
        ppi=200.0,
        sys_inputs={"data": data},
        pdf_standards="a-3b",
        package_path=_NOWHERE,
        package_cache_path=_NOWHERE,
        timestamp=int(moment.timestamp()),
    )
    return made if isinstance(made, bytes) else made[0]


def main() -> int:
    """Read, set, write."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (PRINT_MEMORY_BYTES_MAX, PRINT_MEMORY_BYTES_MAX))
    seconds = int(PRINT_SECONDS_MAX) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    asked = json.load(sys.stdin.buffer)
    moment = datetime.fromisoformat(asked["moment"])
    sys.stdout.buffer.write(typeset(json.dumps(asked["data"]), moment))
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
