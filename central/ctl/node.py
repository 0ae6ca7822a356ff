"""`lkppctl node {list,get,revoke,release}`: nodes and their two facts, service and link.

Rule: every view shows service (layanan) and link (sambungan) apart, with the time of the facts; a
list says which nodes are unreachable. Leaves out rollouts and outages, which have nouns of their
own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from central.ctl import node_views as views
from central.ctl import session
from lpse.terminal.output import (
    ConfirmationNeeded,
    Output,
    OutputOption,
    ask,
    run,
    show,
    show_list,
)
from lpse.terminal.plain import plain
from lpse.terminal.words import say

app = typer.Typer(help="Nodes (LPSE): service, link, access.")


class Link(StrEnum):
    """Values of `--link`."""

    CONNECTED = "CONNECTED"
    CATCHING_UP = "CATCHING_UP"
    LAGGING = "LAGGING"
    DISCONNECTED = "DISCONNECTED"


NodeArgument = Annotated[str, typer.Argument(help="Node id, for example lpse-pacitan.")]


@app.command("list")
def list_nodes(
    province: Annotated[str, typer.Option(help="Only this province, for example ID-JI.")] = "",
    link: Annotated[Link | None, typer.Option(help="Only nodes whose link is so.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List nodes with their two facts, and say which are unreachable."""
    run(_list(province, link, output))


@app.command()
def get(node: NodeArgument, output: OutputOption = Output.TABLE) -> None:
    """Show one node: identity, access, service, link."""
    run(_get(node, output))


@app.command()
def revoke(
    node: NodeArgument,
    reason: Annotated[str, typer.Option(help="Why; it stands in the national journal.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """End a node's access at once; what it wrote before stays valid."""
    if not yes and ask(say("Type the node id to end its access:")) != node:
        raise ConfirmationNeeded("FED-8013", "the node id was not confirmed")
    run(_revoke(node, reason, output))


@app.command()
def release(
    node: NodeArgument,
    reason: Annotated[str, typer.Option(help="Why it is safe: which machine is the right one.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let a node's entries flow again after a suspected clone."""
    if not yes and ask(say("Type the node id to end its quarantine:")) != node:
        raise ConfirmationNeeded("FED-8013", "the node id was not confirmed")
    run(_release(node, reason, output))


async def _list(province: str, link: Link | None, output: Output) -> None:
    from lpse.operator.v1 import fleet_pb2 as api
    from lpse.operator.v1.fleet_pb2_grpc import FleetStub

    request = api.ListNodeStatusesRequest(province=province)
    if link:
        request.link = api.LinkState.Value(f"LINK_STATE_{link.value}")
    rows: list[Any] = []
    unreachable: list[str] = []
    async with session.connect() as opened:
        while True:
            answer = await FleetStub(opened.channel).ListNodeStatuses(request)
            rows.extend(answer.statuses)
            unreachable.extend(answer.unreachable)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    if output is Output.TABLE:
        views.tell_list([plain(one) for one in rows], unreachable)
        return
    about = {"unreachable": unreachable, "as_of": plain(answer)["as_of_time"]}
    show_list(rows, (), output, name="node_id", about=about)


async def _get(node: str, output: Output) -> None:
    from lpse.operator.v1.fleet_pb2 import GetNodeStatusRequest
    from lpse.operator.v1.fleet_pb2_grpc import FleetStub
    from lpse.operator.v1.nodes_pb2 import GetNodeRequest
    from lpse.operator.v1.nodes_pb2_grpc import NodesStub

    async with session.connect() as opened:
        who = await NodesStub(opened.channel).GetNode(GetNodeRequest(name=f"nodes/{node}"))
        facts = await FleetStub(opened.channel).GetNodeStatus(
            GetNodeStatusRequest(name=f"nodes/{node}")
        )
    # The fleet's facts are newer than their copy in the identity, so they come last.
    show({**plain(who), **plain(facts.status)}, views.DETAILS, output, name="node_id")


async def _revoke(node: str, reason: str, output: Output) -> None:
    from lpse.operator.v1.nodes_pb2 import RevokeNodeRequest
    from lpse.operator.v1.nodes_pb2_grpc import NodesStub

    async with session.connect() as opened:
        answer = await NodesStub(opened.channel).RevokeNode(
            RevokeNodeRequest(name=f"nodes/{node}", reason=reason)
        )
    told = plain(answer)
    show(told, [column for column in views.DETAILS if column.key in told], output, name="node_id")


async def _release(node: str, reason: str, output: Output) -> None:
    from lpse.operator.v1.fleet_pb2 import ReleaseQuarantineRequest
    from lpse.operator.v1.fleet_pb2_grpc import FleetStub

    async with session.connect() as opened:
        answer = await FleetStub(opened.channel).ReleaseQuarantine(
            ReleaseQuarantineRequest(name=f"nodes/{node}", reason=reason)
        )
    show(answer.status, views.STATUS, output, name="node_id")
