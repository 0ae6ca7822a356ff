"""`lkppctl calendar {import,list}`: the days on which nobody works, year by year.

Rule: importing the same days again changes nothing; other days become the next revision of the
year. Leaves out what nodes compute with them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from central.ctl import session
from lpse.terminal.output import Column, Output, OutputOption, note, run, show, show_list
from lpse.terminal.plain import plain
from lpse.terminal.words import say, when

app = typer.Typer(help="Calendars: national holidays and collective leave.")

COLUMNS: Final = (
    Column("name", "Calendar"),
    Column("record.revision", "Revision", right=True),
    Column("record.holidays", "Holidays"),
    Column("record.collective_leave", "Collective leave"),
    Column("record.citation", "Decree"),
    Column("publish_time", "Published", when("Asia/Jakarta")),
)


@app.command("import")
def import_calendar(
    file: Annotated[Path, typer.Argument(help='JSON: {"holidays": […], "collective_leave": […]}.')],
    year: Annotated[int, typer.Option(help="Civil year of the days.")],
    citation: Annotated[str, typer.Option(help="The decree they come from.")],
    *,
    province: Annotated[str, typer.Option(help="For a regional addition: for example ID-JI.")] = "",
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Check everything, publish nothing.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Publish the days off of one year to every node."""
    run(_import(file, (year, citation, province), validate_only, output))


@app.command("list")
def list_calendars(
    year: Annotated[int, typer.Option(help="Only this year; 0 for all.")] = 0,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the newest revision of every year and place."""
    run(_list(year, output))


async def _import(
    file: Path, said: tuple[int, str, str], validate_only: bool, output: Output
) -> None:
    from lpse.federation.errors import Refused
    from lpse.federation.limits import SCHEDULE_DOCUMENT_BYTES_MAX
    from lpse.operator.v1 import calendars_pb2 as api
    from lpse.operator.v1.calendars_pb2_grpc import CalendarsStub

    try:
        with file.open("rb") as opened_file:
            data = opened_file.read(SCHEDULE_DOCUMENT_BYTES_MAX + 1)
    except OSError as error:
        raise Refused("FED-4117", f"{file} cannot be read: {error.strerror}") from error
    year, citation, province = said
    request = api.ImportCalendarRequest(
        year=year,
        document=data,
        citation=citation,
        province=province,
        validate_only=validate_only,
    )
    async with session.connect() as opened:
        answer = await CalendarsStub(opened.channel).ImportCalendar(request)
    if not answer.changed:
        note(say("Nothing changed: exactly this is in force."))
    row = plain(answer.calendar)
    row["changed"] = answer.changed
    show(row, COLUMNS if output is Output.TABLE else (), output)


async def _list(year: int, output: Output) -> None:
    from lpse.operator.v1 import calendars_pb2 as api
    from lpse.operator.v1.calendars_pb2_grpc import CalendarsStub

    found: list[api.Calendar] = []
    request = api.ListCalendarsRequest(year=year)
    async with session.connect() as opened:
        while True:
            answer = await CalendarsStub(opened.channel).ListCalendars(request)
            found.extend(answer.calendars)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    show_list(found, COLUMNS, output)
