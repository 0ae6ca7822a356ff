"""`lpse-node outage {list,get,confirm,report}`: outages that were declared and that were measured.

Rules: both records stand side by side with their difference; only an officer makes a measured
service outage count; `report` is the data of a Berita Acara Gangguan and invents no number. Leaves
out what follows for packages (`compensation`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from lpse.terminal.outage_flags import Attribution, Cause
from lpse.terminal.output import Column, Output, OutputOption, run, show, show_list
from lpse.terminal.plain import plain
from lpse.terminal.words import duration_text, say, when
from regional_node.cli import session
from regional_node.cli.acting import AsOption, KeyOption

app = typer.Typer(help="Outages at this node: declared and measured.")

NameArgument = Annotated[str, typer.Argument(help="outages/2015-0001 or measured/1.")]


class Source(StrEnum):
    """From where an outage is known."""

    DECLARED = "DECLARED"
    MEASURED = "MEASURED"


@app.command("list")
def list_outages(
    source: Annotated[Source | None, typer.Option(help="Only from this source.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List declared and measured outages side by side, with their differences."""
    run(_list(source, output))


@app.command("get")
def get_outage(name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Show one outage and the packages that it touches."""
    run(_get(name, output))


@app.command()
def confirm(
    name: Annotated[str, typer.Argument(help="A measured service outage, e.g. measured/1.")],
    *,
    cause: Annotated[Cause, typer.Option(help="Why it happened.")],
    attribution: Annotated[Attribution, typer.Option(help="Whose fault it was.")],
    reason: Annotated[str, typer.Option(help="Why you confirm it.")],
    actor: AsOption,
    key: KeyOption,
    output: OutputOption = Output.TABLE,
) -> None:
    """Confirm as an officer that a measured service outage counts."""
    run(_confirm(name, (cause, attribution, reason), (actor, key), output))


@app.command()
def report(name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Write the data of a Berita Acara Gangguan: text, or JSON with -o json."""
    from regional_node.cli.outage_report import write_report

    run(write_report(name, output))


async def _list(source: Source | None, output: Output) -> None:
    from lpse.intake.v1 import outages_pb2 as api
    from lpse.intake.v1.outages_pb2_grpc import OutagesStub

    wanted = f"OUTAGE_SOURCE_{source.value if source else 'UNSPECIFIED'}"
    request = api.ListOutagesRequest(source=api.OutageSource.Value(wanted))
    found: list[dict[str, Any]] = []
    async with session.connect() as channel:
        while True:
            answer = await OutagesStub(channel).ListOutages(request)
            found.extend(plain(one) for one in answer.outages)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    show_list(found, _columns(found[0]["zone"] if found else "Asia/Jakarta"), output)


async def _get(name: str, output: Output) -> None:
    from lpse.intake.v1 import outages_pb2 as api
    from lpse.intake.v1.outages_pb2_grpc import OutagesStub

    async with session.connect() as channel:
        answer = await OutagesStub(channel).GetOutage(api.GetOutageRequest(name=name))
    row = plain(answer.outage)
    show(row, (*_columns(row["zone"]), *_DETAILS) if output is Output.TABLE else (), output)


async def _confirm(
    name: str,
    said: tuple[Cause, Attribution, str],
    signer: tuple[str, Any],
    output: Output,
) -> None:
    from lpse.federation.acts import subject_digest
    from lpse.federation.v1 import directives_pb2 as directives
    from lpse.intake.v1 import outages_pb2 as api
    from lpse.intake.v1.outages_pb2_grpc import OutagesStub
    from regional_node.cli.acting import sign
    from regional_node.outages.rules import CONFIRM, confirmation_subject

    cause = directives.OutageCause.Value(f"OUTAGE_CAUSE_{said[0].value}")
    attribution = directives.OutageAttribution.Value(f"OUTAGE_ATTRIBUTION_{said[1].value}")
    subject = confirmation_subject(name, cause, attribution, said[2])
    async with session.connect() as channel:
        act = await sign(
            channel,
            actor=signer[0],
            key=signer[1],
            act=CONFIRM,
            digest=subject_digest(subject),
        )
        answer = await OutagesStub(channel).ConfirmOutage(
            api.ConfirmOutageRequest(
                name=name, cause=cause, attribution=attribution, reason=said[2], act=act
            )
        )
    row = plain(answer.outage)
    show(row, (*_columns(row["zone"]), *_DETAILS) if output is Output.TABLE else (), output)


_DETAILS: Final = (
    Column("counts_reason", "Why it counts or not", say),
    Column("reason", "Reason"),
    Column("evidence", "Evidence"),
    Column("probes_failed", "Failed probes", right=True),
    Column("during_upgrade", "During an upgrade"),
    Column("confirmed_by", "Confirmed by"),
    Column("packages", "Packages"),
)


def _columns(zone: str) -> tuple[Column, ...]:
    return (
        Column("name", "Outage"),
        Column("source", "Source", say),
        Column("kind", "Measured", _measured),
        Column("start_time", "Start", when(zone)),
        Column("end_time", "End", when(zone)),
        Column("cause", "Cause", _known),
        Column("attribution", "Attribution", _known),
        Column("counts", "Counts"),
        Column("late", "Came late"),
        Column("title", "Title"),
        Column("differences", "Difference", _differences),
    )


def _known(value: str) -> str:
    """What nobody has said yet is a dash, not a word of the wire."""
    return "–" if value == "UNSPECIFIED" else say(value)


def _measured(kind: str) -> str:
    """Service or link: only a service outage can ever count."""
    return {"SERVICE": say("service"), "LINK": say("link")}.get(kind, "–")


def _differences(items: list[dict[str, Any]]) -> str:
    """`measured/1: start +12 minutes, end open`."""
    told = []
    for one in items:
        end = _signed(one["end_seconds"]) if one["end_seconds"] is not None else say("open")
        start = _signed(one["start_seconds"])
        told.append(f"{one['other']}: {say('Start')} {start}, {say('End')} {end}")
    return "; ".join(told) or "–"


def _signed(seconds: int) -> str:
    return ("+" if seconds > 0 else "") + duration_text(seconds)
