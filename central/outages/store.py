"""The tables of declared outages, and their part in the one transaction that applies a plan.

Rule: a revision's row and its national entry are one transaction with the plan (exactly once or
not at all); a plan made before the world changed is refused. Leaves out what nodes reported
(`packages_store`) and who may plan (`service`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from google.protobuf.json_format import MessageToDict, ParseDict

from central.outages import rules
from central.outages.packages_store import PackagesProjection, Receipt, Touched, receipts_in
from central.outages.ports import ActiveNodes, EnrolledNode, NationalJournal
from central.outages.rules import Act, OutageState, Wanted
from central.plans.rules import Draft, Plan
from central.plans.store import PlanStore
from lpse.federation.acts import subject_digest
from lpse.federation.errors import NotFound, Refused
from lpse.federation.intervals import indonesian_zone
from lpse.federation.limits import OUTAGES_PER_YEAR_MAX
from lpse.federation.outage_windows import window_interval
from lpse.federation.v1 import directives_pb2 as directives
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros

_SELECT: Final = (
    "SELECT r.outage, r.revision, r.record, r.national_index, r.publish_time"
    " FROM outages o JOIN outage_revisions r"
    " ON r.outage = o.outage AND r.revision = o.revision"
)


@dataclass(frozen=True, slots=True)
class StoredOutage:
    """An outage by its newest revision."""

    record: directives.OutageRevised
    national_index: int
    publish_time: datetime
    nodes: int = 0
    applied: int = 0
    applied_late: int = 0

    @property
    def state(self) -> OutageState:
        """By the newest revision."""
        return rules.state_of(self.record)


@dataclass(frozen=True, slots=True)
class Preview:
    """A revision as it would be, and what it would touch."""

    act: Act
    record: directives.OutageRevised
    nodes: Sequence[EnrolledNode]
    touched: Mapping[str, Touched]

    @property
    def packages(self) -> int:
        """Over all nodes."""
        return sum(
            self.touched[n.node_id].packages for n in self.nodes if n.node_id in self.touched
        )

    def draft(self) -> Draft:
        """The plan of it."""
        document = {
            "revision": MessageToDict(self.record, preserving_proto_field_name=True),
            "nodes": len(self.nodes),
            "packages": self.packages,
        }
        return Draft(
            act=self.act.name,
            document=document,
            node_ids=[node.node_id for node in self.nodes],
            reason=self.record.reason,
        )


class OutageStore:
    """See the module's first lines."""

    def __init__(
        self,
        database: Database,
        national: NationalJournal,
        nodes: ActiveNodes,
        packages: PackagesProjection,
        clock: Clock,
    ) -> None:
        self._database = database
        self._national = national
        self._nodes = nodes
        self._packages = packages
        self._clock = clock

    def appliers(self) -> list[OutageApplier]:
        """One per act, to be registered with the plans."""
        return [OutageApplier(self, act) for act in rules.ACTS]

    async def plan(
        self, wanted: Wanted, name: str, plans: PlanStore | None, created_by: str, now: datetime
    ) -> tuple[Preview, Plan | None]:
        """The preview, and a plan of it unless `plans` is None; both see one state of the world."""

        def work(tx: Transaction) -> tuple[Preview, Plan | None]:
            preview = self.preview_in(tx, wanted, name)
            if plans is None:
                return preview, None
            return preview, plans.create_in(tx, preview.draft(), created_by=created_by, now=now)

        if plans is None:
            return await self._database.read(work)
        return await self._database.write(work)

    def preview_in(self, tx: Transaction, wanted: Wanted, name: str) -> Preview:
        """The next revision and what it would touch; raises what `rules.next_revision` raises."""
        act = rules.act_of(wanted.act)
        present = None if act.name == "outage.declare" else self.get_in(tx, name).record
        record = rules.next_revision(wanted, present, name)
        if present is None:
            record.outage = _next_name(tx, rules.first_year(record))
        nodes = self.concerned_in(tx, record)
        if record.scope == directives.OUTAGE_SCOPE_NODES and len(nodes) != len(record.node_ids):
            known = {node.node_id for node in nodes}
            missing = sorted(set(record.node_ids) - known)
            raise NotFound("FED-4212", f"no node with access is called {missing[0]}")
        if not nodes:
            raise Refused("FED-4212", "the scope names no node that has access")
        return Preview(act, record, nodes, self._touched_in(tx, record, nodes))

    def concerned_in(self, tx: Transaction, record: directives.OutageRevised) -> list[EnrolledNode]:
        """Nodes with access that the scope names, in order."""
        found = self._nodes(tx)
        named = [one for one in found if rules.concerns(record, one.node_id, one.province)]
        return sorted(named, key=lambda one: one.node_id)

    def get_in(self, tx: Transaction, name: str) -> StoredOutage:
        """By name; NotFound (FED-4210)."""
        rows = tx.execute(f"{_SELECT} WHERE o.outage = ?", (name,))
        if not rows:
            raise NotFound(
                "FED-4210",
                "no outage of that name was declared",
                remedy="a name looks like outages/2015-0001; outage list shows all",
            )
        return self._counted_in(tx, _stored(rows[0]))

    async def get(
        self, name: str
    ) -> tuple[StoredOutage, list[StoredOutage], Sequence[Receipt], list[str]]:
        """The newest revision, all of them, what nodes said, and the nodes concerned."""

        def work(
            tx: Transaction,
        ) -> tuple[StoredOutage, list[StoredOutage], Sequence[Receipt], list[str]]:
            newest = self.get_in(tx, name)
            rows = tx.execute(
                "SELECT outage, revision, record, national_index, publish_time"
                " FROM outage_revisions WHERE outage = ? ORDER BY revision",
                (name,),
            )
            concerned = [one.node_id for one in self.concerned_in(tx, newest.record)]
            return newest, [_stored(row) for row in rows], receipts_in(tx, name), concerned

        return await self._database.read(work)

    async def page(self, before: str, limit: int, *, state: str = "") -> list[StoredOutage]:
        """Outages whose names come before `before`, newest first."""
        name = before or "outages/9999-9999"

        def work(tx: Transaction) -> list[StoredOutage]:
            rows = tx.execute(
                f"{_SELECT} WHERE o.outage < ? AND (? = '' OR o.state = ?)"
                " ORDER BY o.outage DESC LIMIT ?",
                (name, state, state, limit),
            )
            return [self._counted_in(tx, _stored(row)) for row in rows]

        return await self._database.read(work)

    # --- taking part in plans ---

    def world_in(self, tx: Transaction, document: Mapping[str, Any]) -> bytes:
        """What a plan depends on: the present revision, the next number, the nodes concerned."""
        record = _record(document)
        rows = tx.execute("SELECT revision FROM outages WHERE outage = ?", (record.outage,))
        return subject_digest(
            {
                "outage": record.outage,
                "revision": int(rows[0][0]) if rows else 0,
                "next": _next_name(tx, rules.first_year(record)) if record.revision == 1 else "",
                "nodes": [one.node_id for one in self.concerned_in(tx, record)],
            }
        )

    def publish_in(self, tx: Transaction, plan: Plan) -> str:
        """The planned revision, with its approvals, in the national journal."""
        record = _record(plan.contents)
        record.plan_digest = plan.digest
        record.approvals.extend(plan.approvals)
        rules.check(record)
        index = self._national.append_in(tx, record, entry_id=plan.entry_id)
        now = to_micros(self._clock.now())
        year, _, number = record.outage.removeprefix("outages/").partition("-")
        tx.run(
            "INSERT INTO outages (outage, year, number, revision, state, publish_time)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (outage) DO UPDATE SET"
            " revision = excluded.revision, state = excluded.state,"
            " publish_time = excluded.publish_time",
            (
                record.outage,
                int(year),
                int(number),
                record.revision,
                rules.state_of(record).value,
                now,
            ),
        )
        tx.run(
            "INSERT INTO outage_revisions (outage, revision, record, national_index, publish_time)"
            " VALUES (?, ?, ?, ?, ?)",
            (
                record.outage,
                record.revision,
                record.SerializeToString(deterministic=True),
                index,
                now,
            ),
        )
        return record.outage

    # --- inside the database thread ---

    def _touched_in(
        self, tx: Transaction, record: directives.OutageRevised, nodes: Sequence[EnrolledNode]
    ) -> dict[str, Touched]:
        """By node, the window read in the node's own zone."""
        touched: dict[str, Touched] = {}
        for zone in {node.zone for node in nodes}:
            span = window_interval(record.window, ZoneInfo(indonesian_zone(zone).key))
            found = self._packages.touched_in(tx, span)
            for node in nodes:
                if node.zone == zone and node.node_id in found:
                    touched[node.node_id] = found[node.node_id]
        return touched

    def _counted_in(self, tx: Transaction, stored: StoredOutage) -> StoredOutage:
        applied, late = tx.execute(
            "SELECT count(*), coalesce(sum(late), 0) FROM outage_receipts"
            " WHERE outage = ? AND national_index = ? AND outcome = 'applied'",
            (stored.record.outage, stored.national_index),
        )[0]
        nodes = len(self.concerned_in(tx, stored.record))
        return StoredOutage(
            stored.record,
            stored.national_index,
            stored.publish_time,
            nodes,
            int(applied),
            int(late),
        )


