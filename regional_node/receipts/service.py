"""Proofs and prints over the node's Unix socket.

Owns the handlers of `lpse.intake.v1.Receipts` and the translation of messages. Rule: no intake key,
code or name reaches a log or an error. Leaves out every decision (`proofs`, `printing`).
"""

from __future__ import annotations

from typing import Any

import grpc

from lpse.federation.errors import NotFound, Refused
from lpse.federation.receipt_proofs import verify_sole_receipt
from lpse.intake.v1 import receipts_pb2 as wire
from lpse.intake.v1 import receipts_pb2_grpc as grpc_wire
from regional_node.intake.details import check_key
from regional_node.receipts.printing import Printer
from regional_node.receipts.proofs import Proofs
from regional_node.receipts.store import ReceiptStore
from regional_node.receipts.views import Paper

Context = grpc.aio.ServicerContext[Any, Any]


class ReceiptsService(grpc_wire.ReceiptsServicer):
    """See the module's first lines."""

    def __init__(
        self, store: ReceiptStore, proofs: Proofs, printer: Printer, *, public_url: str = ""
    ) -> None:
        self._store = store
        self._proofs = proofs
        self._printer = printer
        self._public_url = public_url

    async def UpgradeReceipt(
        self, request: wire.UpgradeReceiptRequest, context: Context
    ) -> wire.UpgradeReceiptResponse:
        """The proof of a submission, checked once more before it leaves."""
        proof = await self._proofs.proof(_key_of(request.name))
        shown = self._proofs.verify(proof)
        response = wire.UpgradeReceiptResponse(
            proof=proof,
            node_key=self._proofs.keys.node_of(proof).text,
            centre_key=self._proofs.keys.centre.text,
            index=shown.index,
            size=shown.head.size,
        )
        response.cosign_time.FromDatetime(shown.not_after)
        return response

    async def PrintReceipt(
        self, request: wire.PrintReceiptRequest, context: Context
    ) -> wire.PrintReceiptResponse:
        """The receipt as PDF."""
        stored = await self._store.submission(_key_of(request.name))
        if stored is None:
            raise NotFound(
                "FED-5019", "no submission has this key here", remedy="check the intake key"
            )
        node = self._proofs.keys.node_of(stored.text)
        verified = verify_sole_receipt(stored.text, node)
        paper = Paper(stored.text, verified, node.text, self._public_url)
        return wire.PrintReceiptResponse(pdf=await self._printer.pdf(paper), code=paper.code)


def _key_of(name: str) -> str:
    prefix, _, key = name.partition("/")
    if prefix != "submissions":
        raise Refused("FED-5005", "the name of a submission is submissions/<intake key>")
    check_key(key)
    return key
