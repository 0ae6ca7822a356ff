"""Whoever reads a node's journal back is written down: a thief's copy can do it without a hello.

Owns one finding per journal and address. Rule: what cannot be written
now never refuses a recovery; it is told again by the next call. Leaves out the machines that go on
in a new epoch, which the link tells (`central.link.findings`).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import grpc

from central.branches.ports import Findings
from lpse.federation.errors import FederationError
from lpse.federation.reconciliation_rules import entry, evidence
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.channels import peer_address

Context = grpc.aio.ServicerContext[Any, Any]
_RESTORE: Final = records.RECONCILIATION_TRIGGER_RESTORE


class Noticing:
    """See the module's first lines; without `findings` nothing is written."""

    def __init__(self, findings: Findings | None) -> None:
        self._findings = findings

    async def read_back(self, node_id: str, epoch: bytes, context: Context) -> None:
        """A caller with the node's certificate reads entries of this epoch."""
        if self._findings is None:
            return
        address = peer_address(context)
        subject = f"journal {epoch.hex()}"
        machine = evidence(address=address, epoch=epoch.hex())
        told = entry("R-JOURNAL-READ-BACK", subject, machine, b"", "", 1, address=address)
        with suppress(FederationError):
            await self._findings.record(node_id, _RESTORE, [told])
