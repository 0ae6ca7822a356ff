"""Vendors and SPSE of every node: packages, submissions, openings, and what they were answered.

Owns what comes in over a node's local socket, as SPSE and `lpse-node` send it, and the ledger of
promises: a receipt counts from the moment it was handed out. Rules: a vendor repeats with the same
key until it has an answer that ends the matter; packages are due all over the run; SPSE opens a
package some time after its deadline and confirms. Leaves out the centre's operators (`operators`)
and whether promises were kept (`checkers`).
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import grpc

from lpse.intake.v1 import packages_pb2 as packages_wire
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1.packages_pb2_grpc import PackagesStub
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
from lpse.runtime.channels import error_from
from tests.simulation.time_and_chance import START

if TYPE_CHECKING:
    from tests.simulation.machines import SimNode
    from tests.simulation.world import World

STAGE: Final = "Upload Dokumen Penawaran"
RULE_SET: Final = "perka-1-2015"
DAY: Final = 86_400.0
REPEAT_SECONDS: Final = 120.0
TRIES_MAX: Final = 40
DOUBT: Final = 0.2  # share of vendors who ask again though they hold a receipt
EAGER: Final = 0.5  # share of packages that SPSE asks for too early
_CHUNK_BYTES: Final = 256 * 1024
_FINAL: Final = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.NOT_FOUND,
)


@dataclass(frozen=True)
class Tender:
    """A package of one node; `due` is the published end of its upload stage."""

    node: str
    code: str
    begin: datetime
    due: datetime


@dataclass(frozen=True)
class Wish:
    """What a vendor wants to hand in."""

    node: str
    key: str
    package: str
    content: bytes = field(repr=False)

    @property
    def digest(self) -> bytes:
        """Of the one file."""
        return sha256(self.content).digest()


@dataclass
class Promises:
    """Everything that people were told, for checkers."""

    tenders: dict[str, Tender] = field(default_factory=dict)  # by package code
    package_of: dict[str, str] = field(default_factory=dict)  # by intake key
    receipts: dict[str, tuple[Wish, bytes, float]] = field(default_factory=dict)  # by intake key
    proofs: dict[str, list[bytes]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    given_up: dict[str, str] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)  # keys with two different receipts
    not_opened: dict[str, str] = field(default_factory=dict)  # the last refusal
    opened: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)  # handed over
    opened_at: dict[str, float] = field(default_factory=dict)
    attempts: int = 0


class Vendors:
    """Lives of everybody outside; `begin` sets them going."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.promises = Promises()
        self._chance = random.Random(f"vendors {world.seed}")
        self._doubts = random.Random(f"doubts {world.seed}")
        self._count = 0

    def begin(self) -> None:
        """Announce packages and plan every visit of the whole run."""
        for number, node in enumerate(self.world.nodes.values()):
            listed = self._tenders(node, number)
            self.world.later(1.0, partial(self._announce, node, listed))
            self._plan_visits(node, listed)
            for tender in listed:
                self._plan_opening(node, tender)

    def _tenders(self, node: SimNode, number: int) -> list[Tender]:
        options, made = self.world.options, []
        for place in range(options.packages):
            code = f"{1000 + number * options.packages + place}{100 + number % 900}"
            share = (place + self._chance.uniform(0.3, 0.9)) / max(options.packages, 1)
            due = START + timedelta(seconds=round(share * options.days * DAY))
            tender = Tender(node.name, code, START - timedelta(days=1), due)
            self.promises.tenders[code] = tender
            made.append(tender)
        return made

    def _plan_visits(self, node: SimNode, listed: list[Tender]) -> None:
        options = self.world.options
        total = round(options.vendors_per_day * options.days)
        for _ in range(total if listed else 0):
            moment = self._chance.uniform(10.0, options.days * DAY)
            open_then = [t for t in listed if (t.due - START).total_seconds() > moment] or listed
            self._count += 1
            size = int(self._chance.choice((200, 2_000, 9_000, 40_000)))
            wish = Wish(
                node.name,
                f"sim-{self._count:08}",
                self._chance.choice(open_then).code,
                self._chance.randbytes(size),
            )
            self.promises.package_of[wish.key] = wish.package
            self.world.later(moment, partial(self.hand_in, node, wish))

    def _plan_opening(self, node: SimNode, tender: Tender) -> None:
        after = (tender.due - START).total_seconds() + self._chance.uniform(600.0, 7_200.0)
        self.world.later(after, lambda: self.open(node, tender))
        early = (tender.due - START).total_seconds() - self._doubts.uniform(60.0, 3_000.0)
        if self._doubts.random() < EAGER:
            self.world.later(max(5.0, early), lambda: self.open(node, tender, tries=1))

    # --- what people do ---

    async def _announce(self, node: SimNode, listed: list[Tender]) -> None:
        request = _import_of(node, listed)
        for _ in range(TRIES_MAX):
            try:
                await PackagesStub(node.local()).ImportPackages(request)
            except grpc.aio.AioRpcError:
                await self.world.pause(REPEAT_SECONDS)
            else:
                return

    async def shorten(self, node: SimNode, seconds: float) -> None:
        """SPSE's next package comes again with an earlier end, which the node refuses."""
        now = START + timedelta(seconds=self.world.now)
        mine = [one for one in self.promises.tenders.values() if one.node == node.name]
        coming = min((one for one in mine if one.due > now), key=lambda one: one.due)
        sooner = replace(coming, due=coming.due - timedelta(seconds=seconds))
        await PackagesStub(node.local()).ImportPackages(_import_of(node, [sooner]))

    async def hand_in(self, node: SimNode, wish: Wish) -> None:
        """Until there is a receipt, a refusal, or no patience."""
        said = ""
        for _ in range(TRIES_MAX):
            said = await self.try_once(node, wish)
            if said in ("", "refused"):
                break
            await self.world.pause(REPEAT_SECONDS)
        else:
            self.promises.given_up[wish.key] = said
            return
        if not said and self._doubts.random() < DOUBT:  # a second click: the same answer again
            await self.world.pause(REPEAT_SECONDS)
            await self.try_once(node, wish)

    async def try_once(self, node: SimNode, wish: Wish) -> str:
        """One attempt: empty with a receipt, "refused" when final, else why not."""
        promises = self.promises
        promises.attempts += 1
        try:
            call = SubmissionsStub(node.local()).UploadSubmission(_requests(wish))
            async for answer in call:
                part = answer.WhichOneof("part")
                if part == "accepted":
                    self._keep(wish, answer.accepted.receipt)
                    return ""
                if part == "refused" and answer.refused.proof:
                    promises.proofs.setdefault(wish.key, []).append(answer.refused.proof)
        except grpc.aio.AioRpcError as error:
            told = error_from(error)
            if error.code() in _FINAL and not told.may_retry:
                promises.refused[wish.key] = told.code
                return "refused"
            return told.code
        return "no answer"

    def _keep(self, wish: Wish, receipt: bytes) -> None:
        known = self.promises.receipts.get(wish.key)
        if known is not None and known[1] != receipt:
            self.promises.doubled.append(wish.key)
        if known is None:
            self.promises.receipts[wish.key] = (wish, receipt, self.world.now)

    async def open(self, node: SimNode, tender: Tender, tries: int = TRIES_MAX) -> None:
        """SPSE takes a package over; before its effective deadline the node refuses."""
        for _ in range(tries):
            try:
                listed = await _release(node, tender.code)
            except grpc.aio.AioRpcError as error:
                self.promises.not_opened[tender.code] = error_from(error).code
                await self.world.pause(30 * REPEAT_SECONDS)
                continue
            self.promises.opened[tender.code] = listed
            self.promises.opened_at.setdefault(tender.code, self.world.now)
            return


