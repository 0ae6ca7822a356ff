"""What waits for details, over the node's Unix socket.

Owns the handlers of `lpse.intake.v1.Restorations`. Rule: neither a code nor a name of a receipt
reaches a log or an error. Leaves out what is done (`completion`).
"""

from __future__ import annotations

from typing import Any, Final

import grpc

from lpse.federation.errors import Refused
from lpse.federation.limits import RESTORE_SEALED_PAGE, TLOG_PROOF_BYTES_MAX
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import restorations_pb2 as wire
from lpse.intake.v1 import restorations_pb2_grpc as grpc_wire
from lpse.runtime.sqlite.instants import from_micros
from regional_node.intake.sealed_store import Parked
from regional_node.recovery.restoring.completion import Completion

Context = grpc.aio.ServicerContext[Any, Any]
_PAGE: Final = 100


class RestorationsService(grpc_wire.RestorationsServicer):
    """See the module's first lines."""

    def __init__(self, completion: Completion) -> None:
        self._completion = completion

    async def ListWaiting(
        self, request: wire.ListWaitingRequest, context: Context
    ) -> wire.ListWaitingResponse:
        """A page of entries, by commitment."""
        limit = min(request.page_size or _PAGE, RESTORE_SEALED_PAGE)
        page = await self._completion.page(_token(request.page_token), limit)
        more = page[-1][0].hex() if len(page) == limit else ""
        entries = [_message(*one) for one in page]
        waiting = await self._completion.waiting()
        return wire.ListWaitingResponse(entries=entries, next_page_token=more, waiting=waiting)

    async def RestoreReceipt(
        self, request: wire.RestoreReceiptRequest, context: Context
    ) -> wire.RestoreReceiptResponse:
        """A vendor's own copy."""
        if len(request.receipt) > TLOG_PROOF_BYTES_MAX:
            raise Refused("FED-5101", "this is longer than any receipt")
        refused = await self._completion.take_receipt(request.receipt)
        waiting = await self._completion.waiting()
        return wire.RestoreReceiptResponse(refused=refused, waiting=waiting)

    async def EnterRecoveryCode(
        self, request: wire.EnterRecoveryCodeRequest, context: Context
    ) -> wire.EnterRecoveryCodeResponse:
        """A key from paper."""
        restored = await self._completion.take_code(request.code)
        waiting = await self._completion.waiting()
        return wire.EnterRecoveryCodeResponse(restored=restored, waiting=waiting)


def _token(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise Refused("FED-5021", "this page token is not ours") from error


def _message(commitment: bytes, parked: Parked) -> wire.WaitingEntry:
    kind = records.UploadRefused if parked.refused else records.UploadAccepted
    message = wire.WaitingEntry(
        commitment=commitment,
        refused=parked.refused,
        sealed=bool(kind.FromString(parked.record).sealed_details),
        index=parked.place[1],
    )
    message.accept_time.FromDatetime(from_micros(parked.accept_time))
    return message
