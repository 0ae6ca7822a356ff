"""Rebuilding the centre's tables from its own national entries: which area takes which kind.

Owns the table from kinds to handlers. Rules: an entry and what it does to the tables are one
transaction with its storing; a handler has the effect of once (Invariant 3); an entry that cannot
be read or applied is stored all the same and named, so that it blocks nothing (Invariant 10).
Leaves out SQL, which each area keeps in its own `restore`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from google.protobuf.message import Message

from lpse.federation import kinds
from lpse.federation.entries import decode_entry
from lpse.federation.errors import FederationError
from lpse.runtime.sqlite import Transaction

# Entries that change no table of the centre.
_SILENT: Final = ("beacon.lit", "epoch.opened", "national.asserted")


@dataclass(frozen=True, slots=True)
class Returned:
    """A national entry that came back: its place, when it was made, and what it says."""

    index: int
    kind: str
    entry_id: bytes
    record_time: datetime
    record: Message


@dataclass(frozen=True, slots=True)
class Unapplied:
    """An entry that is stored and changed no table, and why."""

    index: int
    kind: str
    reason: str


Handler = Callable[[Transaction, Returned], None]


class Restorers:
    """See the module's first lines."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = dict(handlers)

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds that some area takes up."""
        return frozenset(self._handlers)

    def restore_in(self, tx: Transaction, index: int, data: bytes) -> Unapplied | None:
        """Let the entry's area take it up; None where nothing is left open."""
        try:
            entry = decode_entry(data)
            record = kinds.record_of(entry.kind, entry.payload)
        except FederationError as error:
            return Unapplied(index, "", error.code)
        if entry.kind in _SILENT:
            return None
        handler = self._handlers.get(entry.kind)
        if handler is None or record is None:
            return Unapplied(index, entry.kind, "this program has no table for it")
        returned = Returned(index, entry.kind, entry.entry_id, entry.record_time, record)
        try:
            with tx.nested():
                handler(tx, returned)
        except Exception as error:
            if tx.broken:
                raise  # the disk, not the entry
            reason = error.code if isinstance(error, FederationError) else type(error).__name__
            return Unapplied(index, entry.kind, reason)
        return None
