"""Taking a submission in: from the first word of an uploader to a receipt that never changes.

Owns the order of steps that keeps Invariant 1: bytes on disk and their directories fsynced, then
entry, row and receipt in one transaction, then the answer – whether or not the centre is there. A
submission is accepted whole or not at all; whatever ends an upload early leaves nothing behind but
the journalled attempt. Leaves out SQL (`store`), files (`sealing`) and wire messages (`service`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from structlog.typing import FilteringBoundLogger

from lpse.federation.commitments import SealedFile, SubmissionDetails, read_details
from lpse.federation.errors import FederationError, Refused, Unavailable
from lpse.federation.limits import (
    SUBMISSION_BYTES_MAX,
    SUBMISSIONS_PER_PACKAGE_MAX,
    UPLOADS_OPEN_MAX,
    UPLOADS_PER_VENDOR_MAX,
)
from lpse.federation.receipts import Moment
from lpse.runtime.sqlite import StorageFailed, Transaction
from regional_node.intake import rules
from regional_node.intake.details import check_details, with_files
from regional_node.intake.joined import Joined, OpenedMeanwhile
from regional_node.intake.office import Office
from regional_node.intake.refusals import UNRECORDED, conflict, refusal_of, refuse_replacing
from regional_node.intake.rows import StoredSubmission
from regional_node.intake.sealing import Sealer, Sealing
from regional_node.intake.store import Beginning, IntakeStore, Refusal, Sealed
from regional_node.intake.windows import Window

T = TypeVar("T")


class Attempted(Exception):
    """An upload was refused and the attempt is on record: the error, and the proof to hand out."""

    def __init__(self, error: FederationError, proof: bytes) -> None:
        super().__init__(str(error))
        self.error = error
        self.proof = proof


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted submission; `repeated` when an earlier acceptance is answered again."""

    stored: StoredSubmission
    repeated: bool


