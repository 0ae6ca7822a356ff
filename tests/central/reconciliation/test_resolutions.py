"""Two persons decide what no rule may; what they decided stays, and a correction points back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from central.blobs.receiving import Receiving
from central.blobs.store import BlobRows
from central.branches.decisions import check_histories_in
from central.branches.store import BranchStore
from central.ledger.ports import Source
from central.national.restoring import Restorers
from central.reconciliation.resolutions import ACT, ResolutionStore
from central.reconciliation.resolving import ResolutionsService
from central.reconciliation.store import ReconciliationStore
from lpse.federation.acts import Deed, verify_act
from lpse.federation.checkpoints import Head
from lpse.federation.entries import decode_entry
from lpse.federation.errors import Conflict, Denied, NotFound, Refused
from lpse.federation.limits import (
    RESOLUTION_ATTACHMENT_BYTES_MAX,
    RESOLUTION_ATTACHMENTS_UNUSED_MAX,
)
from lpse.federation.reconciliation_findings import name_findings
from lpse.federation.reconciliation_rules import entry, evidence
from lpse.federation.v1 import records_pb2 as records
from lpse.operator.v1 import plans_pb2 as plans_api
from lpse.operator.v1 import resolutions_pb2 as api
from lpse.storage.blobs import BlobStore
from tests.central.outages.world import KEYS
from tests.central.outages.world import Centre as Outages

NODE = "lpse-pacitan"
RUN = f"recon/{NODE}/7"


class Context:
    """Takes what a stream writes."""

    def __init__(self) -> None:
        self.data = b""

    async def write(self, piece: api.ReadAttachmentResponse) -> None:
        self.data += piece.data


class Centre(Outages):
    """A centre that knows one run with a fork and an agreement, and the fork's other history."""

    offers = True

    async def open(self) -> Centre:
        await super().open()
        self.blobs = BlobStore(self.folder / "blobs")
        rows = BlobRows(self.database)
        self.store = ResolutionStore(
            self.database, self.journal, rows, self.clock, check_histories_in
        )
        self.plans.register(self.store)
        self.receiving = Receiving(self.blobs, rows, self.clock)
        await self.receiving.open()
        self.resolutions = ResolutionsService(
            self.store,
            self.plans,
            self.receiving,
            self.caller,
        )
        runs = ReconciliationStore(self.database)
        source = Source(NODE, bytes(16), 3, self.clock.now(), bytes(16))
        await self.database.write(lambda tx: runs.apply_in(tx, source, _run()))
        if self.offers:
            await self.offered()
        return self

    async def offered(self, mark: bytes = b"b", *, whole: bool = True) -> str:
        """The other history came: nobody's act but the machine's; its name."""
        branches = BranchStore(self.database)
        head = Head(NODE, mark * 16, 3, mark * 32, bytes(64))
        branch = await branches.begin(head, 3, self.clock.now().isoformat())
        if whole:
            await branches.complete(branch, machine_only=True, extends=None)
        return branch.name

    async def ask(self, **fields: Any) -> plans_api.Plan:
        self.caller.name = "ana"
        given: dict[str, Any] = {
            "run": RUN,
            "entry": 0,
            "choice": "CONTINUE_STORED",
            "reason": "the machine room saw it",
            **fields,
        }
        request = api.PlanResolutionRequest(**given)
        answer = await self.resolutions.PlanResolution(request, None)  # type: ignore[arg-type] # the handler reads no context
        return answer.plan

    async def resolve(self, **fields: Any) -> str:
        plan = await self.ask(**fields)
        await self.approve(plan)
        return await self.apply(plan, ACT)

    async def attach(self, *pieces: bytes) -> api.UploadAttachmentResponse:
        self.caller.name = "ana"

        async def stream() -> AsyncIterator[api.UploadAttachmentRequest]:
            for piece in pieces:
                yield api.UploadAttachmentRequest(data=piece)

        return await self.resolutions.UploadAttachment(stream(), None)  # type: ignore[arg-type] # the handler reads no context

    async def published(self) -> list[records.ReconciliationResolved]:
        rows = await self.journal.entries(0, self.journal.head.size)
        entries = [decode_entry(row.data) for row in rows]
        return [
            records.ReconciliationResolved.FromString(one.payload)
            for one in entries
            if one.kind == "reconciliation.resolved"
        ]


