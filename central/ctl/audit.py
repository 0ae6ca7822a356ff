"""`lkppctl audit {list,export,verify}`: who has seen which national history, and do all agree.

Rule: what a file shows is believed only with its writer's signature; two histories end with exit
status 4 and with the evidence printed. Leaves out the search in files (`audit_files`) and what an
export looks like (`audit_export`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from central.ctl import audit_files, session
from central.ctl.audit_export import export_text
from lpse.terminal.output import Column, Output, OutputOption, note, run, show_list
from lpse.terminal.plain import plain
from lpse.terminal.words import date_text, say, when

if TYPE_CHECKING:
    from lpse.operator.v1 import witnesses_pb2 as api

app = typer.Typer(help="Witnesses of the national journal, and checkpoints found anywhere.")
_PAGE: Final = 1_000


def _state(state: str) -> str:
    return {
        "CURRENT": say("has seen everything"),
        "BEHIND": say("has seen an earlier part"),
        "NEVER": say("has seen nothing yet"),
        "CONTRADICTS": say("holds more, or something else"),
    }.get(state, state)


def _seen(seconds: Any) -> str:
    if not int(seconds):
        return "–"
    return date_text(datetime.fromtimestamp(int(seconds), UTC), "Asia/Jakarta")


COLUMNS: Final = (
    Column("node_id", "Node"),
    Column("state", "As a witness", _state),
    Column("head.size", "National entries", right=True),
    Column("head.root", "Root"),
    Column("cosignature.time_seconds", "Seen", _seen),
    Column("contradicting_head.size", "Shows instead", right=True),
    Column("contradict_time", "Shown", when("Asia/Jakarta")),
)


@app.command("list")
def list_witnesses(output: OutputOption = Output.TABLE) -> None:
    """List every node with the newest national head that it has seen and signed for."""
    run(_list(output))


@app.command()
def export(
    target: Annotated[
        Path | None, typer.Option("--file", help="Write here; standard output if absent.")
    ] = None,
) -> None:
    """Write the national checkpoint with the signatures of all who have seen it, for auditors."""
    text = export_text(run(_ask()))
    if target is None:
        typer.echo(text, nl=False)
        return
    target.write_text(text, "utf-8")
    note(say("Written to {path}.", path=str(target)))


@app.command()
def verify(
    against: Annotated[
        list[Path],
        typer.Option("--against", help="A receipt, letter, proof, page or note; may be repeated."),
    ],
    offline: Annotated[
        bool, typer.Option("--offline", help="Compare the files with each other alone.")
    ] = False,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="Verifier key (name+id+key) for --offline; may be repeated."),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Find every checkpoint in files and compare each with the centre's journals, or offline."""
    found = audit_files.read(against)
    if offline:
        audit_files.compare_offline(found, key or [], output)
    else:
        run(audit_files.compare_with_centre(found, output))


async def _list(output: Output) -> None:
    answer = await _ask()
    show_list([plain(one) for one in answer.witnesses], COLUMNS, output)
    if output is Output.TABLE:
        note(
            say(
                "National journal: {size} entries; {current} of {nodes} nodes have seen all.",
                size=str(answer.national_head.size),
                current=str(answer.current),
                nodes=str(answer.nodes),
            )
        )
        _tell_open(plain(answer))


def _tell_open(answer: dict[str, Any]) -> None:
    """What a person must do: histories beside the journal, bundles that are not there."""
    for one in answer["branches"]:
        note(
            say(
                "TWO NATIONAL HISTORIES: {node} holds another one from entry {common} on;"
                " {kept} entries of it are kept.",
                node=one["node_id"],
                common=str(one["common_size"]),
                kept=str(one["kept_size"] - one["common_size"]),
            )
        )
    for version in answer["missing_bundles"]:
        note(
            say(
                "The bundle of release {version} is not here: bring the same file again with"
                " `lkppctl release add`.",
                version=version,
            )
        )


async def _ask() -> api.ListWitnessesResponse:
    """All pages as one answer."""
    from lpse.operator.v1 import witnesses_pb2 as api
    from lpse.operator.v1.witnesses_pb2_grpc import WitnessesStub

    whole = api.ListWitnessesResponse()
    async with session.connect() as opened:
        stub: Any = WitnessesStub(opened.channel)
        token = ""
        while True:
            request = api.ListWitnessesRequest(page_size=_PAGE, page_token=token)
            answer = await stub.ListWitnesses(request)
            whole.MergeFrom(answer)
            whole.next_page_token = token = answer.next_page_token
            if not token:
                return whole
