"""What persons decided about entries of runs: planned, approved by a second person, published.

Owns the table `recon_resolutions` and the act `recon.resolve` of the plans. Rules: row and national
entry are one transaction; an answered entry is answered again only by a correction that names the
answer before it, which stays; a plan that was reviewed before another answer came is refused, and
so is a choice between two histories while the second one is not here.
Leaves out carrying a choice out: recovery looks here for what was decided about a node's histories.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from google.protobuf.json_format import MessageToDict, ParseDict

from central.national.restoring import Handler, Returned
from central.plans.restore import applied_in
from central.plans.rules import Draft, Plan
from central.plans.store import PlanStore
from central.reconciliation import names_store, rules
from central.reconciliation.store import get_in
from lpse.federation import run_names
from lpse.federation.acts import subject_digest
from lpse.federation.errors import NotFound
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database, Row, Transaction
from lpse.runtime.sqlite.instants import from_micros, to_micros

ACT: Final = "recon.resolve"
PREFIX: Final = "resolutions/"
ATTACHMENT: Final = "attachment"  # origin of the blob
_SELECT: Final = "SELECT number, record, national_index, resolve_time FROM recon_resolutions"


class NationalJournal(Protocol):
    """The centre's own journal, inside a transaction."""

    def append_in(
        self, tx: Transaction, record: records.ReconciliationResolved, *, entry_id: bytes
    ) -> int:
        """Append; the index."""


class Histories(Protocol):
    """Whether a choice between two histories has the second one to choose from."""

    def __call__(self, tx: Transaction, wanted: records.ReconciliationResolved) -> None:
        """Raise Conflict where it would decide nothing."""


class Attachments(Protocol):
    """The bytes that resolutions name."""

    def size_in(self, tx: Transaction, digest: bytes) -> int | None:
        """Size of an attachment that is here and whole; None for any other."""


_UNUSED: Final = (
    f"SELECT digest FROM blobs WHERE origin = '{ATTACHMENT}' AND digest NOT IN"  # noqa: S608 - constants
    " (SELECT attachment_digest FROM recon_resolutions)"
)


@dataclass(frozen=True, slots=True)
class Resolution:
    """One decision of a person, with its place in the national journal."""

    number: int
    record: records.ReconciliationResolved
    national_index: int
    resolve_time: datetime

    @property
    def name(self) -> str:
        """Its resource name."""
        return self.record.resolution

    @property
    def choice(self) -> str:
        """What was chosen."""
        return self.record.choice


class ResolutionStore:
    """See the module's first lines; one applier, of the act `recon.resolve`."""

    act = ACT

    def __init__(
        self,
        database: Database,
        national: NationalJournal,
        attachments: Attachments,
        clock: Clock,
        histories: Histories,
    ) -> None:
        self._database = database
        self._national = national
        self._histories = histories
        self._attachments = attachments
        self._clock = clock

    # --- reading ---

    async def of(self, node_id: str, subject: str) -> Resolution | None:
        """The newest decision about this object of a node; None while it is open."""
        return await self._database.read(lambda tx: newest_about_in(tx, node_id, subject))

    async def get(self, name: str) -> Resolution:
        """By name; NotFound (FED-7013)."""
        number = name.removeprefix(PREFIX)
        if not (number.isascii() and number.isdigit() and len(number) < 16):
            raise _unknown(name)
        rows = await self._database.read(
            lambda tx: tx.execute(f"{_SELECT} WHERE number = ?", (int(number),))
        )
        if not rows:
            raise _unknown(name)
        return _resolution(rows[0])

    async def page(
        self, before: int, limit: int, *, node_id: str = "", run: str = ""
    ) -> list[Resolution]:
        """Newest first, below number `before`."""
        where = (
            "WHERE number < ? AND (? = '' OR node_id = ?)"
            " AND (? = '' OR run = ? OR run > ? || '@' AND run < ? || 'A')"
        )
        rows = await self._database.read(
            lambda tx: tx.execute(
                f"{_SELECT} {where} ORDER BY number DESC LIMIT ?",
                (before, node_id, node_id, run, run, run, run, limit),
            )
        )
        return [_resolution(row) for row in rows]

    # --- attachments ---

    async def unused(self) -> list[bytes]:
        """Attachments that no decision names, oldest first."""
        rows = await self._database.read(lambda tx: tx.execute(f"{_UNUSED} ORDER BY store_time"))
        return [bytes(digest) for (digest,) in rows]

    async def drop_unused(self, digest: bytes) -> bool:
        """Take its row back before its file is deleted; False where a decision names it by now."""
        drop = f"DELETE FROM blobs WHERE digest IN ({_UNUSED} AND digest = ?)"  # noqa: S608 - constants
        return await self._database.write(lambda tx: tx.run(drop, (digest,)) > 0)

    # --- planning ---

    async def plan(
        self, wanted: records.ReconciliationResolved, plans: PlanStore, by: str, now: datetime
    ) -> Plan:
        """A plan of this decision; `wanted` names run, entry, choice, reason, attachment."""

        def work(tx: Transaction) -> Plan:
            draft = self._draft_in(tx, wanted)
            return plans.create_in(tx, draft, created_by=by, now=now)

        return await self._database.write(work)

    async def preview(self, wanted: records.ReconciliationResolved) -> Draft:
        """What a plan of it would show; raises what planning would."""
        return await self._database.read(lambda tx: self._draft_in(tx, wanted))

    def _draft_in(self, tx: Transaction, wanted: records.ReconciliationResolved) -> Draft:
        run = _run_in(tx, wanted)
        record = rules.resolution(wanted, run, _newest_in(tx, wanted))
        self._histories(tx, record)
        self._check_attachment_in(tx, record)
        entry = run.entries[record.entry]
        decided = MessageToDict(entry, preserving_proto_field_name=True)
        for side in ("node_evidence", "centre_evidence"):
            decided.pop(side, None)  # shown below, as people read it
        shown = {
            "resolution": _document(record),
            "entry": decided,
            "node_evidence": entry.node_evidence.decode("utf-8", "replace"),
            "centre_evidence": entry.centre_evidence.decode("utf-8", "replace"),
            "meaning": rules.meaning(record),
        }
        return Draft(ACT, shown, [record.node_id], record.reason)

    def _check_attachment_in(self, tx: Transaction, record: records.ReconciliationResolved) -> None:
        if not record.attachment_digest:
            return
        size = self._attachments.size_in(tx, record.attachment_digest)
        if size is None:
            raise NotFound("FED-7015", "the attachment was not brought", remedy="bring it again")
        record.attachment_bytes = size

    # --- taking part in plans ---

    def world_in(self, tx: Transaction, document: Mapping[str, Any]) -> bytes:
        """What the plan depends on: the entry, and the answer that it has by now."""
        record = _planned(document)
        run = _run_in(tx, record)
        rules.check_entry(record, run)
        newest = _newest_in(tx, record)
        entry = run.entries[record.entry].SerializeToString(deterministic=True)
        return subject_digest({"entry": entry.hex(), "answer": newest.name if newest else ""})

    def apply_in(self, tx: Transaction, plan: Plan) -> str:
        """Publish the decision with its approvals; its name."""
        record = _planned(plan.contents)
        self._histories(tx, record)
        self._check_attachment_in(tx, record)
        record.resolution = f"{PREFIX}{_next_number_in(tx)}"
        record.plan_digest = plan.digest
        record.acts.extend(plan.approvals)
        index = self._national.append_in(tx, record, entry_id=plan.entry_id)
        _insert_in(tx, record, index, self._clock.now())
        return record.resolution

    def handlers(self) -> dict[str, Handler]:
        """How a restored centre takes its decisions up again, by kind."""
        return {"reconciliation.resolved": _returned_in}


