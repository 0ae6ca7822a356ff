"""An uploader for tests: sends what it is told, also what no honest program would send.

Owns the making of requests and the reading of answers and errors. Leaves out every assertion.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import grpc

from lpse.federation.errors import FederationError
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1 import submissions_pb2_grpc as grpc_wire
from lpse.runtime.channels import error_from
from tests.regional_node.intake.node import CODE

if TYPE_CHECKING:
    Stub = grpc_wire.SubmissionsAsyncStub
else:
    Stub = grpc_wire.SubmissionsStub
Request = wire.UploadSubmissionRequest
VENDOR = "PT Sumber Makmur"
FILES = {"penawaran.rhs": b"x" * 1_000, "lampiran.rhs": b"y" * 300_000}
KEY = "key-00000001"


@dataclass
class Answers:
    """Everything that an upload got back."""

    accepted: wire.Submission | None = None
    proof: bytes = b""
    error: FederationError | None = None

    @property
    def code(self) -> str:
        return self.error.code if self.error else ""

    @property
    def receipt(self) -> bytes:
        assert self.accepted is not None, self.error
        return self.accepted.receipt


def begin(
    files: Mapping[str, bytes] = FILES,
    *,
    key: str = KEY,
    package: str = CODE,
    details: Mapping[str, object] | bytes | None = None,
    digests: bool = False,
    channel: wire.Channel.ValueType = wire.CHANNEL_DIRECT,
    seat: int = 0,
) -> wire.BeginSubmission:
    """What an honest uploader says first."""
    document = {"vendor": VENDOR} if details is None else details
    return wire.BeginSubmission(
        intake_key=key,
        package=package,
        details_json=document if isinstance(document, bytes) else json.dumps(document).encode(),
        channel=channel,
        seat=seat,
        files=[
            wire.DeclaredFile(
                name=name,
                size_bytes=len(data),
                sha256=sha256(data).digest() if digests else b"",
            )
            for name, data in files.items()
        ],
    )


def chunk(file: int, data: bytes) -> Request:
    """Bytes of one file."""
    return Request(chunk=wire.FileChunk(file=file, data=data))


FINISH = Request(finish=wire.FinishSubmission())


def requests(
    files: Mapping[str, bytes] = FILES, first: wire.BeginSubmission | None = None
) -> list[Request]:
    """A whole honest upload."""
    chunks = [
        chunk(number, data[start : start + 262_144])
        for number, data in enumerate(files.values())
        for start in range(0, len(data), 262_144)
    ]
    return [Request(begin=first or begin(files)), *chunks, FINISH]


async def upload(stub: Stub, sent: Sequence[Request]) -> Answers:
    """Send these requests and collect the answers."""

    async def stream() -> AsyncIterator[Request]:
        for request in sent:
            yield request

    answers = Answers()
    try:
        async for answer in stub.UploadSubmission(stream()):
            if answer.HasField("accepted"):
                answers.accepted = answer.accepted
            if answer.HasField("refused"):
                answers.proof = answer.refused.proof
    except grpc.aio.AioRpcError as error:
        answers.error = error_from(error)
    return answers
