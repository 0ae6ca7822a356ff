"""The newest national head and beacon that this node holds: what receipts name as *not before*.

Owns following the stored copy for beacons. Rule: what it shows is durable here already. Leaves out
storing (`national`) and what a receipt does with it.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.checkpoints import head_to_note
from lpse.federation.receipts import NationalWitness
from lpse.federation.v1 import directives_pb2 as directives
from regional_node.national.national import National

_READ_ENTRIES: Final = 1024


class NewestNational:
    """See the module's first lines; `follow` keeps it up to date."""

    def __init__(self, national: National) -> None:
        self._national = national
        self._read = 0
        self._beacon = b""
        self._beacon_index: int | None = None

    def newest(self) -> NationalWitness | None:
        """None before the first contact with the centre."""
        head = self._national.head
        if head is None:
            return None
        note = head_to_note(head, self._national.centre).decode("utf-8")
        return NationalWitness(note, self._beacon, self._beacon_index)

    async def step(self) -> None:
        """Read what is new."""
        while entries := await self._national.entries(self._read, _READ_ENTRIES):
            for entry in entries:
                if isinstance(entry.record, directives.Beacon):
                    self._beacon, self._beacon_index = entry.record.nonce, entry.index
            self._read = entries[-1].index + 1

    async def follow(self) -> None:
        """Until cancelled."""
        async for _ in self._national.watch():
            await self.step()
