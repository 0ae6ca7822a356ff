#!/usr/bin/env -S python3 -B
"""Before anything is stopped: is there room for a second copy of the data, and a known format?"""

from __future__ import annotations

import json
import shutil
import sys

from data_file import ADDED, DATA, FILE, RELEASE  # type: ignore[import-not-found] # beside this file in the slot

RESERVE_BYTES = 1024 * 1024


def main() -> int:
    if "preflight-fails" in RELEASE["faults"]:
        return 1
    size = FILE.stat().st_size if FILE.exists() else 0
    if shutil.disk_usage(DATA).free < 2 * size + RESERVE_BYTES:
        return 2
    known = FILE.exists() is False or json.loads(FILE.read_bytes())["format"] in {1, *ADDED}
    return 0 if known else 3


if __name__ == "__main__":
    sys.exit(main())
