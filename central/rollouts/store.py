"""All SQL of rollouts; what is published and what is believed are one transaction.

Also the projection of nodes' steps. Rules: a wave opens once, in order; a step of a later entry
replaces an earlier one (Invariant 3); a step of a rollout that the centre never applied is refused
and so parked (Invariant 10). Leaves out the decision (`rules`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from central.ledger.ports import Source
from central.rollouts.ports import NationalJournal
from central.rollouts.rules import OPEN, State, check_move
from lpse.federation.errors import Conflict, NotFound
from lpse.federation.limits import ROLLOUT_DETAIL_CHARACTERS_MAX
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1.directives_pb2 import (
    RolloutApplied,
    RolloutState,
    RolloutStateChanged,
    RolloutWaveOpened,
)
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros

T = TypeVar("T")
_SELECT = "SELECT rollout, record, state, reason, changed_by, apply_time, change_time FROM rollouts"
_NAME_TRIES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class StoredNode:
    """One node of a rollout: its wave and its newest step."""

    node_id: str
    wave_index: int
    step: records.UpgradeStepped | None
    seen_time: datetime | None
    ever_held: bool


@dataclass(frozen=True, slots=True)
class StoredRollout:
    """A rollout as it stands; nodes in order of their waves and ids."""

    number: int
    record: RolloutApplied
    state: State
    reason: str
    changed_by: str
    apply_time: datetime
    change_time: datetime
    open_times: tuple[datetime, ...]
    nodes: tuple[StoredNode, ...]

    @property
    def name(self) -> str:
        """`rollouts/spse-3.6`."""
        return self.record.rollout


class RolloutStore:
    """The tables of rollouts; also the projection "rollouts"."""

    name = "rollouts"

    def __init__(self, database: Database, national: NationalJournal, clock: Clock) -> None:
        self._database = database
        self._national = national
        self._clock = clock

    # --- reading ---

    async def get(self, name: str) -> StoredRollout:
        """A rollout with everything; NotFound (FED-6207)."""
        return await self._database.read(lambda tx: self._get_in(tx, name))

    async def page(
        self, before: int | None, limit: int, state: RolloutState.ValueType
    ) -> list[StoredRollout]:
        """Newest first, older than number `before`; every state where none is asked for."""
        below = 1 << 62 if before is None else before

        def work(tx: Transaction) -> list[StoredRollout]:
            rows = tx.execute(
                f"{_SELECT} WHERE rollout < ? AND (? = 0 OR state = ?)"
                " ORDER BY rollout DESC LIMIT ?",
                (below, state, state, limit),
            )
            return [_rollout_in(tx, row) for row in rows]

        return await self._database.read(work)

    async def open_names(self) -> list[str]:
        """Rollouts that may still do something by themselves."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT name FROM rollouts WHERE state IN (?, ?)",
                [state.number for state in OPEN],
            )
        )
        return [str(name) for (name,) in rows]

    def busy_in(self, tx: Transaction, node_ids: Collection[str]) -> Mapping[str, str]:
        """Those of the nodes that are in an open rollout, with its name."""
        rows = tx.execute(
            "SELECT n.node_id, r.name FROM rollout_nodes n JOIN rollouts r USING (rollout)"
            " WHERE r.state IN (?, ?)",
            [state.number for state in OPEN],
        )
        wanted = set(node_ids)
        return {str(node): str(name) for node, name in rows if node in wanted}

    def free_name_in(self, tx: Transaction, version: str) -> str:
        """`rollouts/spse-3.6`, or the first free number behind it."""
        for number in range(1, _NAME_TRIES_MAX):
            name = f"rollouts/spse-{version}" + (f"-{number}" if number > 1 else "")
            if not tx.execute("SELECT 1 FROM rollouts WHERE name = ?", (name,)):
                return name
        raise Conflict("FED-6203", f"there are {_NAME_TRIES_MAX} rollouts of {version} already")

    async def free_name(self, version: str) -> str:
        """As `free_name_in`."""
        return await self.look(lambda tx: self.free_name_in(tx, version))

    async def look(self, work: Callable[[Transaction], T]) -> T:
        """Read several things of one moment; `work` changes nothing."""
        return await self._database.read(work)

    # --- what the centre does ---

    def begin_in(
        self, tx: Transaction, record: RolloutApplied, entry_id: bytes, now: datetime
    ) -> str:
        """Publish a rollout and open its first wave."""
        self._national.append_in(tx, record, entry_id=entry_id)
        moment = to_micros(now)
        tx.run(
            "INSERT INTO rollouts (name, record, state, reason, changed_by, apply_time,"
            " change_time) VALUES (?, ?, ?, ?, '', ?, ?)",
            (
                record.rollout,
                record.SerializeToString(deterministic=True),
                State.RUNNING.number,
                record.reason,
                moment,
                moment,
            ),
        )
        number = _number_in(tx, record.rollout)
        tx.many(
            "INSERT INTO rollout_nodes (rollout, node_id, wave_index) VALUES (?, ?, ?)",
            [
                (number, node_id, index)
                for index, wave in enumerate(record.waves)
                for node_id in wave.node_ids
            ],
        )
        self._open_wave_in(tx, number, record.rollout, 0, now)
        return record.rollout

    async def open_wave(self, name: str, wave_index: int, now: datetime) -> None:
        """Open the next wave; harmless if it is open, Conflict where it is not the next one."""

        def work(tx: Transaction) -> None:
            stored = self._get_in(tx, name)
            opened = len(stored.open_times)
            if wave_index < opened:
                return
            if wave_index != opened or stored.state is not State.RUNNING:
                raise Conflict("FED-6205", f"wave {wave_index} of {name} cannot open now")
            self._open_wave_in(tx, stored.number, name, wave_index, now)

        await self._database.write(work)

    async def change_state(
        self, name: str, change: RolloutStateChanged, now: datetime, *, validate_only: bool = False
    ) -> StoredRollout:
        """Publish a new state, or nothing where it is so already; Conflict (FED-6205)."""
        new = State(RolloutState.Name(change.state).removeprefix("ROLLOUT_STATE_"))

        def work(tx: Transaction) -> StoredRollout:
            stored = self._get_in(tx, name)
            if not check_move(name, stored.state, new) or validate_only:
                return stored
            self._national.append_in(tx, change)
            tx.run(
                "UPDATE rollouts SET state = ?, reason = ?, changed_by = ?, change_time = ?"
                " WHERE rollout = ?",
                (change.state, change.reason, change.changed_by, to_micros(now), stored.number),
            )
            return self._get_in(tx, name)

        return await self._database.write(work)

    # --- what nodes say ---

    def apply_in(self, tx: Transaction, source: Source, record: Message) -> None:
        """Take a node's step; pass over every other kind."""
        if not isinstance(record, records.UpgradeStepped) or not record.rollout:
            return
        kept = records.UpgradeStepped()
        kept.CopyFrom(record)
        kept.detail = record.detail[:ROLLOUT_DETAIL_CHARACTERS_MAX]
        held = record.state == records.UPGRADE_STATE_HELD
        counts = held and record.hold_reason != records.HOLD_REASON_ROLLOUT
        number = _number_in(tx, record.rollout)
        changed = tx.run(
            "UPDATE rollout_nodes SET step = ?, seen_time = ?, ever_held = max(ever_held, ?)"
            " WHERE rollout = ? AND node_id = ?",
            (
                kept.SerializeToString(deterministic=True),
                to_micros(self._clock.wall()),
                int(counts),
                number,
                source.node_id,
            ),
        )
        if not changed:
            raise NotFound("FED-6208", f"the node is in no wave of {record.rollout}")

    def _open_wave_in(
        self, tx: Transaction, number: int, name: str, wave_index: int, now: datetime
    ) -> None:
        self._national.append_in(tx, RolloutWaveOpened(rollout=name, wave_index=wave_index))
        tx.run(
            "INSERT INTO rollout_waves (rollout, wave_index, open_time) VALUES (?, ?, ?)",
            (number, wave_index, to_micros(now)),
        )

    def _get_in(self, tx: Transaction, name: str) -> StoredRollout:
        rows = tx.execute(f"{_SELECT} WHERE name = ?", (name,))
        if not rows:
            raise _unknown(name)
        return _rollout_in(tx, rows[0])


