"""`lpse-node package {import,list,get,open}`: packages and their schedules at this node.

Rules: an import is taken whole or not at all, and importing again is harmless; `get` shows every
revision, hold and outage, old → new. Leaves out opening (`package_open`) and decisions
(`compensation`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from lpse.terminal.output import Column, Output, OutputOption, note, run, show, show_list
from lpse.terminal.plain import plain
from lpse.terminal.words import say, when
from regional_node.cli import session
from regional_node.cli.package_open import open_package

app = typer.Typer(help="Packages: schedules as SPSE published them and as they count now.")
app.command("open")(open_package)

IMPORT_COLUMNS: Final = (
    Column("name", "Package"),
    Column("revision", "Revision", right=True),
    Column("changed", "Changed"),
)


@app.command("import")
def import_packages(
    file: Annotated[Path, typer.Argument(help="JSON or CSV file of packages.")],
    rule_set: Annotated[
        str, typer.Option(help="Rule set of new packages that name none, e.g. perka-1-2015.")
    ] = "",
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Check everything, change nothing.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take packages from SPSE; importing the same file again changes nothing."""
    run(_import(file, rule_set, validate_only, output))


@app.command("list")
def list_packages(
    held: Annotated[bool, typer.Option("--held", help="Only packages with a hold now.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """List packages with the deadline that counts."""
    run(_list(held, output))


@app.command("get")
def get_package(
    code: Annotated[str, typer.Argument(help="Package code.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one package: stages old → new, revisions, holds, outages."""
    run(_get(code, output))


async def _import(file: Path, rule_set: str, validate_only: bool, output: Output) -> None:
    from lpse.federation.limits import SCHEDULE_DOCUMENT_BYTES_MAX
    from lpse.intake.v1 import packages_pb2 as api
    from lpse.intake.v1.packages_pb2_grpc import PackagesStub
    from regional_node.cli.schedule_files import read_file
    from regional_node.cli.status import zone_of
    from regional_node.schedule.imports import Defaults, read_packages

    data = read_file(file, SCHEDULE_DOCUMENT_BYTES_MAX)
    async with session.connect() as channel:
        given = read_packages(data, Defaults(await zone_of(channel), rule_set))
        request = api.ImportPackagesRequest(validate_only=validate_only)
        for one in given:
            listed = request.packages.add(
                code=one.code, title=one.title, zone=one.zone, rule_set=one.rule_set
            )
            for stage in one.stages:
                put = listed.stages.add(stage=stage.name)
                put.start_time.FromDatetime(stage.start)
                put.end_time.FromDatetime(stage.end)
        answer = await PackagesStub(channel).ImportPackages(request)
    show_list(answer.packages, IMPORT_COLUMNS, output)
    if validate_only:
        note(say("This was only a check: nothing was imported."))


async def _list(held: bool, output: Output) -> None:
    from lpse.intake.v1 import packages_pb2 as api
    from lpse.intake.v1.packages_pb2_grpc import PackagesStub

    found: list[api.Package] = []
    request = api.ListPackagesRequest(held_only=held)
    async with session.connect() as channel:
        while True:
            answer = await PackagesStub(channel).ListPackages(request)
            found.extend(answer.packages)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    show_list([_row(one) for one in found], _list_columns(), output, name="code")


async def _get(code: str, output: Output) -> None:
    from lpse.intake.v1 import packages_pb2 as api
    from lpse.intake.v1.packages_pb2_grpc import PackagesStub

    async with session.connect() as channel:
        answer = await PackagesStub(channel).GetPackage(
            api.GetPackageRequest(name=f"packages/{code}")
        )
    row = _row(answer.package)
    show(row, _list_columns() if output is Output.TABLE else (), output, name="code")
    if output is Output.TABLE:
        _stages(row)
        _holds(row)
        _revisions(row)


def _row(package: Any) -> dict[str, Any]:
    row: dict[str, Any] = plain(package)
    row["deadline"] = _moved(row["original_deadline_time"], row["deadline_time"], row["zone"])
    return row


def _list_columns() -> tuple[Column, ...]:
    return (
        Column("code", "Package"),
        Column("title", "Name"),
        Column("deadline", "Bid deadline"),
        Column("revision", "Revision", right=True),
        Column("held", "Held"),
        Column("cancelled", "Cancelled"),
        Column("compensation_state", "Compensation", say),
        Column("outages", "Outages"),
        Column("rule_set", "Rule set"),
    )


def _stages(row: dict[str, Any]) -> None:
    zone = row["zone"]
    shown = [
        {
            "stage": stage["stage"],
            "start": _moved(stage["original_start_time"], stage["start_time"], zone),
            "end": _moved(stage["original_end_time"], stage["end_time"], zone),
            "state": stage["state"],
            "proposed": stage["proposed_end_time"],
        }
        for stage in row["stages"]
    ]
    columns = (
        Column("stage", "Stage"),
        Column("start", "Start"),
        Column("end", "End"),
        Column("state", "State", say),
        Column("proposed", "Proposed end", when(zone)),
    )
    print()
    show_list(shown, columns)


def _holds(row: dict[str, Any]) -> None:
    if not row["holds"]:
        return
    at = when(row["zone"])
    columns = (
        Column("stage", "Held stage"),
        Column("due_time", "Fell due", at),
        Column("outages", "Outages"),
        Column("end_time", "Hold ended", at),
        Column("end_reason", "Why", say),
    )
    print()
    show_list(row["holds"], columns)


def _revisions(row: dict[str, Any]) -> None:
    columns = (
        Column("revision", "Revision", right=True),
        Column("origin", "Origin"),
        Column("record_time", "Recorded", when(row["zone"])),
    )
    print()
    show_list(row["revisions"], columns)
    if row["held"]:
        note(say("A stage is held: uploads are accepted as PENDING until the Pokja decides."))


def _moved(old: str | None, new: str | None, zone: str) -> str:
    """`old → new`, or one of them where nothing moved."""
    if not new:
        return ""
    at = when(zone)
    return f"{at(old)} → {at(new)}" if old and old != new else at(new)
