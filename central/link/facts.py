"""What a session tells the fleet: the two facts of its node, as of now.

Owns the row that one session keeps up to date. Rule: the centre measures the clock offset and
decides since when a node is behind; the node's word is taken for its service only. Leaves out the
table and the judgement (`central.fleet`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from central.fleet.ports import Presence
from central.fleet.store import NodeFactsRow
from central.link.hello import Opened
from central.link.ports import Parts
from lpse.federation.entries import moment
from lpse.federation.errors import FederationError
from lpse.federation.limits import JOURNAL_ENTRIES_MAX, LINK_TEXT_CHARACTERS_MAX
from lpse.federation.v1 import link_pb2 as link


class FactsBook:
    """The fleet row of one session."""

    def __init__(self, parts: Parts, opened: Opened) -> None:
        self._parts = parts
        self._disk = (False, False)  # full, damaged: as the node told last
        now, hello = parts.clock.wall(), opened.hello
        self._row = NodeFactsRow(
            node_id=opened.node_id,
            boot_id=hello.boot_id[:64],
            software_version=hello.software_version[:LINK_TEXT_CHARACTERS_MAX],
            service=link.SERVICE_STATE_UNSPECIFIED,
            service_version=hello.service_version[:LINK_TEXT_CHARACTERS_MAX],
            queue_entries=_count(hello.queue_entries),
            queue_bytes=_count(hello.queue_bytes),
            free_bytes=0,
            national_size=opened.national_size,
            clock_offset_seconds=_offset(hello.clock_time, now),
            attempts=hello.attempts,
            exercise=hello.exercise,
            behind_since=None,
            hello_time=now,
            seen_time=now,
        )

    async def hello(self) -> None:
        """The session begins; the service stays as last known until the first heartbeat."""
        known = (await self._parts.fleet.find([self._row.node_id])).get(self._row.node_id)
        if known is not None:
            self._row = replace(
                self._row,
                service=known.service,
                free_bytes=known.free_bytes,
                behind_since=known.behind_since,
            )
        await self._parts.fleet.record(self._row)

    async def heartbeat(self, beat: link.Heartbeat, presence: Presence) -> None:
        """The node said how it is."""
        now = self._parts.clock.wall()
        self._note_disk(beat.ballast_given_up, bool(beat.damaged_blobs))
        self._row = replace(
            self._row,
            service=beat.service,
            service_version=beat.service_version[:LINK_TEXT_CHARACTERS_MAX],
            queue_bytes=_count(beat.queue_bytes),
            free_bytes=_count(beat.free_bytes),
            clock_offset_seconds=_offset(beat.clock_time, now),
        )
        await self.seen(presence)

    def _note_disk(self, full: bool, damaged: bool) -> None:
        """Log once per change that the node's disk needs somebody."""
        if (full, damaged) == self._disk:
            return
        self._disk = (full, damaged)
        node = self._row.node_id
        self._parts.log.warning("link.node_disk", node=node, full=full, damaged=damaged)

    async def seen(self, presence: Presence) -> None:
        """Keep what is outstanding, and since when."""
        now = self._parts.clock.wall()
        behind = (
            presence.queue_entries > 0 or presence.national_size < self._parts.national.head.size
        )
        since = (self._row.behind_since or now) if behind else None
        self._row = replace(
            self._row,
            queue_entries=presence.queue_entries,
            national_size=presence.national_size,
            behind_since=since,
            seen_time=now,
        )
        await self._parts.fleet.record(self._row)


def _offset(told: Timestamp, now: datetime) -> float:
    try:
        return (moment(told) - now).total_seconds()
    except FederationError:
        return 0.0


def _count(value: int) -> int:
    """SQLite integers have 63 bits; a nonsense figure is cut."""
    return min(value, JOURNAL_ENTRIES_MAX)
