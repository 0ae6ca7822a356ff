"""`lpse-node recon run --deep` and `recon audit`: objects compared again, journals re-read.

Rule: the answer names the run that tells everything; JSON is the message itself. Leaves out the
audit (`regional_node.audit`).
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from lpse.terminal.output import Column, Output, note, show, show_list
from lpse.terminal.words import date_text, say
from regional_node.cli import session
from regional_node.cli.status import zone_of

if TYPE_CHECKING:
    from lpse.intake.v1 import audits_pb2 as api


COLUMNS = (
    Column("journal", "Journal"),
    Column("entries", "Entries"),
    Column("time", "Time"),
    Column("state", "State"),
)


async def run_deep(output: Output) -> None:
    """Have the node compare its objects with the centre's now, and wait for the run."""
    from lpse.intake.v1 import audits_pb2 as api
    from lpse.intake.v1.audits_pb2_grpc import AuditsStub

    async with session.connect() as channel:
        answer = await AuditsStub(channel).RunAudit(api.RunAuditRequest())
    if output is not Output.TABLE:
        show(answer, (), output)
        return
    one = answer.audit
    if one.differences:
        told = say("{differences} of {objects} objects differed, {healed} are right again.")
    else:
        told = say("{objects} objects are the same on both sides.")
    note(told.format(objects=one.objects, differences=one.differences, healed=one.healed))
    asked = say("It took {calls} questions and {bytes} bytes; the run: lpse-node recon get {run}")
    note(asked.format(calls=answer.calls, bytes=answer.payload_bytes, run=one.run))


async def show_audit(output: Output) -> None:
    """How far every stored journal was read again; the last audit is a remark, or in the JSON."""
    from lpse.intake.v1 import audits_pb2 as api
    from lpse.intake.v1.audits_pb2_grpc import AuditsStub

    async with session.connect() as channel:
        answer = await AuditsStub(channel).GetAudit(api.GetAuditRequest())
        zone = await zone_of(channel)
    if output is not Output.TABLE:
        show(answer, (), output)
        return
    show_list([_row(one, zone) for one in answer.passes], COLUMNS, output)
    if answer.HasField("audit"):
        one, told = (
            answer.audit,
            say("The last audit compared {objects} objects: {time}, run {run}."),
        )
        time = date_text(one.end_time.ToDatetime(tzinfo=UTC), zone)
        note(told.format(objects=one.objects, time=time, run=one.run))


def _row(one: api.JournalPass, zone: str) -> dict[str, Any]:
    ended = one.HasField("end_time")
    time = one.end_time if ended else one.begin_time
    state = one.found or (say("sound") if ended else say("being read"))
    return {
        "journal": one.journal,
        "entries": one.entries,
        "time": date_text(time.ToDatetime(tzinfo=UTC), zone),
        "state": state,
    }