def _import_of(node: SimNode, listed: list[Tender]) -> packages_wire.ImportPackagesRequest:
    request = packages_wire.ImportPackagesRequest()
    for tender in listed:
        stages = ((STAGE, tender.begin, tender.due), (
            "Pembukaan Dokumen Penawaran", tender.due, tender.due + timedelta(days=1)
        ))  # fmt: skip
        document = request.packages.add(
            code=tender.code, title="Pembangunan jembatan", zone=node.zone, rule_set=RULE_SET
        )
        for stage, begin, end in stages:
            one = document.stages.add(stage=stage)
            one.start_time.FromDatetime(begin)
            one.end_time.FromDatetime(end)
    return request


async def _release(node: SimNode, code: str) -> list[tuple[str, bytes]]:
    stub = SubmissionsStub(node.local())
    listed: list[tuple[str, bytes]] = []
    async for message in stub.ReleaseSubmissions(wire.ReleaseSubmissionsRequest(package=code)):
        if message.WhichOneof("part") == "submission":
            submission = message.submission.submission
            key = submission.name.removeprefix("submissions/")
            listed.append((key, submission.receipt))
    await stub.ConfirmHandover(wire.ConfirmHandoverRequest(package=code, submissions=len(listed)))
    return listed


async def _requests(wish: Wish) -> AsyncIterator[wire.UploadSubmissionRequest]:
    begin = wire.BeginSubmission(
        intake_key=wish.key,
        package=wish.package,
        details_json=b'{"vendor": "PT ' + wish.key.encode() + b'"}',
        channel=wire.CHANNEL_DIRECT,
        files=[wire.DeclaredFile(name="berkas.rhs", size_bytes=len(wish.content))],
    )
    yield wire.UploadSubmissionRequest(begin=begin)
    for start in range(0, len(wish.content), _CHUNK_BYTES):
        chunk = wire.FileChunk(file=0, data=wish.content[start : start + _CHUNK_BYTES])
        yield wire.UploadSubmissionRequest(chunk=chunk)
    yield wire.UploadSubmissionRequest(finish=wire.FinishSubmission())