def _run() -> records.ReconciliationRecorded:
    sides = evidence(size=9), evidence(size=8)
    run = records.ReconciliationRecorded(
        run=RUN,
        entries=[
            entry("R-REGIONAL-FORKED", "regional journal", *sides, "quarantined", 1),
            entry("R-NATIONAL-EQUAL", "national 0..3", b"{}", b"{}", "", 4),
            entry("R-ENTRY-PARKED", "regional 5", b"", b"", "parked", 1),
        ],
    )
    name_findings(run)
    run.begin_time.GetCurrentTime()
    run.legal_time.CopyFrom(run.begin_time)
    return run


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    world = await Centre(tmp_path).open()
    yield world
    await world.database.close()


async def test_a_plan_shows_the_evidence_of_each_side_once(centre: Centre) -> None:
    """Who approves reads it as it was recorded, and no second time in another spelling."""
    document = json.loads((await centre.ask()).document)
    assert json.loads(document["node_evidence"]) == {"size": 9}
    assert json.loads(document["centre_evidence"]) == {"size": 8}
    assert document["entry"]["rule"].startswith("R-REGIONAL-FORKED")
    assert not {"node_evidence", "centre_evidence"} & set(document["entry"])


async def test_a_decision_is_published_with_the_second_persons_signature(centre: Centre) -> None:
    """Choice, reason, rule and object stand in the national journal; recovery finds them."""
    plan = await centre.ask()
    assert b"the history that the centre stored goes on" in plan.document
    await centre.approve(plan)
    assert await centre.store.of(NODE, "regional journal") is None
    name = await centre.apply(plan, ACT)
    assert name == "resolutions/1" == await centre.apply(plan, ACT)
    (record,) = await centre.published()
    assert (record.node_id, record.run, record.entry) == (NODE, RUN, 0)
    assert (record.object, record.rule) == ("regional journal", "R-REGIONAL-FORKED/1")
    assert (record.choice, record.reason) == ("CONTINUE_STORED", "the machine room saw it")
    public = KEYS["bima"].public_key().public_bytes_raw()
    verify_act(record.acts[0], public, Deed("lkpp", "plan.approve", record.plan_digest))
    found = await centre.store.of(NODE, "regional journal")
    assert found is not None and found.record == record


async def test_one_person_alone_decides_nothing(centre: Centre) -> None:
    """What the centre holds changes by two persons only."""
    plan = await centre.ask()
    with pytest.raises(Denied, match="FED-3204"):
        await centre.apply(plan, ACT)
    assert await centre.published() == []


async def test_a_correction_points_back_and_the_first_answer_stays(centre: Centre) -> None:
    """An answered entry is answered again only by naming the answer before."""
    await centre.resolve()
    with pytest.raises(Conflict, match="FED-7016"):
        await centre.ask(choice="CONTINUE_OFFERED")
    with pytest.raises(Conflict, match="FED-7016"):
        await centre.ask(choice="CONTINUE_OFFERED", corrects="resolutions/9")
    corrected = await centre.resolve(choice="CONTINUE_OFFERED", corrects="resolutions/1")
    first, second = await centre.published()
    assert (corrected, second.corrects, first.choice) == (
        "resolutions/2",
        "resolutions/1",
        "CONTINUE_STORED",
    )
    found = await centre.store.of(NODE, "regional journal")
    assert found is not None and found.choice == "CONTINUE_OFFERED"
    assert [one.name for one in await centre.store.page(99, 9, run=RUN)] == [
        "resolutions/2",
        "resolutions/1",
    ]


