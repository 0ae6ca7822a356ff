"""The care for stored bytes, put together: passes, healing, and what is told about them.

Owns the workers of the scrub and the facts that the link and the officer's tools show. Leaves out
every decision (`rules`, `healing`) and the ballast's own (`lpse.storage.ballast`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lpse.federation.entries import timestamp
from lpse.federation.v1 import link_pb2 as link
from lpse.intake.v1 import node_pb2 as api
from lpse.storage.ballast import Ballast
from lpse.storage.scrub import Scrub
from regional_node.scrub.healing import Healing
from regional_node.scrub.store import NodeScrubStore


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Everything that looks after stored bytes."""

    ballast: Ballast
    store: NodeScrubStore
    scrub: Scrub
    healing: Healing

    @property
    def workers(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What runs for ever."""
        return {"scrub": self.scrub.run, "healing": self.healing.run}

    async def suspect(self, digest: bytes) -> None:
        """Somebody could not read these bytes: look now instead of in the next pass."""
        await self.healing.suspect(digest)

    # --- what the link asks ---

    def given_up(self) -> bool:
        """Whether the disk was full and the ballast is gone."""
        return self.ballast.state.given_up

    def damaged(self) -> int:
        """Own blobs that are damaged, as of the last look."""
        return self.healing.unhealed

    async def wanted(self, asked: link.BlobsWanted) -> None:
        """The centre asks for bytes again."""
        await self.healing.wanted(asked)

    # --- what the officer's tools ask ---

    async def health(self) -> api.DiskHealth:
        """The disk at a glance."""
        place, totals, ballast = await self.store.place(), await self.store.totals(), self.ballast
        told = api.DiskHealth(
            state="FULL" if ballast.state.given_up else "OK",
            ballast_bytes=ballast.state.held_bytes,
            scrub_pass=place.number,
            scrub_blobs=place.blobs,
            scrub_bytes=place.size_bytes,
            damaged_open=totals.open,
            damaged_person=totals.person,
        )
        if place.end_time is not None:
            told.scrub_end_time.CopyFrom(timestamp(place.end_time))
        return told
