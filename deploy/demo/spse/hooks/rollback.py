#!/usr/bin/env -S python3 -B
"""While no version runs: undo what this attempt's apply did, if it did anything."""

from __future__ import annotations

import sys

from data_file import RELEASE, undo  # type: ignore[import-not-found] # beside this file in the slot


def main() -> int:
    if "rollback-fails" in RELEASE["faults"]:
        return 1
    undo()
    return 0


if __name__ == "__main__":
    sys.exit(main())
