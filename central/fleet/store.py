"""All SQL of the fleet: one row per node with what it last said.

Rule: facts are as of `seen_time`, and older facts never replace newer ones of the same row because
one session writes at a time. Leaves out the judgement (`rules`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lpse.federation.acts import CENTRE_PARTY
from lpse.runtime.sqlite import Database, Row
from lpse.runtime.sqlite.instants import from_micros

_COLUMNS = (
    "node_id, boot_id, software_version, service, service_version, queue_entries, queue_bytes,"
    " free_bytes, national_size, clock_offset_seconds, attempts, exercise, behind_since,"
    " hello_time, seen_time"
)


@dataclass(frozen=True, slots=True)
class NodeFactsRow:
    """What a node last said; times are the centre's wall clock."""

    node_id: str
    boot_id: bytes
    software_version: str
    service: int
    service_version: str
    queue_entries: int
    queue_bytes: int
    free_bytes: int
    national_size: int
    clock_offset_seconds: float
    attempts: int
    exercise: bool
    behind_since: datetime | None
    hello_time: datetime
    seen_time: datetime


@dataclass(frozen=True, slots=True)
class RecoveryRow:
    """A recovery that the centre noticed; `resolution` is empty while nobody acknowledged it."""

    object: str
    notice_time: datetime
    address: str
    boot_id: str
    software_version: str
    resolution: str


class FleetStore:
    """The table `fleet_nodes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, row: NodeFactsRow) -> None:
        """What the node says now."""
        values = (
            row.node_id,
            row.boot_id,
            row.software_version,
            row.service,
            row.service_version,
            row.queue_entries,
            row.queue_bytes,
            row.free_bytes,
            row.national_size,
            row.clock_offset_seconds,
            row.attempts,
            int(row.exercise),
            row.behind_since.isoformat() if row.behind_since else None,
            row.hello_time.isoformat(),
            row.seen_time.isoformat(),
        )
        marks = ", ".join("?" * len(values))
        sql = f"INSERT OR REPLACE INTO fleet_nodes ({_COLUMNS}) VALUES ({marks})"  # noqa: S608 - constant columns
        await self._database.write(lambda tx: tx.run(sql, values))

    async def find(self, node_ids: list[str]) -> dict[str, NodeFactsRow]:
        """The rows of these nodes; a node that never came has none."""
        marks = ", ".join("?" * len(node_ids))
        sql = f"SELECT {_COLUMNS} FROM fleet_nodes WHERE node_id IN ({marks})"  # noqa: S608 - marks
        rows = await self._database.read(lambda tx: tx.execute(sql, node_ids))
        return {str(row[0]): _row(row) for row in rows}

    async def recoveries(self, node_ids: list[str]) -> dict[str, RecoveryRow]:
        """The newest recovery of each of these nodes that had one, and who acknowledged it.

        An answer to an entry of the node's own runs acknowledges nothing: the node names those.
        """
        marks = ", ".join("?" * len(node_ids))
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT r.node_id, r.object, r.notice_time, r.machine,"  # noqa: S608 - marks
                " (SELECT max(a.number) FROM recon_resolutions a"
                " WHERE a.node_id = r.node_id AND a.object = r.object"
                f" AND a.run LIKE 'recon/{CENTRE_PARTY}/%')"
                f" FROM recon_recoveries r WHERE r.node_id IN ({marks})",
                node_ids,
            )
        )
        return {str(row[0]): _recovery(row) for row in rows}


def _recovery(row: Row) -> RecoveryRow:
    _, subject, noticed, machine, answer = row
    told = json.loads(machine)
    return RecoveryRow(
        object=subject,
        notice_time=from_micros(noticed),
        address=str(told.get("address", "")),
        boot_id=str(told.get("boot_id", "")),
        software_version=str(told.get("software_version", "")),
        resolution=f"resolutions/{answer}" if answer else "",
    )


def _row(row: Row) -> NodeFactsRow:
    exercise, behind, hello, seen = row[11:]
    fields: list[Any] = [
        *row[:11],
        bool(exercise),
        datetime.fromisoformat(behind) if behind else None,
        datetime.fromisoformat(hello),
        datetime.fromisoformat(seen),
    ]
    return NodeFactsRow(*fields)
