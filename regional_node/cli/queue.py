"""`lpse-node queue {list,get,retry}`: sealed bytes on their way to the centre.

Rule: sizes, ages and attempts only; never a package, a vendor or a file name. Leaves out the
sending itself (the daemon's transfer).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lpse.terminal.causes import cause_text
from lpse.terminal.output import Column, Output, OutputOption, run, show, show_list
from lpse.terminal.words import duration_text, say, size_text
from regional_node.cli import session

if TYPE_CHECKING:
    from lpse.intake.v1 import submissions_pb2 as wire

app = typer.Typer(help="Sealed bytes that wait to be sent to the centre.")

NameArgument = Annotated[str, typer.Argument(help="Name of the item: queue/<digest>.")]
CodeOption = Annotated[str, typer.Option(help="Only items set aside with this code.")]
COLUMNS = (
    Column("name", "Name"),
    Column("size_bytes", "Size", size_text, right=True),
    Column("sent_bytes", "Sent", size_text, right=True),
    Column("state", "State", say),
    Column("age_seconds", "Age", duration_text, right=True),
    Column("attempts", "Attempts", right=True),
    Column("next_attempt_time", "Next attempt"),
    Column("last_cause", "Last cause", cause_text),
)


RETRIED: Final = (Column("retried", "Items that go again", right=True),)


@app.command("list")
def list_items(
    limit: Annotated[int, typer.Option(help="Items to show, oldest first.", min=1)] = 100,
    parked: Annotated[
        bool, typer.Option("--parked", help="Only items that wait for a person, with the reason.")
    ] = False,
    code: CodeOption = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """List what waits, oldest first, with the sums of the whole queue."""
    run(_list_parked(limit, code, output) if parked or code else _list(limit, output))


@app.command()
def get(name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Show one item."""
    run(_one("GetQueueItem", name, output))


@app.command()
def retry(
    name: Annotated[str, typer.Argument(help="Name of the item; none with --all or --code.")] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Every item that was set aside.")
    ] = False,
    code: CodeOption = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Make the next attempt of an item, or of all that were set aside, due now."""
    if bool(name) == bool(everything or code):
        raise typer.BadParameter(say("Name one item, or give --all or --code."))
    run(_one("RetryQueueItem", name, output) if name else _retry_parked(code, output))


async def _list(limit: int, output: Output) -> None:
    from lpse.intake.v1 import submissions_pb2 as wire
    from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub

    items: list[wire.QueueItem] = []
    request = wire.ListQueueRequest(page_size=min(limit, 1_000))
    async with session.connect() as channel:
        while True:
            page = await SubmissionsStub(channel).ListQueue(request)
            items.extend(page.items)
            if not page.next_page_token or len(items) >= limit:
                break
            request.page_token = page.next_page_token
    as_of = page.as_of_time.ToDatetime(tzinfo=UTC)
    about = {
        "waiting_count": page.waiting_count,
        "waiting_bytes": page.waiting_bytes,
        "as_of": as_of,
    }
    show_list([_row(item, as_of) for item in items[:limit]], COLUMNS, output, about=about)


async def _list_parked(limit: int, code: str, output: Output) -> None:
    from lpse.intake.v1 import submissions_pb2, transfers_pb2
    from lpse.intake.v1.transfers_pb2_grpc import TransfersStub

    items: list[submissions_pb2.QueueItem] = []
    request = transfers_pb2.ListParkedRequest(code=code, page_size=min(limit, 1_000))
    async with session.connect() as channel:
        while True:
            page = await TransfersStub(channel).ListParked(request)
            items.extend(page.items)
            if not page.next_page_token or len(items) >= limit:
                break
            request.page_token = page.next_page_token
    as_of = page.as_of_time.ToDatetime(tzinfo=UTC)
    rows = [_row(item, as_of) for item in items[:limit]]
    show_list(rows, COLUMNS, output, about={"as_of": as_of})


async def _retry_parked(code: str, output: Output) -> None:
    from lpse.intake.v1.transfers_pb2 import RetryParkedRequest
    from lpse.intake.v1.transfers_pb2_grpc import TransfersStub

    async with session.connect() as channel:
        answer = await TransfersStub(channel).RetryParked(RetryParkedRequest(code=code))
    show(answer, RETRIED, output, name="retried")


async def _one(method: str, name: str, output: Output) -> None:
    from lpse.intake.v1 import submissions_pb2 as wire
    from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
    from lpse.runtime.clock import SystemClock

    full = name if name.startswith("queue/") else f"queue/{name}"
    async with session.connect() as channel:
        stub = SubmissionsStub(channel)
        if method == "GetQueueItem":
            item = await stub.GetQueueItem(wire.GetQueueItemRequest(name=full))
        else:
            item = await stub.RetryQueueItem(wire.RetryQueueItemRequest(name=full))
    show(_row(item, SystemClock().wall()), COLUMNS, output)


def _row(item: wire.QueueItem, now: datetime) -> dict[str, Any]:
    from lpse.terminal.plain import plain

    age = (now - item.store_time.ToDatetime(tzinfo=UTC)).total_seconds()
    return {**plain(item), "age_seconds": max(round(age), 0)}
