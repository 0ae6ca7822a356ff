"""`lpse-node grant create|get|revoke`: upload addresses for vendors and Bidding-Room PCs.

Owns the flags and what the person sees. Rules: a vendor's reference comes from the details document
only, never from a flag (command lines are visible to others); the address is printed once; there is
no list, because a list would count future bidders. Leaves out what a grant is (the daemon).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lpse.terminal.output import Column, Output, OutputOption, note, run, show
from lpse.terminal.words import say, size_text, when
from regional_node.cli import session
from regional_node.cli.upload import Door, read_details

if TYPE_CHECKING:
    from lpse.intake.v1 import grants_pb2 as wire

app = typer.Typer(help="Upload addresses for vendors.", no_args_is_help=True)
GrantArgument = Annotated[str, typer.Argument(help="Name of the grant, g-….")]


@app.command()
def create(
    *,
    package: Annotated[str, typer.Option(help="Package code.")],
    details: Annotated[
        str, typer.Option(help='JSON with "vendor" and more: a file, or - for standard input.')
    ],
    channel: Annotated[Door | None, typer.Option(help="By which door bids come.")] = None,
    seat: Annotated[
        int, typer.Option(help="Number of the PC in the Bidding Room; sets the door.", min=0)
    ] = 0,
    stage: Annotated[str, typer.Option(help="Upload stage, where a package has several.")] = "",
    bytes_max: Annotated[
        int, typer.Option(help="Bytes of one submission; the node's limit if absent.", min=0)
    ] = 0,
    expires: Annotated[
        str, typer.Option(help="When the address ends, 2026-12-31T17:00+07:00; else 90 days.")
    ] = "",
    request_id: Annotated[
        str, typer.Option(help="The same one gives the same address again.")
    ] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Make an upload address for one vendor and one package; it is shown once."""
    from lpse.intake.v1 import grants_pb2 as wire
    from lpse.intake.v1 import submissions_pb2 as shared
    from lpse.intake.v1.grants_pb2_grpc import GrantsStub
    from regional_node.cli.status import zone_of

    door = channel or (Door.BIDDING_ROOM if seat else Door.DIRECT)
    request = wire.CreateGrantRequest(
        package=package,
        stage=stage,
        details_json=read_details(details),
        channel=(shared.CHANNEL_DIRECT if door is Door.DIRECT else shared.CHANNEL_BIDDING_ROOM),
        seat=seat,
        bytes_max=bytes_max,
        request_id=request_id,
    )
    if expires:
        request.expire_time.FromDatetime(_instant(expires))

    async def work() -> None:
        async with session.connect() as road:
            answer = await GrantsStub(road).CreateGrant(request)
            zone = await zone_of(road)
        show({**_document(answer.grant), "url": answer.url}, _columns(zone, url=True), output)
        note(say("This address is shown once. Whoever knows it may upload: give it to no other."))

    run(work())


@app.command()
def get(grant: GrantArgument, output: OutputOption = Output.TABLE) -> None:
    """Show whether an upload address works; never the address, nor what was uploaded."""
    from lpse.intake.v1 import grants_pb2 as wire
    from lpse.intake.v1.grants_pb2_grpc import GrantsStub
    from regional_node.cli.status import zone_of

    async def work() -> None:
        async with session.connect() as road:
            answer = await GrantsStub(road).GetGrant(wire.GetGrantRequest(name=_name(grant)))
            zone = await zone_of(road)
        show(_document(answer.grant), _columns(zone), output)

    run(work())


@app.command()
def revoke(
    grant: GrantArgument,
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Take an upload address back for good; accepted submissions and their receipts stay."""
    from lpse.intake.v1 import grants_pb2 as wire
    from lpse.intake.v1.grants_pb2_grpc import GrantsStub
    from regional_node.cli.status import zone_of

    async def work() -> None:
        async with session.connect() as road:
            request = wire.RevokeGrantRequest(name=_name(grant), reason=reason)
            answer = await GrantsStub(road).RevokeGrant(request)
            zone = await zone_of(road)
        show(_document(answer.grant), _columns(zone), output)

    run(work())


def _name(given: str) -> str:
    return f"grants/{given.removeprefix('grants/')}"


def _instant(text: str) -> Any:
    from datetime import UTC, datetime

    from lpse.federation.errors import Refused

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        remedy = "write it as 2026-12-31T17:00+07:00"
        raise Refused("FED-5303", "--expires is no instant", remedy=remedy) from error
    if moment.tzinfo is None:
        raise Refused("FED-5303", "--expires names no zone", remedy="add +07:00, +08:00 or +09:00")
    return moment.astimezone(UTC)


def _document(grant: wire.Grant) -> dict[str, Any]:
    from lpse.terminal.plain import plain

    document: dict[str, Any] = plain(grant)
    return document


def _state(state: str) -> str:
    said = {"LIVE": "in force", "EXPIRED": "its time is over", "REVOKED": "taken back"}
    return say(said.get(state, state))


def _columns(zone: str, *, url: bool = False) -> Sequence[Column]:
    columns = [
        Column("name", "Name"),
        Column("state", "State", _state),
        Column("package", "Package"),
        Column("stage", "Stage"),
        Column("seat", "Seat", lambda seat: str(seat or "–")),
        Column("bytes_max", "Largest submission", lambda size: size_text(int(size))),
        Column("create_time", "Made", when(zone)),
        Column("expire_time", "Ends", when(zone)),
        Column("revoke_reason", "Reason"),
    ]
    return [Column("url", "Address"), *columns] if url else columns
