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

from lpse.federation.errors import FederationError, Refused
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
    # The generated stub's type knows the iterator form only.
    call: UploadCall = cast(Any, stub).UploadSubmission()
    answers = _Answers(call, on_proof)
    await _write(call, wire.UploadSubmissionRequest(begin=begin))
    reading = asyncio.create_task(answers.read())
    try:
        await answers.first.wait()
        await _send_files(call, files, answers.stop, progress)
        await _end(call, finish=not answers.stop.is_set())
    except BaseException:
        call.cancel()
        with suppress(asyncio.CancelledError, grpc.aio.AioRpcError, FederationError):
            await reading
        raise
    return await reading


class _Answers:
    """What the node says while bytes are on their way."""

    def __init__(self, call: UploadCall, on_proof: Callable[[bytes], None]) -> None:
        self.first = asyncio.Event()  # the node has answered, or ended the call
        self.stop = asyncio.Event()  # nothing more is to be sent
        self._call = call
        self._on_proof = on_proof

    async def read(self) -> wire.Submission:
        """Read to the end; the accepted submission, or the error of the call."""
        accepted = None
        try:
            while isinstance(answer := await self._call.read(), wire.UploadSubmissionResponse):
                if answer.WhichOneof("part") in ("accepted", "refused"):
                    self.stop.set()
                if answer.refused.proof:
                    self._on_proof(answer.refused.proof)
                if answer.HasField("accepted"):
                    accepted = answer.accepted
                self.first.set()
        finally:
            self.stop.set()
            self.first.set()
        if accepted is None:
            raise Refused("FED-5009", "the node ended the upload without an answer")
        return accepted


async def _send_files(
    call: UploadCall, files: Sequence[LocalFile], stop: asyncio.Event, progress: Progress
) -> None:
    for number, local in enumerate(files):
        with _opened(local.path) as file:
            while not stop.is_set() and (piece := await asyncio.to_thread(_read, local.path, file)):
                chunk = wire.FileChunk(file=number, data=piece)
                await _write(call, wire.UploadSubmissionRequest(chunk=chunk))
                progress(len(piece))
            if not stop.is_set() and _identity(file) != local.identity:
                raise _changed(local.path)


async def _end(call: UploadCall, *, finish: bool) -> None:
    if finish:
        await _write(call, wire.UploadSubmissionRequest(finish=wire.FinishSubmission()))
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        await call.done_writing()


async def _write(call: UploadCall, request: wire.UploadSubmissionRequest) -> None:
    """A call that the node has ended takes nothing more; its answer says why."""
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        await call.write(request)


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
