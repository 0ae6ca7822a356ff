#!/usr/bin/env -S python3 -B
"""While the new version runs: does the page that people see come up?"""

from __future__ import annotations

import os
import sys
import urllib.request


def main() -> int:
    address = f"http://127.0.0.1:{int(os.environ['LPSE_PORT'])}/"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(address, timeout=5) as answer:
        return 0 if b"SPSE" in answer.read(4096) else 1


if __name__ == "__main__":
    sys.exit(main())
