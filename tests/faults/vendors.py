"""Vendors who hand in submissions while things break, and keep every receipt they were given.

Owns sending over the node's local API and repeating with the same key after a failure, as
`lpse-node upload` tells people to. Rule: a receipt counts from the moment it was handed out. Leaves
out who kills what.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import grpc

from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
from lpse.runtime.channels import error_from, open_local_channel
from tests.faults.world import PACKAGES

CHUNK_BYTES = 256 * 1024
REPEAT_SECONDS = 0.1


@dataclass(frozen=True)
class Submission:
    """What a vendor wants to hand in; the content follows from the seed."""

    key: str
    package: str
    contents: tuple[bytes, ...]

    @property
    def digests(self) -> list[bytes]:
        """Of each file, in order."""
        return [sha256(content).digest() for content in self.contents]


class Lying(Protocol):
    """A resumable file that was never finished, and how much of it was acknowledged."""

    content: bytes
    acknowledged: int


@dataclass
class Vendors:
    """Everybody's submissions, and the receipts that were handed out."""

    chance: random.Random
    given: dict[str, tuple[Submission, bytes]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)  # key -> status of the last failure
    proofs: dict[str, set[bytes]] = field(default_factory=dict)  # key -> proofs of attempts
    lying: dict[str, Lying] = field(default_factory=dict)  # file id -> left in the middle

    def plan(self, count: int, *, bytes_max: int = 400_000, prefix: str = "") -> list[Submission]:
        """Submissions of one to three files of many sizes."""
        made = []
        for number in range(count):
            sizes = [self._size(bytes_max) for _ in range(self.chance.randint(1, 3))]
            contents = tuple(self.chance.randbytes(size) for size in sizes)
            key = f"fault-{prefix}{number:04}"
            made.append(Submission(key, self.chance.choice(PACKAGES), contents))
        return made

    async def hand_in(self, socket: Path, listed: list[Submission], *, at_once: int = 4) -> None:
        """All of them, each repeated until it has its receipt."""
        waiting = iter(listed)

        async def vendor() -> None:
            for submission in waiting:
                while not await self.try_once(socket, submission):
                    await asyncio.sleep(REPEAT_SECONDS)

        await asyncio.gather(*(vendor() for _ in range(at_once)))

    async def try_once(
        self,
        socket: Path,
        submission: Submission,
        requests: AsyncIterator[wire.UploadSubmissionRequest] | None = None,
    ) -> bool:
        """One attempt; whether it ended with a receipt."""
        try:
            async with open_local_channel(socket) as channel:
                stub = SubmissionsStub(channel)
                call = stub.UploadSubmission(requests or requests_of(submission))
                async for answer in call:
                    if answer.WhichOneof("part") == "accepted":
                        self.keep(submission, answer.accepted.receipt)
                        return True
                    if answer.WhichOneof("part") == "refused" and answer.refused.proof:
                        self.proofs.setdefault(submission.key, set()).add(answer.refused.proof)
        except grpc.aio.AioRpcError as error:
            code = error_from(error).code
            self.refused[submission.key] = f"{error.code().name} {code} {error.details()}"
        except asyncio.CancelledError:  # grpc.aio: the node ended the stream while we still wrote
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            self.refused[submission.key] = "CANCELLED the stream was ended by the node"
        return False

    async def race(self, socket: Path, submission: Submission, act: Callable[[], None]) -> None:
        """One attempt during which `act` happens: after the first half, before the rest."""
        requests = [request async for request in requests_of(submission)]

        async def halves() -> AsyncIterator[wire.UploadSubmissionRequest]:
            for number, request in enumerate(requests):
                if number == len(requests) // 2:
                    await asyncio.to_thread(act)
                yield request

        await self.try_once(socket, submission, halves())

    def keep(self, submission: Submission, receipt: bytes) -> None:
        """A receipt in somebody's hand; the same key never has two."""
        known = self.given.get(submission.key)
        assert known is None or known[1] == receipt, "one key has two receipts"
        self.given[submission.key] = (submission, receipt)

    def _size(self, bytes_max: int) -> int:
        """Small ones and large ones: below and above what goes through a part on the disk."""
        if self.chance.random() < 0.6:
            return self.chance.randint(0, 20_000)
        return self.chance.randint(20_000, bytes_max)


async def requests_of(submission: Submission) -> AsyncIterator[wire.UploadSubmissionRequest]:
    begin = wire.BeginSubmission(
        intake_key=submission.key,
        package=submission.package,
        details_json=b'{"vendor": "PT Sumber Makmur"}',
        channel=wire.CHANNEL_DIRECT,
        files=[
            wire.DeclaredFile(name=f"berkas-{number}.rhs", size_bytes=len(content))
            for number, content in enumerate(submission.contents)
        ],
    )
    yield wire.UploadSubmissionRequest(begin=begin)
    for number, content in enumerate(submission.contents):
        for start in range(0, len(content), CHUNK_BYTES):
            data = content[start : start + CHUNK_BYTES]
            chunk = wire.FileChunk(file=number, data=data)
            yield wire.UploadSubmissionRequest(chunk=chunk)
    yield wire.UploadSubmissionRequest(finish=wire.FinishSubmission())
