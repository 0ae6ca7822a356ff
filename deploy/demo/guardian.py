"""Ends the demonstration's processes when the driver itself is gone, even by `kill -9`.

Owns one thing: it reads the numbers of started daemons until its input ends, which it does whenever
and however the driver ends, and then kills what still runs of them and of their services. Rule: a
number counts only with its start time, so nobody else's process is ever hit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

from deploy.demo.processes import end_services
from regional_node.upgrades.launch import start_ticks


def main(folder: Path) -> None:
    """Wait for the driver's end; after an orderly one nothing is left to do."""
    daemons = [tuple(map(int, line.split())) for line in sys.stdin]
    for pid, ticks in daemons:
        if start_ticks(pid) == ticks:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
    end_services(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
