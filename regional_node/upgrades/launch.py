"""Becomes another program while holding a lock that the kernel keeps for exactly as long.

Run as its own process: `launch.py LOCK PARENT LABEL PROGRAM [ARGUMENT…]`. It takes the lock,
writes who holds it into the lock file, and only then turns into PROGRAM, which inherits the lock
with the open file. So a service is never running without its record, however its daemon dies, and
two programs on one lock cannot run at once. Exits without starting anything when the lock is
taken or its parent is gone. Standard library only: it runs isolated (`python -I -S`).
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time

LOCKED = 75
ORPHANED = 76
NOT_STARTED = 77

_LOCK_TRIES = 50  # a probe of the lock holds it for microseconds; a dying holder a little longer
_LOCK_PAUSE_SECONDS = 0.02


def start_ticks(pid: int) -> int | None:
    """When the kernel started `pid`, in clock ticks since boot; None for a dead one or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - isolated
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def main(arguments: list[str]) -> int:
    """Take the lock, say who holds it, and become the program; returns only when it cannot."""
    lock_path, parent, label, *command = arguments
    lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not _take(lock):
        return LOCKED
    if os.getppid() != int(parent):
        return ORPHANED
    holder = {"pid": os.getpid(), "start_ticks": start_ticks(os.getpid()), "label": label}
    os.ftruncate(lock, 0)
    os.pwrite(lock, json.dumps(holder).encode(), 0)
    os.fsync(lock)
    os.set_inheritable(lock, True)
    try:
        os.execv(command[0], command)  # noqa: S606 - an argument vector, no shell
    except OSError:
        return NOT_STARTED


def _take(lock: int) -> bool:
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_SECONDS)
        else:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
