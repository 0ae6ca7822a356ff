"""Tells the centre what is set aside here, and takes up what an operator there wants tried again.

Owns the time of the reports: shortly after something was set aside, and every minute while anything
is. Rules: sizes and reasons only; a centre without this call is left alone until the next
connection. Leaves out why items are set aside (`rules`).
"""

from __future__ import annotations

from typing import Final

import grpc
import structlog

from lpse.federation.errors import FederationError
from lpse.federation.limits import PARKED_REPORT_SECONDS, PARKED_REPORTED_MAX
from lpse.federation.v1 import transfer_pb2 as wire
from lpse.federation.v1.transfer_pb2_grpc import TransferStub
from lpse.runtime.channels import error_from
from lpse.runtime.clock import Clock
from regional_node.transfer.ports import Centre
from regional_node.transfer.store import TransferStore
from regional_node.transfer.worker import DrainWorker

_LOG: Final = structlog.get_logger("lpse.node.transfer")
_LOOK_SECONDS: Final = 1.0
_OLDER_CENTRE: Final = "FED-2298"


class ParkedReporter:
    """See the module's first lines; `step` takes monotonic seconds."""

    def __init__(
        self, store: TransferStore, drain: DrainWorker, centre: Centre, clock: Clock
    ) -> None:
        self._store = store
        self._drain = drain
        self._centre = centre
        self._clock = clock
        self._told: int | None = None  # how many were reported last; None: unknown to the centre
        self._next = 0.0

    async def step(self, now_seconds: float) -> int:
        """Report when it is time; how many items go again."""
        parked = self._drain.parked_count()
        if not self._centre.is_open():
            self._told, self._next = None, 0.0
            return 0
        changed = parked != (self._told or 0)
        if not changed and (now_seconds < self._next or not (parked or self._told is None)):
            return 0
        self._next = now_seconds + PARKED_REPORT_SECONDS
        try:
            replayed = await self._report(parked)
        except FederationError as error:
            if error.code != _OLDER_CENTRE:
                _LOG.warning("transfer.report_failed", code=error.code)
            self._told = parked
            return 0
        self._told = parked
        return replayed

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.step(self._clock.monotonic())
            except FederationError as error:  # our own database; the next step tells again
                _LOG.warning("transfer.report_failed", code=error.code)
            await self._clock.sleep(_LOOK_SECONDS)

    async def _report(self, total: int) -> int:
        items = await self._store.parked("", 0, PARKED_REPORTED_MAX)
        request = wire.ReportParkedRequest(total=total)
        for item in items:
            request.blobs.add(
                digest=item.digest,
                size_bytes=item.size_bytes,
                cause=item.last_cause,
                attempts=item.attempts,
            )
        async with self._centre.connect() as channel:
            try:
                answer = await TransferStub(channel).ReportParked(
                    request, timeout=PARKED_REPORT_SECONDS
                )
            except grpc.aio.AioRpcError as error:
                raise error_from(error) from error
        known = {item.digest for item in items}
        wanted = [digest for digest in answer.replay if digest in known]
        for digest in wanted:
            await self._store.retry(digest, self._clock.wall())
        if wanted:
            self._drain.wake()
        return len(wanted)