def newest_about_in(tx: Transaction, node_id: str, subject: str) -> Resolution | None:
    """The newest decision about this object of a node; None while it is open."""
    where = "WHERE node_id = ? AND object = ? ORDER BY number DESC LIMIT 1"
    found = tx.execute(f"{_SELECT} {where}", (node_id, subject))
    return _resolution(found[0]) if found else None


def _returned_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, records.ReconciliationResolved)
    _insert_in(tx, record, entry.index, entry.record_time)
    applied_in(tx, record.plan_digest, record.resolution)


def _insert_in(
    tx: Transaction, record: records.ReconciliationResolved, index: int, now: datetime
) -> None:
    tx.run(
        "INSERT INTO recon_resolutions (number, node_id, run, entry, object,"
        " attachment_digest, record, national_index, resolve_time)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (number) DO NOTHING",
        (
            int(record.resolution.removeprefix(PREFIX)),
            record.node_id,
            record.run,
            record.entry,
            record.object,
            record.attachment_digest,
            record.SerializeToString(deterministic=True),
            index,
            to_micros(now),
        ),
    )


def _run_in(
    tx: Transaction, wanted: records.ReconciliationResolved
) -> records.ReconciliationRecorded:
    """A node's run as the ledger gave it, or the centre's own; NotFound (FED-7001).

    `wanted` names it exactly from now on.
    """
    number = wanted.run.removeprefix("recon/lkpp/")
    if number.isascii() and number.isdigit() and len(number) < 16:
        rows = tx.execute("SELECT record FROM recon_central_runs WHERE number = ?", (int(number),))
        if rows:
            return records.ReconciliationRecorded.FromString(rows[0][0])
    row = get_in(tx, wanted.run)
    wanted.run = row.name
    return row.record


def _newest_in(tx: Transaction, wanted: records.ReconciliationResolved) -> Resolution | None:
    """The newest answer to the entry, also one from before another run had the same name."""
    base = run_names.parse(wanted.run).base
    places = names_store.places_in(tx, wanted.run)
    run = run_names.meant(wanted.run, places, b"")
    rows = tx.execute(
        f"{_SELECT} WHERE (run = ? OR run > ? || '@' AND run < ? || 'A') AND entry = ?"
        " ORDER BY number DESC",
        (base, base, base, wanted.entry),
    )
    found = map(_resolution, rows)
    return next((one for one in found if run_names.meant(one.record.run, places, b"") == run), None)


def _next_number_in(tx: Transaction) -> int:
    return int(tx.execute("SELECT coalesce(max(number), 0) + 1 FROM recon_resolutions")[0][0])


def _document(record: records.ReconciliationResolved) -> dict[str, Any]:
    return MessageToDict(record, preserving_proto_field_name=True)


def _planned(document: Mapping[str, Any]) -> records.ReconciliationResolved:
    record = records.ReconciliationResolved()
    ParseDict(dict(document["resolution"]), record)
    return record


def _resolution(row: Row) -> Resolution:
    number, data, index, moment = row
    record = records.ReconciliationResolved.FromString(data)
    return Resolution(int(number), record, int(index), from_micros(moment))


def _unknown(name: str) -> NotFound:
    return NotFound("FED-7013", f"there is no resolution {name}", remedy="recon resolutions")
