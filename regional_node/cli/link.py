"""`lpse-node link {status,pause,resume}`: the link to the centre.

Rule: pausing the link stops nothing else; uploads go on and wait. Leaves out the node's other
figures (`lpse-node status`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from lpse.terminal.causes import cause_text, quarantine_text
from lpse.terminal.output import Column, Output, OutputOption, note, run, show, show_list
from lpse.terminal.plain import plain
from lpse.terminal.words import duration_text, say, size_text, when
from regional_node.cli import session
from regional_node.cli.status import zone_of

app = typer.Typer(help="The link to the centre: status, pause, resume.")


@app.command()
def status(
    attempts: Annotated[int, typer.Option(min=1, max=1_000, help="Attempts to show.")] = 10,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the link with its last attempts, waits and causes."""
    run(_status(attempts, output))


@app.command()
def pause(reason: Annotated[str, typer.Option(help="Why.")]) -> None:
    """Close the link until it is resumed, also over restarts; uploads go on."""
    run(_pause(reason))
    note(say("The link is paused; uploads go on. Resume it with: lpse-node link resume"))


@app.command()
def resume() -> None:
    """Open the link again at once."""
    run(_resume())
    note(say("The link is open again; see: lpse-node link status"))


async def _status(attempts: int, output: Output) -> None:
    from lpse.intake.v1 import node_pb2 as api
    from lpse.intake.v1.node_pb2_grpc import NodeStub
    from lpse.intake.v1.transfers_pb2 import GetRoadRequest
    from lpse.intake.v1.transfers_pb2_grpc import TransfersStub

    async with session.connect() as channel:
        answer = await NodeStub(channel).GetLinkStatus(api.GetLinkStatusRequest(attempts=attempts))
        road = await TransfersStub(channel).GetRoad(GetRoadRequest())
        time = when(await zone_of(channel))
    columns = (
        Column("phase", "Link", say),
        Column("endpoint", "Centre"),
        Column("since_time", "Since", time),
        Column("stored_head.size", "Entries at the centre"),
        Column("applied_size", "Entries projected there"),
        Column("quarantine", "Quarantine", quarantine_text),
        Column("contradiction", "Contradiction"),
        Column("pause_reason", "Paused because"),
        Column("cause", "Last failure", cause_text),
        Column("clock_offset_seconds", "Clock off by", duration_text),
        Column("road.limit_kbit_per_second", "Limit now (kbit/s)"),
        Column("road.control_kbit_per_second", "Of it for entries (kbit/s)"),
        Column("road.limit_until_time", "Limit until", time),
        Column("road.rate_bytes_per_second", "Measured per second", _size),
        Column("road.parked_count", "Set aside"),
        Column("road.freed_count", "Local copies freed"),
    )
    shown = {**plain(answer), "road": plain(road)}
    if not road.HasField("limit_kbit_per_second"):
        shown["road"]["limit_kbit_per_second"] = None
    show(shown, columns, output, name="endpoint")
    if output is Output.TABLE:
        rows = plain(answer)["attempts"]
        listed = (
            Column("begin_time", "Attempt", time),
            Column("number", "Number", right=True),
            Column("wait_seconds", "Waited", duration_text, right=True),
            Column("outcome", "Outcome", say),
            Column("cause", "Cause", cause_text),
        )
        show_list(rows, listed, output)


def _size(value: float) -> str:
    return size_text(round(value or 0))


async def _pause(reason: str) -> None:
    from lpse.intake.v1 import node_pb2 as api
    from lpse.intake.v1.node_pb2_grpc import NodeStub

    async with session.connect() as channel:
        await NodeStub(channel).PauseLink(api.PauseLinkRequest(reason=reason))


async def _resume() -> None:
    from lpse.intake.v1 import node_pb2 as api
    from lpse.intake.v1.node_pb2_grpc import NodeStub

    async with session.connect() as channel:
        await NodeStub(channel).ResumeLink(api.ResumeLinkRequest())
