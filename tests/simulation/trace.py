"""The fingerprint of a run: one running SHA-256 over everything that happened, in order.

Owns what counts as an event (a frame delivered, a commit synced, a timer, a life begun or ended)
and its bytes. Rule: nothing of the host gets in (no address, path, pid, real time), so two runs of
one seed agree to the bit. `tail` keeps the newest events for people. Leaves out who tells.
"""

from __future__ import annotations

from collections import deque
from hashlib import sha256

TAIL_EVENTS = 200


class Trace:
    """A running hash, a counter by kind, and the newest events."""

    def __init__(self, *, keep: int = TAIL_EVENTS) -> None:
        self._hash = sha256()
        self.counts: dict[str, int] = {}
        self.tail: deque[str] = deque(maxlen=keep)

    def event(self, moment: float, kind: str, words: str) -> None:
        """One thing that happened at a virtual moment."""
        line = f"{moment:.6f} {kind} {words}\n"
        self._hash.update(line.encode())
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.tail.append(line)

    @property
    def hash(self) -> str:
        """The fingerprint so far, hex."""
        return self._hash.copy().hexdigest()
