"""What the centre takes from recorded runs, and what a person may decide about them: pure.

Owns the check of a received run, and of a resolution. Rules: a node names its own runs alone, and
nothing that it writes can make a list of runs unreadable for everybody; only what waits for a
person can be resolved, by a choice that the rule offers, and a later answer names the one before.
Leaves out whether the run is true.
"""

from __future__ import annotations

from math import isfinite
from typing import Protocol

from lpse.federation.entries import moment
from lpse.federation.errors import FederationError, Refused
from lpse.federation.intervals import to_utc
from lpse.federation.persons import check_reason
from lpse.federation.reconciliation_rules import Choice, check_choice, check_correction
from lpse.federation.resolution_attachments import check_attachment
from lpse.federation.v1.records_pb2 import ReconciliationRecorded, ReconciliationResolved


def check_run(record: ReconciliationRecorded, node_id: str) -> None:
    """Raise Refused (FED-7003) for a run that this node cannot have recorded.

    `node_id` is who wrote it first: the node, or the one that it was before it was renamed.
    """
    number = record.run.removeprefix(f"recon/{node_id}/")
    if number == record.run or not (number.isascii() and number.isdigit()) or len(number) > 15:
        raise _refused("its name is not one of this node's")
    if record.node_id not in ("", node_id):
        raise _refused("it is about another node")
    seconds = (record.wait_seconds, record.link_down_seconds, record.duration_seconds)
    if not all(map(isfinite, seconds)):
        raise _refused("a duration is not a number of seconds")
    try:
        for time in (record.begin_time, record.legal_time):
            to_utc(moment(time))
    except FederationError as error:
        raise _refused("a time is outside of the calendar") from error


class Answer(Protocol):
    """An earlier resolution of the same entry."""

    @property
    def name(self) -> str:
        """Its resource name."""


def resolution(
    wanted: ReconciliationResolved, run: ReconciliationRecorded, former: Answer | None
) -> ReconciliationResolved:
    """The complete record of a decision about an entry of `run`; Refused for any other one."""
    check_entry(wanted, run)
    check_reason(wanted.reason)
    entry = run.entries[wanted.entry]
    check_choice(entry, wanted.choice, at_centre=True)
    check_correction(wanted.corrects, former.name if former else "")
    check_attachment(wanted.attachment_name, wanted.attachment_digest)
    return ReconciliationResolved(
        node_id=run.node_id or node_of(run.run),
        run=wanted.run,
        entry=wanted.entry,
        object=entry.object,
        rule=entry.rule,
        choice=wanted.choice,
        reason=wanted.reason.strip(),
        attachment_name=wanted.attachment_name,
        attachment_digest=wanted.attachment_digest,
        corrects=wanted.corrects,
    )


def check_entry(wanted: ReconciliationResolved, run: ReconciliationRecorded) -> None:
    """Refused (FED-7012) for an entry that the run does not have."""
    if wanted.entry >= len(run.entries):
        raise Refused(
            "FED-7012",
            f"{wanted.run} has {len(run.entries)} entries, numbered from 0",
            remedy="recon get RUN --entries",
        )


def node_of(run: str) -> str:
    """Whom a node's own run is about: "recon/lpse-pacitan/7"."""
    return run.removeprefix("recon/").rpartition("/")[0]


def meaning(record: ReconciliationResolved) -> dict[str, str]:
    """The chosen words in both languages, for who approves."""
    choice = Choice[record.choice]
    return {"en": choice.english, "id": choice.indonesian}


def _refused(detail: str) -> Refused:
    return Refused("FED-7003", f"the recorded run cannot be used: {detail}")
