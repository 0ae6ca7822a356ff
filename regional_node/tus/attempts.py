"""What ended without a submission, on record with a proof.

Owns the details that such an attempt commits to: the grant's, with the one file that ended. Rules:
the file's row, the grant's list of attempts and the journal entry are one transaction; beyond the
limit of a grant a file ends without a proof, and so where the schedule does not know the package
any more. Leaves out signing and journalling (regional_node/intake).
"""

from __future__ import annotations

from dataclasses import replace

from lpse.federation.commitments import SealedFile
from lpse.federation.errors import FederationError, NotFound, Refused
from lpse.federation.limits import GRANT_ATTEMPTS_MAX
from lpse.runtime.sqlite import Transaction
from regional_node.grants.rules import Grant
from regional_node.intake.store import Refusal
from regional_node.tus.parts import Parts
from regional_node.tus.rows import FileState, GrantAttempt, State
from regional_node.tus.store import attempt_in, end_in


async def note_attempt(
    parts: Parts, grant: Grant, file: FileState, error: FederationError, state: State | None
) -> None:
    """Record that a file ended with `error`, and in `state` unless it never had a row.

    Raises where it was to end and the disk did not take that.
    """
    store = parts.store
    if await store.attempts_counted(grant.grant_id) < GRANT_ATTEMPTS_MAX:
        try:
            await _note(parts, grant, file, error, state)
            return
        except (NotFound, Refused) as failure:
            parts.log.warning("upload.attempt_unrecorded", code=failure.code)
        except FederationError as failure:
            parts.log.warning("upload.attempt_unrecorded", code=failure.code)
            if state is not None:
                raise
    if state is not None:
        await store.end(file, state)


async def _note(
    parts: Parts, grant: Grant, file: FileState, error: FederationError, state: State | None
) -> None:
    sealed = SealedFile(file.name, file.size_bytes, file.digest or b"")
    key = file.file_id if state is None else f"{grant.name}-{file.file_id}"
    details = replace(grant.details(1, (sealed,)), intake_key=key)
    ended = parts.office.moment()

    def joined(tx: Transaction, refusal: Refusal, proof: bytes) -> None:
        if state is not None:
            end_in(tx, file, state)
        attempt = GrantAttempt(
            number=0,
            reason=refusal.reason,
            received_bytes=file.offset_bytes,
            size_bytes=file.size_bytes,
            begin_time=file.begin.time,
            end_time=ended.time,
            proof=proof,
        )
        attempt_in(tx, file.grant_id, attempt)

    await parts.intake.note_attempt(error, details, (file.begin, ended), file.offset_bytes, joined)