async def test_two_plans_for_one_entry_cannot_both_be_applied(centre: Centre) -> None:
    """Invariant 3: the later plan is refused, for the world has changed."""
    one, other = await centre.ask(), await centre.ask(choice="CONTINUE_OFFERED")
    await centre.approve(one)
    await centre.approve(other)
    await centre.apply(one, ACT)
    with pytest.raises(Conflict, match="FED-3203"):
        await centre.apply(other, ACT)
    assert len(await centre.published()) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"entry": 1, "choice": "KEEP_BOTH"}, "FED-7014"),  # agreement waits for nobody
        ({"entry": 2}, "FED-7014"),  # a parked entry has no two histories
        ({"choice": "NEWEST_WINS"}, "FED-7014"),
        ({"choice": ""}, "FED-7014"),
        ({"entry": 3}, "FED-7012"),
        ({"run": "recon/lpse-pacitan/8"}, "FED-7001"),
        ({"run": "recon/lkpp/8"}, "FED-7001"),
        ({"reason": " "}, "FED-3113"),
        ({"corrects": "resolutions/1"}, "FED-7016"),
        ({"attachment_name": "letter.pdf"}, "FED-7015"),
        ({"attachment_name": "../letter.pdf", "attachment_digest": bytes(32)}, "FED-7015"),
        ({"attachment_name": "letter.pdf", "attachment_digest": bytes(32)}, "FED-7015"),
    ],
)
async def test_what_cannot_be_decided_is_refused(
    centre: Centre, fields: dict[str, Any], code: str
) -> None:
    """Only what waits for a person, by a choice that its rule offers, with a reason."""
    for check in (True, False):
        with pytest.raises((Refused, NotFound, Conflict), match=code):
            await centre.ask(**fields, validate_only=check)
    assert await centre.plans.page(None, 9, act=ACT, keep=bool) == []


async def test_an_attachment_is_kept_and_read_back(centre: Centre) -> None:
    """The digest stands in the journal, the bytes are there after a restart."""
    stored = await centre.attach(b"scan ", b"of a letter")
    assert stored.digest == hashlib.sha256(b"scan of a letter").digest()
    await centre.resolve(attachment_name="surat 12.pdf", attachment_digest=stored.digest)
    (record,) = await centre.published()
    assert (record.attachment_name, record.attachment_bytes) == ("surat 12.pdf", 16)
    await centre.receiving.open()  # removes what no row vouches for
    context = Context()
    request = api.ReadAttachmentRequest(name="resolutions/1")
    await centre.resolutions.ReadAttachment(request, context)  # type: ignore[arg-type] # takes the pieces
    assert context.data == b"scan of a letter"


async def test_attachments_have_limits(centre: Centre) -> None:
    """Invariant 12: a large one is refused; of those that nobody names the oldest ones go."""
    with pytest.raises(Refused, match="FED-7015"):
        await centre.attach(*[bytes(1 << 20)] * 10, b"x")
    assert RESOLUTION_ATTACHMENT_BYTES_MAX == 10 << 20
    with pytest.raises(Refused, match="FED-7015"):
        await centre.attach()
    named = await centre.attach(b"named")
    await centre.resolve(attachment_name="a.txt", attachment_digest=named.digest)
    digests = []
    for number in range(RESOLUTION_ATTACHMENTS_UNUSED_MAX + 1):
        centre.clock.advance(1)
        digests.append((await centre.attach(b"unused %d" % number)).digest)
    assert await centre.blobs.missing([named.digest, *digests]) == [digests[0]]


async def test_a_restored_centre_takes_its_decisions_up_again(
    centre: Centre, tmp_path: Path
) -> None:
    """Invariant 3: given back by a node, a decision counts once and the next gets a new number."""
    await centre.resolve()
    rows = await centre.journal.entries(0, centre.journal.head.size)
    (data,) = [one.data for one in rows if decode_entry(one.data).kind == "reconciliation.resolved"]
    (tmp_path / "other").mkdir()
    restored = await Centre(tmp_path / "other").open()
    restorers = Restorers(restored.store.handlers())
    for _ in range(2):
        left = await restored.database.write(lambda tx: restorers.restore_in(tx, 5, data))
        assert left is None
    with pytest.raises(Conflict, match="FED-7016"):
        await restored.ask()
    assert await restored.resolve(corrects="resolutions/1") == "resolutions/2"
    await restored.database.close()
