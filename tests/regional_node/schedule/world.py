"""A node's schedule and outages over a real database and journal; the test drives the rest.

The national side is folded by `lpse.federation.desired_state` itself. Officers are checked by a
stand-in of the port that verifies the signature and the role.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message

from lpse.federation import kinds
from lpse.federation.acts import Deed, sign_act, subject_digest, verify_act
from lpse.federation.desired_state import DesiredState, NodeFacts, fold
from lpse.federation.entries import decode_entry
from lpse.federation.errors import Denied
from lpse.federation.notes import Signer
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.runtime.clock import ManualClock, SeededEntropy
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.journal import Journal
from regional_node.outages.store import OutageStore
from regional_node.outages.worker import DirectiveWorker
from regional_node.schedule.decisions import DECIDE, Wish
from regional_node.schedule.effective import EffectiveSchedule
from regional_node.schedule.imports import Defaults, read_packages
from regional_node.schedule.proposal_store import Case, Decided, ProposalStore
from regional_node.schedule.store import ImportResult, ScheduleStore
from regional_node.schedule.worker import ScheduleWorker, rule_set_of

MIGRATIONS = Path(__file__).parents[3] / "regional_node" / "migrations"
UPLOAD = "Upload Dokumen Penawaran"
OPENING = "Pembukaan Dokumen Penawaran"
PARTY = "lpse-pacitan"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def at(text: str, zone: str = "Asia/Jakarta") -> datetime:
    """A local time such as `2015-03-27 10:00`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def package(
    code: str,
    end: str,
    *,
    start: str = "2015-03-20 08:00",
    zone: str = "Asia/Jakarta",
    rule_set: str = "perka-1-2015",
) -> dict[str, object]:
    """A package with an upload stage and the opening one minute after it."""
    upload_end = at(end, zone)
    minute, hours = timedelta(minutes=1), timedelta(hours=2)
    stages = [
        (UPLOAD, at(start, zone), upload_end),
        (OPENING, upload_end + minute, upload_end + hours),
    ]
    return {
        "code": code,
        "name": "Pembangunan jembatan",
        "zone": zone,
        "rule_set": rule_set,
        "stages": [
            {"name": name, "start": begin.isoformat(), "end": finish.isoformat()}
            for name, begin, finish in stages
        ],
    }


@dataclass
class NationalStandIn:
    """The national journal as this node folded it; entries are added by the test."""

    facts: NodeFacts
    state: DesiredState = field(default_factory=DesiredState)
    connected_size: int = 0

    def receive(self, record: Message) -> None:
        """Fold one more entry."""
        kind = kinds.kind_of(record)
        self.state = fold(self.state, self.state.size, kind, record, self.facts)


class OfficersStandIn:
    """Knows one key for everybody; refuses another role or another subject."""

    async def verify(
        self, signed: SignedAct, *, act: str, digest: bytes, roles: Collection[str]
    ) -> object:
        verify_act(signed, KEY.public_key().public_bytes_raw(), Deed(PARTY, act, digest))
        if signed.role not in roles:
            raise Denied("FED-3104", f"the role {signed.role} may not do this")
        return signed.actor