class OutageApplier:
    """One act of the plans' framework."""

    def __init__(self, store: OutageStore, act: Act) -> None:
        self.act = act.name
        self._store = store

    def world_in(self, tx: Transaction, document: Mapping[str, Any]) -> bytes:
        """Digest of what the act depends on."""
        return self._store.world_in(tx, document)

    def apply_in(self, tx: Transaction, plan: Plan) -> str:
        """Publish the revision; the outage's name."""
        return self._store.publish_in(tx, plan)


def _record(document: Mapping[str, Any]) -> directives.OutageRevised:
    record = directives.OutageRevised()
    ParseDict(dict(document["revision"]), record)
    return record


def _next_name(tx: Transaction, year: int) -> str:
    rows = tx.execute("SELECT coalesce(max(number), 0) + 1 FROM outages WHERE year = ?", (year,))
    number = int(rows[0][0])
    if number > OUTAGES_PER_YEAR_MAX:
        raise Refused("FED-4213", f"a year has at most {OUTAGES_PER_YEAR_MAX} outages")
    return f"outages/{year}-{number:04}"


def _stored(row: Row) -> StoredOutage:
    _, _, record, index, time = row
    return StoredOutage(
        directives.OutageRevised.FromString(record),
        index,
        from_micros(time),
    )
