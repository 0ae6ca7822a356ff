"""Vendors who never stop: the load under which everything breaks.

Owns what vendors do at one time over the local API: hand in, repeat, break off, bring bytes that
somebody else brought. Rules: each vendor draws from a seed of its own; whoever began goes on until
there is a receipt or a refusal that is final; a vendor keeps every receipt and proof. Leaves out
vendors who come over HTTP (`tus_vendors`), faults and proof.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from lpse.intake.v1 import submissions_pb2 as wire
from tests.faults.vendors import Submission, Vendors, requests_of
from tests.faults.world import Node

FINAL: Final = ("FED-5011", "FED-5013")  # after the deadline; cancelled
REPEAT_SECONDS: Final = 0.1
PAUSE_SECONDS_MAX: Final = 0.25
DIRECT: Final = "fault-"  # how keys begin of those who come through SPSE
DEEDS: Final = ("fresh", "again", "broken", "shared")
WEIGHTS: Final = (70, 10, 12, 8)


class Vendor(Protocol):
    """Somebody who goes on until told to stop, and then ends what was begun."""

    doing: str  # what it waits for, for a person

    async def run(self, stop: asyncio.Event) -> None:
        """Return when everything that was begun has ended."""


class Load:
    """All vendors at work."""

    def __init__(self, vendors: Sequence[Vendor]) -> None:
        self._vendors = vendors
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Let them begin."""
        self._task = asyncio.create_task(self._all())

    async def finish(self, seconds: float) -> None:
        """No new deeds; return when everything that was begun has ended."""
        self._stop.set()
        assert self._task is not None
        try:
            await asyncio.wait_for(self._task, seconds)
        except TimeoutError:
            waiting = "\n".join(vendor.doing for vendor in self._vendors)
            raise AssertionError(f"vendors wait for ever:\n{waiting}") from None

    def check(self) -> None:
        """Raise what a vendor has met that must never be."""
        if self._task is not None and self._task.done():
            self._task.result()

    def cancel(self) -> None:
        """Give up."""
        if self._task is not None:
            self._task.cancel()

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for vendor in self._vendors:
                group.create_task(vendor.run(self._stop))


class DirectVendor:
    """One who comes through SPSE, over the local API."""

    def __init__(self, node: Node, vendors: Vendors, packages: Sequence[str], seed: str) -> None:
        self._node = node
        self._vendors = vendors
        self._packages = packages
        self._seed = seed
        self._chance = random.Random(seed)
        self._count = 0
        self.doing = ""

    async def run(self, stop: asyncio.Event) -> None:
        """One deed after another."""
        while not stop.is_set():
            await self._deed(self._chance.choices(DEEDS, WEIGHTS)[0])
            await asyncio.sleep(self._chance.uniform(0, PAUSE_SECONDS_MAX))

    async def _deed(self, deed: str) -> None:
        given = self._vendors.given.items()
        known = [one for key, one in given if key.startswith(DIRECT)]
        if deed == "again" and known:
            await self._settle(self._chance.choice(known)[0])
            return
        contents = self._contents()
        if deed == "shared" and known:
            contents = self._chance.choice(known)[0].contents
        submission = Submission(self._key(), self._chance.choice(self._packages), contents)
        if deed == "broken":
            await self._vendors.try_once(self._node.socket, submission, half(submission))
            if self._chance.random() < 0.5:
                return
        await self._settle(submission)

    async def _settle(self, submission: Submission) -> None:
        """Again and again until it is accepted or refused for good."""
        self._vendors.refused.pop(submission.key, None)
        while not await self._vendors.try_once(self._node.socket, submission):
            if any(code in self._vendors.refused.get(submission.key, "") for code in FINAL):
                assert submission.key not in self._vendors.given, "a receipt and a refusal"
                return
            self.doing = self._vendors.refused.get(submission.key, "")
            await asyncio.sleep(REPEAT_SECONDS)

    def _key(self) -> str:
        self._count += 1
        return f"{DIRECT}{self._seed}-{self._count:04}"

    def _contents(self) -> tuple[bytes, ...]:
        return tuple(
            self._chance.randbytes(size_of(self._chance)) for _ in range(self._chance.randint(1, 3))
        )


def size_of(chance: random.Random, bytes_max: int = 400_000) -> int:
    """Of nothing, small and large files: below and above what goes through a part on the disk."""
    if chance.random() < 0.05:
        return 0
    if chance.random() < 0.6:
        return chance.randint(1, 20_000)
    return chance.randint(20_000, bytes_max)


async def half(submission: Submission) -> AsyncIterator[wire.UploadSubmissionRequest]:
    """A stream that breaks off in the middle."""
    requests = [request async for request in requests_of(submission)]
    for request in requests[: max(1, len(requests) // 2)]:
        yield request
