"""SPSE takes over a package, under whatever happens, and compares it with what vendors hold.

Owns the reading of a hand-over and the proof that it is whole. Rules: a hand-over that ends early
is begun again, and must give the same; every receipt of the package is in it once, with its bytes.
Leaves out when a package may be opened (the node decides).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import grpc

from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
from lpse.runtime.channels import open_local_channel
from tests.faults.checker import Fault, Finding
from tests.faults.vendors import Submission
from tests.faults.world import Node

TRIES = 20


@dataclass
class Taken:
    """One submission as it came out."""

    receipt: bytes
    contents: dict[int, bytearray] = field(default_factory=dict)
    unreadable: int = 0


async def take_over(node: Node, package: str, *, confirm: bool = True) -> dict[str, list[Taken]]:
    """Everything of a package by intake key; begun again until it ends whole."""
    for _ in range(TRIES):
        try:
            async with open_local_channel(node.socket) as channel:
                stub = SubmissionsStub(channel)
                taken = await _read(stub, package)
                if confirm:
                    count = sum(map(len, taken.values()))
                    asked = wire.ConfirmHandoverRequest(package=package, submissions=count)
                    await stub.ConfirmHandover(asked)
                return taken
        except grpc.aio.AioRpcError as error:
            last = error
            await asyncio.sleep(0.3)
    raise AssertionError(f"the hand-over never ended whole: {last.code()} {last.details()}")


def examine_handover(
    taken: Mapping[str, list[Taken]],
    given: Mapping[str, tuple[Submission, bytes]],
    package: str,
) -> list[Finding]:
    """What SPSE lacks, has twice, or has with other bytes."""
    found = []
    for key, (submission, receipt) in given.items():
        if submission.package != package:
            continue
        got = taken.get(key, [])
        if len(got) != 1:
            fault = Fault.DOUBLED if got else Fault.LOST
            found.append(Finding(fault, f"{key} was handed over {len(got)} times"))
            continue
        digests = [sha256(got[0].contents.get(number, b"")).digest()
                   for number in range(len(submission.contents))]  # fmt: skip
        if got[0].receipt != receipt or digests != submission.digests or got[0].unreadable:
            found.append(Finding(Fault.CORRUPTED, f"{key} was handed over with other bytes"))
    return found


async def _read(stub: Any, package: str) -> dict[str, list[Taken]]:
    taken: dict[str, list[Taken]] = {}
    now: Taken | None = None
    finished = False
    async for part in stub.ReleaseSubmissions(wire.ReleaseSubmissionsRequest(package=package)):
        match part.WhichOneof("part"):
            case "submission":
                submission = part.submission.submission
                now = Taken(submission.receipt)
                taken.setdefault(submission.name.removeprefix("submissions/"), []).append(now)
            case "chunk":
                assert now is not None
                now.contents.setdefault(part.chunk.file, bytearray()).extend(part.chunk.data)
            case "unreadable":
                assert now is not None
                now.unreadable += 1
            case "finished":
                finished = True
    assert finished, "a hand-over ended without its last message"
    return taken
