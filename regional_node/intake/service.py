"""The intake API on the node's Unix socket: wire messages in, decisions of intake out.

Owns the handlers of `lpse.intake.v1.Submissions`. Rules: an answer
says `accepted` only after the commit (Invariant 1); an uploader that falls silent is cut off
(Invariant 12); no name of a vendor, package or file reaches a log or an error. Leaves out how
errors travel (`lpse.runtime.channels`), messages (`messages`) and every decision.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import grpc

from lpse.federation.errors import FederationError, NotFound, Refused, Unavailable
from lpse.federation.limits import (
    QUEUE_PAGE_ITEMS_DEFAULT,
    QUEUE_PAGE_ITEMS_MAX,
    RELEASES_OPEN_MAX,
    UPLOAD_DRAIN_SECONDS_MAX,
    UPLOAD_IDLE_SECONDS_MAX,
    UPLOAD_PROGRESS_BYTES,
)
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1 import submissions_pb2_grpc as grpc_wire
from regional_node.intake import messages
from regional_node.intake.messages import digest_of, key_of, queue_message, submission_message
from regional_node.intake.office import Office
from regional_node.intake.opening import Openings, Released
from regional_node.intake.ports import TransferQueue
from regional_node.intake.rows import StoredSubmission
from regional_node.intake.store import IntakeStore
from regional_node.intake.submissions import Accepted, Attempted, Intake, Upload

Context = grpc.aio.ServicerContext[Any, Any]
Response = wire.UploadSubmissionResponse


class SubmissionsService(grpc_wire.SubmissionsServicer):
    """See the module's first lines."""

    def __init__(
        self,
        intake: Intake,
        store: IntakeStore,
        openings: Openings,
        queue: TransferQueue,
        office: Office,
        *,
        idle_seconds: float = UPLOAD_IDLE_SECONDS_MAX,
    ) -> None:
        self._intake = intake
        self._store = store
        self._openings = openings
        self._queue = queue
        self._clock = office.clock
        self._public_key = office.signer.verifier.text
        self._idle_seconds = idle_seconds
        self._releases = 0

    async def UploadSubmission(
        self, request_iterator: AsyncIterator[wire.UploadSubmissionRequest], context: Context
    ) -> AsyncIterator[Response]:
        """Receive one submission; see the proto for the order of messages."""
        requests = aiter(request_iterator)
        try:
            async for response in self._upload(requests):
                yield response
            return
        except Attempted as attempt:
            error, proof = attempt.error, attempt.proof
        except FederationError as refusal:
            error, proof = refusal, b""
        yield Response(refused=wire.RefusedSubmission(proof=proof))
        await self._drain(requests)
        raise error

    async def GetSubmission(
        self, request: wire.GetSubmissionRequest, context: Context
    ) -> wire.Submission:
        """One submission by its key."""
        return submission_message(await self._submission(key_of(request.name)))

    async def GetReceipt(
        self, request: wire.GetReceiptRequest, context: Context
    ) -> wire.GetReceiptResponse:
        """The receipt, or the newest proof of an attempt where nothing was accepted."""
        key = key_of(request.name)
        response = wire.GetReceiptResponse(public_key=self._public_key)
        stored = await self._store.submission(key)
        attempts = await self._openings.attempts_of(key)
        response.attempts.extend(attempt.proof for attempt in attempts)
        if stored is not None:
            response.receipt = stored.text
        elif attempts:
            response.receipt, response.attempt_only = attempts[0].proof, True
        found = stored or next(iter(attempts), None)
        if found is None:
            raise _unknown()
        if found.revealed:
            response.journal_index = found.journal_index
        return response

    async def ListQueue(
        self, request: wire.ListQueueRequest, context: Context
    ) -> wire.ListQueueResponse:
        """A page of sealed bytes on their way."""
        if request.page_size < 0:
            raise Refused("FED-5021", "the page size is negative")
        limit = min(request.page_size or QUEUE_PAGE_ITEMS_DEFAULT, QUEUE_PAGE_ITEMS_MAX)
        page = await self._queue.page(after=request.page_token, limit=limit)
        response = wire.ListQueueResponse(
            items=map(queue_message, page.items),
            next_page_token=page.next_token,
            waiting_count=page.waiting_count,
            waiting_bytes=page.waiting_bytes,
        )
        response.as_of_time.FromDatetime(self._clock.wall())
        return response

    async def GetQueueItem(
        self, request: wire.GetQueueItemRequest, context: Context
    ) -> wire.QueueItem:
        """One item of the queue."""
        return queue_message(await self._queue.item(digest_of(request.name)))

    async def RetryQueueItem(
        self, request: wire.RetryQueueItemRequest, context: Context
    ) -> wire.QueueItem:
        """Make an item's next attempt due now."""
        return queue_message(await self._queue.retry(digest_of(request.name)))

    async def ReleaseSubmissions(
        self, request: wire.ReleaseSubmissionsRequest, context: Context
    ) -> AsyncIterator[wire.ReleaseSubmissionsResponse]:
        """Open a package, then hand everything over; few at one time, each reads whole bids."""
        if self._releases >= RELEASES_OPEN_MAX:
            raise Unavailable(
                "FED-5031",
                f"{RELEASES_OPEN_MAX} packages are being handed over",
                remedy="try again in a moment",
            )
        self._releases += 1
        try:
            async for response in self._hand_over(request):
                yield response
        finally:
            self._releases -= 1

    async def ConfirmHandover(
        self, request: wire.ConfirmHandoverRequest, context: Context
    ) -> wire.ConfirmHandoverResponse:
        """SPSE holds everything of a package."""
        confirmed = await self._openings.confirm(request.package, request.submissions)
        response = wire.ConfirmHandoverResponse()
        response.confirm_time.FromDatetime(confirmed)
        return response

    async def _upload(
        self, requests: AsyncIterator[wire.UploadSubmissionRequest]
    ) -> AsyncIterator[Response]:
        first = await self._next(requests)
        if first is None or first.WhichOneof("part") != "begin":
            raise Refused("FED-5009", "an upload starts with `begin`")
        begun = await self._intake.begin(messages.details_of(first.begin))
        if isinstance(begun, Accepted):
            yield Response(accepted=messages.accepted_message(begun))
            return
        try:
            ready = wire.UploadReady()
            ready.begin_time.FromDatetime(begun.begin_time)
            yield Response(ready=ready)
            async for received in self._receive(requests, begun):
                yield Response(progress=wire.UploadProgress(received_bytes=received))
            accepted = await begun.finish()
        except FederationError as error:
            await begun.abandon(error)
            raise  # reached only after `finish`, which has recorded the error itself
        except BaseException:  # the uploader went away, or a fault of ours: leave nothing behind
            await self._cut_off(begun)
            raise
        yield Response(accepted=messages.accepted_message(accepted))

    async def _receive(
        self, requests: AsyncIterator[wire.UploadSubmissionRequest], upload: Upload
    ) -> AsyncIterator[int]:
        """Chunks until `finish`; now and then yields the bytes received so far."""
        told = 0
        while True:
            request = await self._next(requests)
            part = request.WhichOneof("part") if request is not None else None
            if request is None or part not in ("chunk", "finish"):
                raise _ended_early()
            if part == "finish":
                return
            await upload.write(request.chunk.file, request.chunk.data)
            if upload.received_bytes - told >= UPLOAD_PROGRESS_BYTES:
                told = upload.received_bytes
                yield told

    async def _next(
        self, requests: AsyncIterator[wire.UploadSubmissionRequest]
    ) -> wire.UploadSubmissionRequest | None:
        """The next message; None where the uploader stopped, FED-5015 where it fell silent."""
        try:
            async with asyncio.timeout(self._idle_seconds):
                return await anext(requests, None)
        except TimeoutError as error:
            raise Refused(
                "FED-5015",
                f"nothing came for {self._idle_seconds:g} seconds; nothing was accepted",
                remedy="send the submission again",
            ) from error

    async def _drain(self, requests: AsyncIterator[wire.UploadSubmissionRequest]) -> None:
        """Let a refused uploader end its side: a status that meets its writes would be lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(self._idle_seconds, UPLOAD_DRAIN_SECONDS_MAX)):
                while await anext(requests, None) is not None:
                    pass

    @staticmethod
    async def _cut_off(upload: Upload) -> None:
        """The uploader went away: record the attempt, remove the bytes."""
        try:
            await upload.abandon(_ended_early())
        except (FederationError, Attempted):
            return  # recorded; there is nobody left to tell

    async def _hand_over(
        self, request: wire.ReleaseSubmissionsRequest
    ) -> AsyncIterator[wire.ReleaseSubmissionsResponse]:
        act = request.act if request.HasField("act") else None
        opened = await self._openings.open(request.package, act)
        yield wire.ReleaseSubmissionsResponse(package=messages.header_message(opened))
        finished = wire.ReleaseFinished()
        async for released in self._openings.submissions(opened.package):
            unreadable = 0
            async for part in self._release(released, bytes_too=not request.manifests_only):
                unreadable += part.HasField("unreadable")
                yield part
            finished.unreadable += unreadable
            finished.submissions += not unreadable
        for attempt in await self._openings.attempts(opened.package):
            yield wire.ReleaseSubmissionsResponse(attempt=messages.attempt_message(attempt))
        yield wire.ReleaseSubmissionsResponse(finished=finished)

    async def _submission(self, key: str) -> StoredSubmission:
        stored = await self._store.submission(key)
        if stored is None:
            raise _unknown()
        return stored

    async def _release(
        self, released: Released, *, bytes_too: bool
    ) -> AsyncIterator[wire.ReleaseSubmissionsResponse]:
        yield wire.ReleaseSubmissionsResponse(submission=messages.released_message(released))
        for number, file in enumerate(released.details.files if bytes_too else ()):
            try:
                async for data in self._openings.read(file):
                    chunk = wire.ReleasedChunk(file=number, data=data)
                    yield wire.ReleaseSubmissionsResponse(chunk=chunk)
            except FederationError as error:
                yield wire.ReleaseSubmissionsResponse(
                    unreadable=wire.UnreadableFile(
                        file=number, code=error.code, reason=error.message
                    )
                )


def _ended_early() -> Refused:
    return Refused(
        "FED-5009",
        "the upload ended before its last byte; nothing was accepted",
        remedy="send the submission again",
    )


def _unknown() -> NotFound:
    return NotFound("FED-5019", "no submission has this key here", remedy="check the intake key")
