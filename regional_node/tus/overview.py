"""What the holder of a grant may see: its own files, submissions and attempts.

Owns the value behind `/g/{grant}/state`. Rule: nothing in it depends on other grants of the same
package (secrecy, domain.md); what the centre has is told of own submissions only. Leaves out HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from lpse.federation.commitments import read_details
from lpse.federation.limits import GRANT_FILES_SHOWN_MAX
from lpse.federation.v1.records_pb2 import RefusalReason, Verdict
from regional_node.grants.rules import Grant
from regional_node.intake.windows import Window
from regional_node.tus.parts import Parts
from regional_node.tus.rows import FileState, GrantAttempt, GrantSubmission, State


@dataclass(frozen=True, slots=True)
class AtCentre:
    """Two ticks: the centre has stored the entry; it has verified the bytes."""

    entry: bool
    bytes: bool


@dataclass(frozen=True, slots=True)
class GrantOverview:
    """See the module's first lines; lists are oldest first."""

    grant: Grant
    window: Window
    node: str
    exercise: bool
    now: datetime
    link_open: bool
    link_time: datetime
    files: tuple[FileState, ...]
    submissions: tuple[tuple[GrantSubmission, AtCentre], ...]
    attempts: tuple[GrantAttempt, ...]

    def document(self, base: str) -> dict[str, Any]:
        """The JSON form; `base` is the grant's path, `/g/{grant}`."""
        window, zone = self.window, ZoneInfo(self.window.zone)
        return {
            "package": self.grant.package,
            "stage": window.stage,
            "node": self.node,
            "zone": window.zone,
            "now": _utc(self.now),
            "deadline_time": _utc(window.deadline),
            "deadline_time_local": window.deadline.astimezone(zone).isoformat(),
            "held": window.held,
            "expires_time": _utc(self.grant.expire_time),
            "bytes_max": self.grant.bytes_max,
            "exercise": self.exercise,
            "centre": {
                "link": "CONNECTED" if self.link_open else "DISCONNECTED",
                "as_of": _utc(self.link_time),
            },
            "files": [_file(file) for file in self.files],
            "submissions": [_submission(one, centre, base) for one, centre in self.submissions],
            "attempts": [_attempt(attempt, base) for attempt in self.attempts],
        }


class Overviews:
    """Makes overviews from rows."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def overview(self, grant: Grant) -> GrantOverview:
        """See `Files.overview`; NotFound FED-4101 where the package is not known any more."""
        store, office = self._parts.store, self._parts.office
        now = office.clock.now()
        window = await store.window(grant.package, grant.stage, now)
        submissions = await store.submissions(grant.grant_id)
        link_open, link_time = self._parts.centre.link()
        return GrantOverview(
            grant=grant,
            window=window,
            node=office.signer.name,
            exercise=office.exercise,
            now=now,
            link_open=link_open,
            link_time=link_time,
            files=tuple(await store.files(grant.grant_id, GRANT_FILES_SHOWN_MAX)),
            submissions=tuple([(one, await self._at_centre(one)) for one in submissions]),
            attempts=tuple(await store.attempts(grant.grant_id)),
        )

    async def _at_centre(self, submission: GrantSubmission) -> AtCentre:
        centre, stored = self._parts.centre, submission.stored
        if not centre.has_entry(stored.journal_epoch, stored.journal_index):
            return AtCentre(False, False)
        files = read_details(stored.commitment.details).files
        return AtCentre(True, await centre.has_bytes([file.sha256 for file in files]))


def _file(file: FileState) -> dict[str, Any]:
    return {
        "id": file.file_id,
        "name": file.name,
        "size_bytes": file.size_bytes,
        "offset_bytes": file.offset_bytes,
        "state": file.state.name,
        "sha256": file.digest.hex() if file.digest and file.state is not State.RECEIVING else None,
        "begin_time": _utc(file.begin.time),
        "last_byte_time": _utc(file.last_byte_time),
        "expires_time": _utc(file.expire_time),
    }


def _submission(submission: GrantSubmission, centre: AtCentre, base: str) -> dict[str, Any]:
    number, stored = submission.number, submission.stored
    return {
        "number": number,
        "accept_time": _utc(stored.accept_time),
        "verdict": Verdict.Name(stored.verdict).removeprefix("VERDICT_"),
        "files": list(submission.files),
        "replaces": number - 1 if number > 1 else None,
        "receipt": f"{base}/receipts/{number}",
        "at_centre": {"entry": centre.entry, "bytes": centre.bytes},
    }


def _attempt(attempt: GrantAttempt, base: str) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "reason": RefusalReason.Name(attempt.reason).removeprefix("REFUSAL_REASON_"),
        "received_bytes": attempt.received_bytes,
        "size_bytes": attempt.size_bytes,
        "begin_time": _utc(attempt.begin_time),
        "end_time": _utc(attempt.end_time),
        "proof": f"{base}/attempts/{attempt.number}.txt",
    }


def _utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
