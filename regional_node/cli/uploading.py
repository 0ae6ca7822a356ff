"""The uploader's side of a submission: local files read twice, sent once.

Owns the examination of files (readable, regular, not changing while they are read) and the stream
to the node. Rule: what is sent is exactly what was digested; a file that changes in between ends
the upload, and the node keeps nothing. Leaves out flags and what is shown (`upload`).
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import grpc

from lpse.federation.errors import Refused
from lpse.federation.limits import UPLOAD_CHUNK_BYTES
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub

Progress = Callable[[int], None]
UploadCall = grpc.aio.StreamStreamCall[wire.UploadSubmissionRequest, wire.UploadSubmissionResponse]


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file as it was when it was digested; `identity` changes with its content or place."""

    path: Path
    identity: tuple[int, int, int, int]
    size_bytes: int
    sha256: bytes


def examine(path: Path, progress: Progress) -> LocalFile:
    """Digest a file; Refused FED-5017 if it cannot be read, FED-5018 if it changes meanwhile."""
    with _opened(path) as file:
        before = _identity(file)
        digest, size = sha256(), 0
        while piece := _read(path, file):
            digest.update(piece)
            size += len(piece)
            progress(len(piece))
        if _identity(file) != before or size != before[2]:
            raise _changed(path)
    return LocalFile(path, before, size, digest.digest())


async def send(
    stub: SubmissionsStub,
    begin: wire.BeginSubmission,
    files: Sequence[LocalFile],
    progress: Progress,
    on_proof: Callable[[bytes], None],
) -> wire.Submission:
    """Upload and return what was accepted; `on_proof` gets the proof of a refused attempt."""
    call: UploadCall = cast(Any, stub).UploadSubmission()  # the stubs know the iterator form only
    await _write(call, wire.UploadSubmissionRequest(begin=begin))
    first = await _answer(call, on_proof)
    if first is None or first.HasField("accepted"):
        await call.done_writing()
        return await _last(call, first, on_proof)
    answers = asyncio.create_task(_last(call, None, on_proof))
    try:
        await _send_files(call, files, progress)
        await _write(call, wire.UploadSubmissionRequest(finish=wire.FinishSubmission()))
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await call.done_writing()
    except BaseException:
        call.cancel()
        answers.cancel()
        with suppress(asyncio.CancelledError, grpc.aio.AioRpcError):
            await answers
        raise
    return await answers


async def _send_files(
    call: UploadCall,
    files: Sequence[LocalFile],
    progress: Progress,
) -> None:
    for number, local in enumerate(files):
        with _opened(local.path) as file:
            while piece := await asyncio.to_thread(_read, local.path, file):
                chunk = wire.FileChunk(file=number, data=piece)
                if not await _write(call, wire.UploadSubmissionRequest(chunk=chunk)):
                    return
                progress(len(piece))
            if _identity(file) != local.identity:
                raise _changed(local.path)


async def _write(
    call: UploadCall,
    request: wire.UploadSubmissionRequest,
) -> bool:
    """False when the node has ended the call; its answer says why."""
    try:
        await call.write(request)
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return False
    return True


async def _answer(
    call: UploadCall,
    on_proof: Callable[[bytes], None],
) -> wire.UploadSubmissionResponse | None:
    """The next answer; None after a refusal, whose status is raised by the next read."""
    answer = await call.read()
    if not isinstance(answer, wire.UploadSubmissionResponse):
        return None
    if answer.HasField("refused"):
        on_proof(answer.refused.proof)
        return None
    return answer


async def _last(
    call: UploadCall,
    answer: wire.UploadSubmissionResponse | None,
    on_proof: Callable[[bytes], None],
) -> wire.Submission:
    """Read to the end; the accepted submission, or the error of the call."""
    accepted = answer.accepted if answer is not None and answer.HasField("accepted") else None
    while isinstance(later := await call.read(), wire.UploadSubmissionResponse):
        if later.HasField("refused"):
            on_proof(later.refused.proof)
        if later.HasField("accepted"):
            accepted = later.accepted
    if accepted is None:
        raise Refused("FED-5009", "the node ended the upload without an answer")
    return accepted


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The descriptor of a regular file; Refused FED-5017 otherwise."""
    try:
        # Opening a pipe must not stop us here.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(path, error.strerror or "it cannot be opened") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _unreadable(path, "it is not a regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def _read(path: Path, descriptor: int) -> bytes:
    try:
        return os.read(descriptor, UPLOAD_CHUNK_BYTES)
    except OSError as error:
        raise _unreadable(path, error.strerror or "it cannot be read") from error


def _identity(descriptor: int) -> tuple[int, int, int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _unreadable(path: Path, detail: str) -> Refused:
    return Refused(
        "FED-5017",
        f"{path} cannot be read: {detail}",
        remedy="check the name and your rights; nothing was sent",
    )


def _changed(path: Path) -> Refused:
    return Refused(
        "FED-5018",
        f"{path} changed while it was being read; nothing was accepted",
        remedy="close the program that writes it, then upload again",
    )
