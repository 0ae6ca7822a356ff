"""What officers ask about the road to the centre: what was set aside, the limit, what was freed.

Rule: nothing here names a package, a vendor or a file. Leaves out the queue's other items, which
intake's service shows.
"""

from __future__ import annotations

import re
from datetime import UTC
from typing import Any, Final

import grpc

from lpse.federation.entries import timestamp
from lpse.federation.errors import Refused
from lpse.federation.limits import QUEUE_PAGE_ITEMS_DEFAULT, QUEUE_PAGE_ITEMS_MAX
from lpse.intake.v1 import submissions_pb2, transfers_pb2_grpc
from lpse.intake.v1 import transfers_pb2 as wire
from lpse.runtime.clock import Clock
from regional_node.transfer.freeing_store import FreeingStore
from regional_node.transfer.store import Item, TransferStore
from regional_node.transfer.worker import DrainWorker

Context = grpc.aio.ServicerContext[Any, Any]
_CODE: Final = re.compile(r"(FED-[0-9]{4})?")
_TOKEN: Final = re.compile(r"[0-9]{0,18}")


class TransfersService(transfers_pb2_grpc.TransfersServicer):
    """Handlers of `lpse.intake.v1.Transfers`."""

    def __init__(
        self, store: TransferStore, drain: DrainWorker, freeing: FreeingStore, clock: Clock
    ) -> None:
        self._store = store
        self._drain = drain
        self._freeing = freeing
        self._clock = clock

    async def ListParked(
        self, request: wire.ListParkedRequest, context: Context
    ) -> wire.ListParkedResponse:
        """Items that wait for a person."""
        limit = min(request.page_size or QUEUE_PAGE_ITEMS_DEFAULT, QUEUE_PAGE_ITEMS_MAX)
        if not _TOKEN.fullmatch(request.page_token):
            raise Refused("FED-5021", "this page token is not one of ours")
        after = int(request.page_token or 0)
        items = await self._store.parked(_code(request.code), after, limit)
        return wire.ListParkedResponse(
            items=map(_message, items),
            next_page_token=str(items[-1].item) if len(items) == limit else "",
            as_of_time=timestamp(self._clock.wall()),
        )

    async def RetryParked(
        self, request: wire.RetryParkedRequest, context: Context
    ) -> wire.RetryParkedResponse:
        """Let them go again."""
        count = await self._store.retry_parked(_code(request.code), self._clock.wall())
        self._drain.wake()
        return wire.RetryParkedResponse(retried=count)

    async def GetRoad(self, request: wire.GetRoadRequest, context: Context) -> wire.GetRoadResponse:
        """The limit that holds now, the measured rate, and what was freed."""
        facts, freed = self._drain.road(), await self._freeing.totals()
        totals = await self._store.totals()
        response = wire.GetRoadResponse(
            limit_kbit_per_second=facts.limit_kbit_per_second,
            control_kbit_per_second=facts.control_kbit_per_second,
            rate_bytes_per_second=facts.rate_bytes,
            parked_count=totals.parked,
            freed_count=freed.count,
            freed_bytes=freed.size_bytes,
        )
        if facts.until is not None:
            response.limit_until_time.FromDatetime(facts.until.astimezone(UTC))
        return response


def _code(code: str) -> str:
    if not _CODE.fullmatch(code):
        raise Refused("FED-5021", "a code looks like FED-2311")
    return code


def _message(item: Item) -> submissions_pb2.QueueItem:
    return submissions_pb2.QueueItem(
        name=f"queue/{item.digest.hex()}",
        size_bytes=item.size_bytes,
        sent_bytes=item.sent_bytes,
        state=submissions_pb2.QUEUE_STATE_PARKED,
        store_time=timestamp(item.store_time),
        attempts=item.attempts,
        last_cause=item.last_cause,
    )
