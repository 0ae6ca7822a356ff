"""Whole files become one submission: all of them, or nothing changes.

Owns the choice of files and the number of a grant's submission. Rules: the same files in the same
order are the same submission for ever, and get the same receipt; a later one replaces the one
before, which stays; the rows of the files move in the transaction of entry and receipt
(Invariant 1). Leaves out accepting (regional_node/intake).
"""

from __future__ import annotations

from dataclasses import replace

from lpse.federation.commitments import SealedFile
from lpse.federation.limits import GRANT_SUBMISSIONS_MAX
from lpse.runtime.sqlite import Transaction
from regional_node.grants.rules import Grant
from regional_node.intake.store import Beginning
from regional_node.tus import rules
from regional_node.tus.errors import (
    FileGone,
    FileUnknown,
    submitted_before,
    too_many_submissions,
    unfinished,
)
from regional_node.tus.parts import Parts
from regional_node.tus.rows import FileState, GrantSubmission, State, Submitted
from regional_node.tus.shelf import Shelf
from regional_node.tus.small import SmallFiles
from regional_node.tus.store import submit_in
from regional_node.tus.turns import Turns


class Submitting:
    """See the module's first lines."""

    def __init__(self, parts: Parts, shelf: Shelf, small: SmallFiles, turns: Turns) -> None:
        self._parts = parts
        self._shelf = shelf
        self._small = small
        self._turns = turns

    async def submit(self, grant: Grant, file_ids: tuple[str, ...]) -> Submitted:
        """See `Files.submit`."""
        rules.check_selection(file_ids)
        async with self._turns.of(grant.name):
            now = self._parts.office.clock.now()

            def look(tx: Transaction, number: int) -> Beginning:
                return self._parts.intake.beginning_in(tx, grant.details(number, ()), now)

            before, known = await self._parts.store.standing(grant.grant_id, file_ids, look)
            for earlier in before:
                if earlier.files == file_ids:
                    return Submitted(earlier.number, earlier.stored, repeated=True)
            assert known is not None, "only a repeated submit is not looked at"
            files = [await self._whole(grant, file_id) for file_id in file_ids]
            if len(before) >= GRANT_SUBMISSIONS_MAX:
                raise too_many_submissions(GRANT_SUBMISSIONS_MAX)
            return await self._hand_in(grant, files, before, known)

    async def _hand_in(
        self,
        grant: Grant,
        files: list[FileState],
        before: list[GrantSubmission],
        known: Beginning,
    ) -> Submitted:
        number = before[-1].number + 1 if before else 1
        sealed = tuple(SealedFile(file.name, file.size_bytes, file.digest or b"") for file in files)
        replaces = before[-1].stored.intake_key if before else ""
        details = replace(grant.details(number, sealed), replaces=replaces)
        ids = [file.file_id for file in files]
        await self._small.name(ids)  # before anything is accepted of them (Invariant 1)
        accepted = await self._parts.intake.hand_in(
            details,
            known,
            rules.times_of(files),
            lambda tx: submit_in(tx, grant.grant_id, number, details.intake_key, ids),
        )
        for file in files:
            self._shelf.remove(file)
        return Submitted(number, accepted.stored, repeated=accepted.repeated)

    async def _whole(self, grant: Grant, file_id: str) -> FileState:
        file = self._shelf.find(file_id) or await self._parts.store.find(file_id)
        if file is None or file.grant_id != grant.grant_id:
            raise FileUnknown
        match file.state:
            case State.WHOLE:
                return file
            case State.RECEIVING:
                raise unfinished()
            case State.SUBMITTED:
                raise submitted_before()
            case _:
                raise FileGone