class Intake:
    """The counter at which submissions are handed in."""

    def __init__(
        self,
        store: IntakeStore,
        sealing: Sealing,
        office: Office,
        log: FilteringBoundLogger,
        *,
        upload_bytes_max: int,
        uploads_max: int,
    ) -> None:
        self._store = store
        self.sealing = sealing
        self.office = office
        self._log = log
        self._upload_bytes_max = min(upload_bytes_max, SUBMISSION_BYTES_MAX)
        self._uploads_max = min(uploads_max, UPLOADS_OPEN_MAX)
        self._uploads: Counter[str] = Counter()  # by vendor
        self._settling: set[asyncio.Task[Any]] = set()

    async def recover(self) -> None:
        """At the start: remove what no accepted submission needs, and say what is missing."""
        await self.sealing.name_whole(await self._store.whole_files())
        vouched = await self._store.vouched_digests()
        missing = await self.sealing.sweep(vouched, await self._store.unfinished_parts())
        if missing:
            self._log.error("intake.blobs_missing", code="FED-5207", blobs=missing)

    async def begin(self, details: SubmissionDetails) -> Upload | Accepted:
        """Admit an upload, or answer a repeated one at once when every digest was declared."""
        check_details(details, self._upload_bytes_max)
        self._enter(details.vendor)
        try:
            return await self._begin(details)
        except BaseException:
            self.leave(details.vendor)
            raise

    def _enter(self, vendor: str) -> None:
        total, own = self._uploads.total(), self._uploads[vendor]
        if total >= self._uploads_max or own >= UPLOADS_PER_VENDOR_MAX:
            whose = " of this vendor" if total < self._uploads_max else ""
            raise Unavailable(
                "FED-5014",
                f"{own if whose else total} uploads{whose} are being received",
                remedy="try again in a moment",
            )
        self._uploads[vendor] += 1

    async def _begin(self, details: SubmissionDetails) -> Upload | Accepted:
        begun = self.office.moment()
        known = await self._store.beginning(
            details.intake_key, details.package, details.stage or None, begun.time
        )
        if known.accepted is not None:
            return self._repeat(known.accepted, details, begun)
        assert known.window is not None
        window = known.window
        details = _at_stage(details, window.stage)
        if known.submissions >= SUBMISSIONS_PER_PACKAGE_MAX:
            full = Refused("FED-5022", f"{SUBMISSIONS_PER_PACKAGE_MAX} submissions are the limit")
            raise await self._on_record(full, details, window, begun, begun)
        refusal = refusal_of(rules.admit(window, begun)) or await self._replacing(details)
        if refusal is not None:
            raise await self._on_record(refusal, details, window, begun, begun)
        try:
            sealer = self.sealing.begin(details.files)
        except FederationError as error:
            raise await self._on_record(error, details, window, begun, begun) from error
        return Upload(self, details, window, begun, sealer)

    async def _replacing(self, details: SubmissionDetails) -> FederationError | None:
        if not details.replaces:
            return None
        stored = await self._store.submission(details.replaces)
        earlier = read_details(stored.commitment.details) if stored is not None else None
        return refuse_replacing(details, earlier)

    def _repeat(
        self, stored: StoredSubmission, details: SubmissionDetails, begun: Moment
    ) -> Upload | Accepted:
        """The same key again: compare what is known, and the bytes where digests are not."""
        earlier = read_details(stored.commitment.details)
        details = details if details.stage else _at_stage(details, earlier.stage)
        blank = with_files(earlier, tuple(map(_blank, earlier.files)))
        if with_files(details, tuple(map(_blank, details.files))) != blank:
            raise conflict()
        if all(file.sha256 for file in details.files):
            accepted = answer_again(stored, details)
            self.leave(details.vendor)
            return accepted
        return Upload(self, details, None, begun, self.sealing.compare(details.files))

    async def accept(self, upload: Upload, files: tuple[SealedFile, ...]) -> Accepted:
        """Commit a sealed upload; on the way out nothing of a refused one is left on disk."""
        details = with_files(upload.details, files)
        window = upload.window
        if window is None:
            stored = await self._store.submission(details.intake_key)
            assert stored is not None, "an accepted submission is never removed"
            return answer_again(stored, details)
        durable = self.office.moment()
        sealed = Sealed(details, self.office.commitment(details), durable)
        judge = self.office.judge(sealed, upload.begun)
        accepted = await self._store.accept(sealed, judge(window), judge)
        if accepted is None:
            stored = await self._store.submission(details.intake_key)
            assert stored is not None, "the key was taken by an accepted submission"
            return answer_again(stored, details)
        self._log.debug("upload.accepted", bytes=sum(file.size_bytes for file in files))
        return Accepted(accepted, repeated=False)

    def beginning_in(self, tx: Transaction, details: SubmissionDetails, now: datetime) -> Beginning:
        """What `hand_in` must know, for a caller that reads more in the same transaction."""
        return self._store.beginning_in(
            tx, details.intake_key, details.package, details.stage or None, now
        )

    async def hand_in(
        self,
        details: SubmissionDetails,
        known: Beginning,
        times: tuple[Moment, Moment],
        write: Callable[[Transaction], None],
    ) -> Accepted:
        """Accept files that are whole already: begun and durable at `times`.

        `known` is of a moment ago; the transaction looks at the schedule again. `write` joins the
        transaction of the acceptance. Once the package was opened the submit itself is judged,
        not the last byte (`rules.moment_of`).
        """
        check_details(details, self._upload_bytes_max)
        begun, durable = times
        submit = self.office.moment()
        if known.accepted is not None:
            return answer_again(known.accepted, details)
        assert known.window is not None
        if known.submissions >= SUBMISSIONS_PER_PACKAGE_MAX:
            raise Refused("FED-5022", f"{SUBMISSIONS_PER_PACKAGE_MAX} submissions are the limit")
        details = _at_stage(details, known.window.stage)
        commitment = self.office.commitment(details)
        for opened in (known.opened, True):
            judged_by = rules.moment_of(durable, submit, opened=opened)
            sealed = Sealed(details, commitment, judged_by, submit.time)
            judge = self.office.judge(sealed, begun)
            joined = Joined(write, sealed=not opened)
            with suppress(OpenedMeanwhile):
                accepted = await self._store.accept(sealed, judge(known.window), judge, joined)
                break
        if accepted is None:
            raise conflict()
        self._log.debug("upload.accepted", bytes=sum(file.size_bytes for file in details.files))
        return Accepted(accepted, repeated=False)

    async def note_attempt(
        self,
        error: FederationError,
        details: SubmissionDetails,
        times: tuple[Moment, Moment],
        received_bytes: int,
        joined: Callable[[Transaction, Refusal, bytes], None],
    ) -> None:
        """Journal an attempt that ended with `error`; `joined` gets record and proof, inside.

        Raises what keeps it from being recorded.
        """
        begun, ended = times
        known = await self._store.window(details.package, details.stage or None, ended.time)
        refusal = self.office.refusal(
            error.code, _at_stage(details, known.stage), known, (begun, ended), received_bytes
        )
        await self._store.refuse(refusal, lambda tx, proof: joined(tx, refusal, proof))
        self._log.debug("upload.refused", code=error.code, received_bytes=received_bytes)

    async def settle(self, work: Coroutine[Any, Any, T]) -> T:
        """Finish `work` even if its caller goes away: the disk must not be left half-way."""
        task = asyncio.create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settled)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for what is being settled."""
        while self._settling:
            await asyncio.wait(self._settling)

    def leave(self, vendor: str) -> None:
        """One upload less of this vendor is being received."""
        self._uploads[vendor] -= 1
        if not self._uploads[vendor]:
            del self._uploads[vendor]

    async def record(self, upload: Upload, error: FederationError) -> Exception:
        """Journal that an admitted upload ended with `error`; the exception to raise instead."""
        if upload.window is None or error.code in UNRECORDED:
            return error
        ended = self.office.moment()
        return await self._on_record(
            error, upload.details, upload.window, upload.begun, ended, upload.received_bytes
        )

    async def _on_record(
        self,
        error: FederationError,
        details: SubmissionDetails,
        window: Window,
        begun: Moment,
        ended: Moment,
        received_bytes: int = 0,
    ) -> Exception:
        refusal = self.office.refusal(error.code, details, window, (begun, ended), received_bytes)
        self._log.debug("upload.refused", code=error.code, received_bytes=received_bytes)
        try:
            return Attempted(error, await self._store.refuse(refusal))
        except FederationError as failure:
            self._log.warning("upload.attempt_unrecorded", code=failure.code)
            return error

    def _settled(self, task: asyncio.Task[Any]) -> None:
        self._settling.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, (FederationError, Attempted)):
            self._log.error("upload.fault", kind=type(error).__name__)


class Upload:
    """One submission while its bytes come in; ends by exactly one of `finish` and `abandon`."""

    def __init__(
        self,
        intake: Intake,
        details: SubmissionDetails,
        window: Window | None,
        begun: Moment,
        sealer: Sealer,
    ) -> None:
        self.details = details
        self.window = window
        self.begun = begun
        self._intake = intake
        self._sealer = sealer
        self._ended = False

    @property
    def begin_time(self) -> datetime:
        """The legal moment at which the upload counts as begun."""
        return self.begun.time

    @property
    def received_bytes(self) -> int:
        """Bytes of all files so far."""
        return self._sealer.received_bytes

    async def write(self, file: int, data: bytes) -> None:
        """The next bytes of a file; Refused FED-5008 where they exceed what was declared."""
        await self._intake.settle(self._sealer.write(file, data))

    async def finish(self) -> Accepted:
        """Make everything durable, then accept; returns after the commit."""
        assert not self._ended
        self._ended = True
        return await self._intake.settle(self._finish())

    async def abandon(self, error: FederationError) -> None:
        """Remove the bytes and record the attempt; raises `error`, with its proof if there is one.

        Harmless after `finish`.
        """
        if self._ended:
            return
        self._ended = True
        await self._intake.settle(self._abandon(error))

    async def _finish(self) -> Accepted:
        try:
            files = await self._sealer.seal()
            return await self._intake.accept(self, files)
        except StorageFailed:
            raise  # nobody knows what the disk kept; the next start compares and sweeps
        except FederationError as error:
            await self._sealer.discard()
            raise await self._intake.record(self, error) from error
        finally:
            await self._sealer.close()
            self._intake.leave(self.details.vendor)

    async def _abandon(self, error: FederationError) -> None:
        try:
            await self._sealer.discard()
            raise await self._intake.record(self, error)
        finally:
            await self._sealer.close()
            self._intake.leave(self.details.vendor)


def answer_again(stored: StoredSubmission, details: SubmissionDetails) -> Accepted:
    """The earlier acceptance if everything is the same; Conflict FED-5006 otherwise."""
    if details.canonical() != stored.commitment.details:
        raise conflict()
    return Accepted(replace(stored, receipt=stored.text), repeated=True)


def _at_stage(details: SubmissionDetails, stage: str) -> SubmissionDetails:
    """The same submission with its stage by its official name."""
    return replace(details, stage=stage)


def _blank(file: SealedFile) -> SealedFile:
    return SealedFile(file.name, file.size_bytes, b"")
