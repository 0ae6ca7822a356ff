"""Whose turn it is: one lock per file or grant, as long as somebody needs it.

Rule: whoever changes what a file is holds its turn; files come before grants nowhere, as nobody
takes two turns of one kind. Leaves out the bytes' own locks (`lpse.storage.blobs`).
"""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """Locks by name; one that nobody holds or awaits disappears."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Lock:
        """The lock of a name."""
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = asyncio.Lock()
        return lock
