"""`lkppctl recon {parked-blobs,replay-blobs}`: sealed bytes that nodes have set aside.

Rule: sizes and reasons per node, never a package. Replaying marks them; each node sends them again
after its next report, within about a minute. Leaves out parked entries (`parked`).
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from central.ctl import session
from lpse.federation.limits import PAGE_ITEMS_MAX
from lpse.terminal.output import Column, Output, OutputOption, run, show, show_list
from lpse.terminal.words import size_text, when

NodeOption = Annotated[str, typer.Option(help="Only this node.")]
CodeOption = Annotated[str, typer.Option(help="Only items set aside with this code.")]
COLUMNS: Final = (
    Column("node_id", "Node"),
    Column("name", "Name"),
    Column("size_bytes", "Size", size_text, right=True),
    Column("attempts", "Attempts", right=True),
    Column("park_time", "Set aside", when("Asia/Jakarta")),
    Column("replay_time", "Asked again", when("Asia/Jakarta")),
    Column("cause", "Because"),
)
RESULT: Final = (Column("marked_blobs", "Asked again", right=True),)


def add_commands(app: typer.Typer) -> None:
    """Give the noun its `parked-blobs` and its `replay-blobs`."""
    app.command("parked-blobs")(parked_blobs)
    app.command("replay-blobs")(replay_blobs)


def parked_blobs(node: NodeOption = "", output: OutputOption = Output.TABLE) -> None:
    """List sealed bytes that nodes could not hand over and set aside, with the reason."""
    run(_list(node, output))


def replay_blobs(
    node: NodeOption = "", code: CodeOption = "", output: OutputOption = Output.TABLE
) -> None:
    """Ask nodes to send them again, for example after a disk of the centre was mended."""
    run(_replay(node, code, output))


async def _list(node: str, output: Output) -> None:
    from lpse.operator.v1.transfers_pb2 import ListParkedBlobsRequest
    from lpse.operator.v1.transfers_pb2_grpc import TransfersStub

    request = ListParkedBlobsRequest(node_id=node, page_size=PAGE_ITEMS_MAX)
    rows: list[Any] = []
    async with session.connect() as opened:
        while True:
            answer = await TransfersStub(opened.channel).ListParkedBlobs(request)
            rows.extend(answer.blobs)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    show_list(rows, COLUMNS, output)


async def _replay(node: str, code: str, output: Output) -> None:
    from lpse.operator.v1.transfers_pb2 import ReplayParkedBlobsRequest
    from lpse.operator.v1.transfers_pb2_grpc import TransfersStub

    async with session.connect() as opened:
        answer = await TransfersStub(opened.channel).ReplayParkedBlobs(
            ReplayParkedBlobsRequest(node_id=node, code=code)
        )
    show(answer, RESULT, output, name="marked_blobs")
