#!/usr/bin/env -S python3 -B
"""While no version runs: bring the data to this release's format, keeping a backup."""

from __future__ import annotations

import sys

from data_file import RELEASE, migrate  # type: ignore[import-not-found] # beside this file in the slot


def main() -> int:
    migrate()
    return 1 if "apply-fails" in RELEASE["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
