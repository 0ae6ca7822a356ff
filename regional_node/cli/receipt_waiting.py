"""What `receipt restore` and `receipt waiting` do.

Rule: what is shown of an entry that waits tells neither whose it is nor for which package. Leaves
out the flags (`receipt`) and what makes an entry whole (`regional_node.recovery.restoring`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from lpse.terminal.output import Column, Output, note, show, show_list
from lpse.terminal.words import say, say_count, when
from regional_node.cli import session

if TYPE_CHECKING:
    import grpc
    from google.protobuf.message import Message

ENTRIES: Final = (
    Column("commitment", "Commitment", lambda text: str(text)[:16]),
    Column("accept_time", "Accepted", when("UTC")),
    Column("refused", "Refused"),
    Column("sealed", "Opens with a recovery code"),
    Column("index", "Journal entry", right=True),
)
ANSWER: Final = (
    Column("refused", "Refused"),
    Column("waiting", "Still waiting", right=True),
)


async def restore(file: Path, output: Output) -> None:
    """Hand a vendor's receipt to the daemon."""
    from lpse.intake.v1 import restorations_pb2 as wire
    from lpse.intake.v1.restorations_pb2_grpc import RestorationsStub
    from regional_node.cli.receipt_files import sort_out

    signed, _ = sort_out([file])
    request = wire.RestoreReceiptRequest(receipt=signed)
    async with session.connect() as channel:
        answer = await RestorationsStub(channel).RestoreReceipt(request)
    show({"refused": answer.refused, "waiting": answer.waiting}, ANSWER, output)
    note(say("The submission is whole again."))


async def count(channel: grpc.aio.Channel) -> int:
    """How many entries of the whole node wait."""
    from lpse.intake.v1 import restorations_pb2 as wire
    from lpse.intake.v1.restorations_pb2_grpc import RestorationsStub

    page = await RestorationsStub(channel).ListWaiting(wire.ListWaitingRequest(page_size=1))
    return page.waiting


async def waiting(output: Output) -> None:
    """List entries that wait, all pages."""
    from lpse.intake.v1 import restorations_pb2 as wire
    from lpse.intake.v1.restorations_pb2_grpc import RestorationsStub

    rows: list[Message] = []
    request = wire.ListWaitingRequest()
    async with session.connect() as channel:
        while True:
            page = await RestorationsStub(channel).ListWaiting(request)
            rows += page.entries
            request.page_token = page.next_page_token
            if not page.next_page_token:
                break
    show_list(rows, ENTRIES, output)
    if rows:
        note(
            say_count(
                "One entry waits for its details; its bytes are kept.",
                "{count} entries wait for their details; their bytes are kept.",
                len(rows),
            )
        )