def _number_in(tx: Transaction, name: str) -> int:
    rows = tx.execute("SELECT rollout FROM rollouts WHERE name = ?", (name,))
    if not rows:
        raise _unknown(name)
    return int(rows[0][0])


def _rollout_in(tx: Transaction, row: Row) -> StoredRollout:
    number, record, state, reason, changed_by, applied, changed = row
    waves = tx.execute(
        "SELECT open_time FROM rollout_waves WHERE rollout = ? ORDER BY wave_index", (number,)
    )
    nodes = tx.execute(
        "SELECT node_id, wave_index, step, seen_time, ever_held FROM rollout_nodes"
        " WHERE rollout = ? ORDER BY wave_index, node_id",
        (number,),
    )
    return StoredRollout(
        number,
        RolloutApplied.FromString(record),
        State(RolloutState.Name(state).removeprefix("ROLLOUT_STATE_")),
        reason,
        changed_by,
        from_micros(applied),
        from_micros(changed),
        tuple(from_micros(time) for (time,) in waves),
        tuple(_node(one) for one in nodes),
    )


def _node(row: Row) -> StoredNode:
    node_id, wave_index, step, seen, held = row
    return StoredNode(
        node_id,
        wave_index,
        records.UpgradeStepped.FromString(step) if step is not None else None,
        from_micros(seen) if seen is not None else None,
        bool(held),
    )


def _unknown(name: str) -> NotFound:
    return NotFound("FED-6207", f"there is no rollout {name}")