class World:
    """One node."""

    def __init__(self, folder: Path, facts: NodeFacts, now: datetime) -> None:
        self.folder = folder
        self.clock = ManualClock(now)
        self.national = NationalStandIn(facts)
        self.opened: set[str] = set()

    async def open(self, seed: int = 1) -> World:
        """Open, or open again after `close`, from what is on the disk."""
        zone = ZoneInfo(self.national.facts.zone)
        self.database = await Database.open(self.folder / "node.db", MIGRATIONS)
        self.signer = signer = Signer.from_seed(self.national.facts.node_id, bytes(range(32)))
        self.journal = Journal(self.database, signer, self.clock, SeededEntropy(seed))
        await self.journal.open()
        self.outages = OutageStore(self.database, self.journal, zone)
        self.packages = ScheduleStore(self.database, self.journal, self._is_opened)
        self.proposals = ProposalStore(
            self.database, self.journal, self.packages, self.outages.known_in, self._is_opened
        )
        self.effective = EffectiveSchedule(
            self.database, self.packages, self.proposals, self._hold_after
        )
        self.worker = ScheduleWorker(
            self.packages,
            self.proposals,
            self.outages,
            DirectiveWorker(self.outages, self.national, lambda: self.national.connected_size),
            self.national,
            self.clock,
        )
        return self

    async def close(self) -> None:
        await self.database.close()

    async def step(self, now: datetime | None = None) -> None:
        """Let time come to `now`, and the worker look until it has nothing to do."""
        if now is not None:
            self.clock.advance((now - self.clock.now()).total_seconds())
        while await self.worker.step(self.clock.now()):
            pass

    async def load(self, *packages: Mapping[str, object]) -> list[ImportResult]:
        """Import packages as from a JSON file."""
        data = json.dumps(packages).encode()
        given = read_packages(data, Defaults(self.national.facts.zone))
        desired = self.national.state
        return await self.packages.import_packages(
            given, lambda name: rule_set_of(desired, name), self.clock.now()
        )

    async def decide(
        self,
        code: str,
        decision: records.Decision.ValueType,
        *,
        proposal: int | None = None,
        changes: Mapping[str, datetime] | None = None,
    ) -> Decided:
        """A Pokja officer's decision about the newest proposal."""
        if proposal is None:
            last = (await self.proposals.case(code)).last
            proposal = last.number if last else 0
        wish = Wish(code, proposal, decision, "sesuai usulan", changes or {}, b"")
        return await self.proposals.decide(wish, self.signed(wish), self.clock.now())

    def signed(self, wish: Wish, role: str = "pokja") -> SignedAct:
        """The officer's signature under a wish."""
        digest = subject_digest(wish.subject())
        deed = Deed(PARTY, DECIDE, digest)
        return sign_act(KEY, deed, actor="budi", role=role, at=self.clock.now())

    async def case(self, code: str) -> Case:
        return await self.proposals.case(code)

    async def deadline(self, code: str) -> datetime:
        """The effective bid deadline."""
        opening = await self.database.read(
            lambda tx: self.effective.opening_in(tx, code, self.clock.now())
        )
        return opening.deadline

    async def kinds(self) -> list[str]:
        """Kinds of all entries of the node's journal after the first."""
        rows = await self.journal.entries(1, self.journal.head.size)
        return [row.kind for row in rows]

    async def entries(self, kind: str) -> list[Message]:
        """Payloads of one kind, in order."""
        rows = await self.journal.entries(0, self.journal.head.size)
        found = [decode_entry(row.data) for row in rows if row.kind == kind]
        read = [kinds.record_of(entry.kind, entry.payload) for entry in found]
        return [record for record in read if record is not None]

    def _is_opened(self, tx: Transaction, code: str) -> bool:
        return code in self.opened

    def _hold_after(self) -> timedelta:
        return timedelta(seconds=self.national.state.policy.stage_hold_after_seconds)


def by_day(
    first: str, after_last: str, *, revision: int = 1, act: int = directives.OUTAGE_ACT_DECLARE
) -> directives.OutageRevised:
    """A national declaration by civil dates; an empty second date leaves it open."""
    return directives.OutageRevised(
        outage="outages/2015-0001",
        revision=revision,
        act=directives.OutageAct.ValueType(act),
        scope=directives.OUTAGE_SCOPE_NATIONAL,
        window=directives.OutageWindow(start_date=first, end_date=after_last),
        cause=directives.OUTAGE_CAUSE_VERSION_UPGRADE,
        attribution=directives.OUTAGE_ATTRIBUTION_CENTRE,
        title="Pemutakhiran SPSE",
        reason="server tidak dapat diakses",
        zone="Asia/Jakarta",
    )


def by_minute(
    start: datetime, end: datetime | None, *, revision: int = 1, name: str = "outages/2015-0001"
) -> directives.OutageRevised:
    """A national declaration by the minute."""
    record = by_day("", "", revision=revision)
    record.outage = name
    record.window.Clear()
    record.window.start_time.FromDatetime(start)
    if end is not None:
        record.window.end_time.FromDatetime(end)
    return record


def holidays(*days: str, year: int = 2015) -> directives.CalendarPublished:
    """A published calendar."""
    return directives.CalendarPublished(
        year=year, revision=1, holidays=sorted(days), citation="SKB 3 Menteri"
    )


def codes(found: Sequence[Case]) -> list[str]:
    """Codes of some packages."""
    return [case.package.code for case in found]
