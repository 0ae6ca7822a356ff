"""A centre that lost its newest national entries, and nodes that hold them.

Owns the wiring of giving entries back over the rig of the link: real gRPC, real files. Leaves out
the areas of the centre, whose tables other tests look at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import grpc

from central.national.restoring import Restorers
from central.witness.returning import Neighbours as CentreNeighbours
from central.witness.returning import Returning
from central.witness.service import WitnessService
from central.witness.store import WitnessStore
from central.witness.wiring import restorers
from lpse.federation.checkpoints import Head
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime import tls
from lpse.runtime.channels import open_channel
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.witness.giving_back import GivingBack, Neighbours, record_with
from tests.federation.rig import CLOCK, ENTROPY, LOG, Authority, Centre, Node


class LosingCentre(Centre):
    """A centre of the rig that also serves `Witness`; `runs_told` is what it would write down."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        super().__init__(authority, folder)
        self.runs_told: list[tuple[str, list[records.ReconciliationEntry]]] = []
        self.further.append(lambda _: self._witness())

    async def _record(self, node_id: str, entries: Sequence[records.ReconciliationEntry]) -> None:
        self.runs_told.append((node_id, list(entries)))

    async def _readmit(self) -> None:
        return None

    def _witness(self) -> Callable[[grpc.aio.Server], None]:
        self.kept = WitnessStore(self.database)
        self.returning = Returning(
            CentreNeighbours(
                database=self.database,
                journal=self.journal,
                national=self.national,
                restorers=self._restorers(),
                store=self.kept,
                record=self._record,
                readmit=self._readmit,
                came=self.came,
                clock=CLOCK,
                log=LOG,
            )
        )
        service = WitnessService(
            self.returning,
            self.journal,
            self.database,
            self.enrolled,  # type: ignore[arg-type]  # the rig's port asks the certificate alone
            self.declined,
        )
        return service.register

    def came(self) -> None:
        """Nobody looks at the tables here."""

    def declined(self, node_id: str, digest: bytes) -> None:
        """No bundle is asked for here."""

    def _restorers(self) -> Restorers:
        return restorers(certificate_seconds=86_400)


class WitnessNode(Node):
    """A node of the rig that gives back what the centre lost."""

    async def start(self) -> None:
        """As in the rig, with the worker beside the link."""
        await super().start()
        runs = DecidedRuns(
            self.database,
            self.journal,
            CLOCK,
            (lambda: self.state.stored_head, lambda: self.national.head),
            software_version="test",
        )
        self.giving = GivingBack(
            Neighbours(
                national=self.national,
                link=self.state,
                connect=self._channel,
                record=record_with(self.database, runs),
                greet=self.worker.demand_run,
                clock=CLOCK,
                entropy=ENTROPY,
                log=LOG,
            )
        )
        self.state.on_session(self.giving.wake)
        self.giving_task = asyncio.create_task(self.giving.run())

    async def stop(self) -> None:
        """As in the rig."""
        self.giving_task.cancel()
        await asyncio.gather(self.giving_task, return_exceptions=True)
        await super().stop()

    def _channel(self) -> grpc.aio.Channel:
        credentials = tls.client_credentials(self.identity)
        return open_channel(
            f"127.0.0.1:{self.port}", credentials, server_name=tls.CENTRE_SERVER_NAME
        )

    def holds(self, head: Head) -> bool:
        """Present, and its national copy ends at this head."""
        held = self.national.head
        return self.settled() and held is not None and held.root == head.root


def policy(seconds: int) -> directives.PolicyPublished:
    """A national entry that can be told from others."""
    return directives.PolicyPublished(guard_window_seconds=seconds, published_by="ani")
