"""`lpse-node status`: the node at a glance, in plain words.

Rule: service (layanan) and link (sambungan) are two lines, never one; losing the centre is told as
what it is, not as a fault of the node. Leaves out the link's details (`lpse-node link status`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import typer

from lpse.terminal.output import Column, Output, OutputOption, note, run, show
from lpse.terminal.plain import plain
from lpse.terminal.words import say, size_text, when
from regional_node.cli import receipt_waiting, session

app = typer.Typer()


def columns(zone: str) -> tuple[Column, ...]:
    """What the table shows, times in the office's zone."""
    return (
        Column("node_id", "Node"),
        Column("service", "Service", say),
        Column("service_version", "Version"),
        Column("desired_version", "Desired version"),
        Column("link", "Link", say),
        Column("queue_entries", "Entries waiting for the centre", right=True),
        Column("queue_bytes", "Sealed bytes waiting", size_text, right=True),
        Column("own_head.size", "Own journal", right=True),
        Column("national_head.size", "National journal", right=True),
        Column("free_bytes", "Free disk", size_text),
        Column("disk.state", "Disk", say),
        Column("legal_time", "Legal time", when(zone)),
        Column("clock.basis", "Clock", say),
        Column("clock.offset_seconds", "Clock is off by (s)", right=True),
        Column("clock.error_seconds", "give or take (s)", right=True),
        Column("clock.measure_time", "Clock measured", when(zone)),
        Column("clock.step_after_time", "Clock was set to", when(zone)),
        Column("clock.step_before_time", "instead of", when(zone)),
        Column("recovery.cause", "Own journal comes back", say),
        Column("recovery.returned_entries", "Entries that came back", right=True),
        Column("recovery.advice", "The centre advises", say),
        Column("recovery.branch", "Kept there as"),
        Column("recovery.reason", "Because", say),
        Column("last_recovery.finish_time", "Journal came back", when(zone)),
        Column("last_recovery.returned_entries", "with entries", right=True),
        Column("last_recovery.run", "told by run"),
        Column("exercise", "Exercise", lambda on: say("yes") if on else say("no")),
        Column("software_version", "Node software"),
    )


@app.command()
def status(output: OutputOption = Output.TABLE) -> None:
    """Show the node at a glance: service, link, what waits."""
    run(_status(output))


async def zone_of(channel: grpc.aio.Channel) -> str:
    """The office's zone, as the daemon knows it."""
    return str((await _ask(channel)).zone) or "Asia/Jakarta"


async def _ask(channel: grpc.aio.Channel) -> Any:
    from lpse.intake.v1 import node_pb2 as api
    from lpse.intake.v1.node_pb2_grpc import NodeStub

    return await NodeStub(channel).GetNodeStatus(api.GetNodeStatusRequest())


async def _status(output: Output) -> None:
    async with session.connect() as channel:
        answer = await _ask(channel)
        waiting = await receipt_waiting.count(channel) if output is Output.TABLE else 0
    shown = [
        one
        for one in columns(answer.zone or "Asia/Jakarta")
        if answer.HasField("recovery") or not one.key.startswith("recovery.")
        if answer.HasField("last_recovery") or not one.key.startswith("last_recovery.")
        if answer.clock.HasField("step_after_time") or not one.key.startswith("clock.step_")
    ]
    show(answer, shown, output, name="node_id")
    if output is Output.TABLE:
        _warn(plain(answer)["contradictions"])
    if output is Output.TABLE and plain(answer)["link"] in ("DISCONNECTED", "PAUSED"):
        note(say("Uploads go on; everything is sent when the link is back."))
    if output is Output.TABLE:
        _tell_recovery(answer.recovery.advice)
        if answer.HasField("last_recovery"):
            note(say("If nobody here restored this node, tell LKPP: its keys are in other hands."))
        _tell_waiting(waiting)


def _tell_recovery(advice: str) -> None:
    """What the officer can do, where somebody must."""
    if advice == "WAIT":
        note(say("Both histories are kept, uploads go on; a person at the centre decides."))
    if advice == "REIMPORT":
        note(say("Ask the centre for a code of a new node, then: lpse-node enrol --reimport"))


def _tell_waiting(count: int) -> None:
    """What came back without its details, and how they come back."""
    if count:
        note(say("submissions that wait for their details: {count}", count=count))
        note(
            say(
                "type the recovery code from paper: lpse-node recovery-code enter; for the others"
                " ask the vendors for their receipts: lpse-node receipt restore FILE;"
                " lpse-node receipt waiting shows which"
            )
        )


def _warn(contradictions: Sequence[Mapping[str, Any]]) -> None:
    """Two national histories are told at every glance, with what proves them."""
    for one in contradictions:
        held, shown = one["held_head"], one["shown_head"]
        if one["relation"] == "rewound":
            note(
                say(
                    "The centre shows {shown} national entries, this node holds {held}: it is given"
                    " back what it lost.",
                    shown=str(shown["size"]),
                    held=str(held["size"]),
                )
            )
            continue
        who = one["witness"] or say("the centre")
        note(say("TWO NATIONAL HISTORIES: {who} showed another one; keep this:", who=who))
        note(f"  {held['size']} {held['root']}")
        note(f"  {shown['size']} {shown['root']}")
