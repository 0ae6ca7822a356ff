"""Nodes as witnesses of the national journal: their cosignatures, verified and kept.

Owns the waiting cosignatures, the newest one per node, and their verification outside the path of
the acknowledgement. Rule: only a cosignature that verifies with the node's enrolled key is kept; a
bad one is logged and dropped, because an acknowledgement does not depend on it. Leaves out SQL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from central.link.store import LinkStore, Witness
from lpse.federation.checkpoints import Cosignature, Head, verify_cosignature
from lpse.federation.errors import FederationError
from lpse.federation.notes import Verifier
from lpse.runtime.clock import Clock

# Cosignatures wait this long for company, so that a push to the fleet costs few commits.
GATHER_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class _Offer:
    verifier: Verifier
    head: Head
    cosignature: Cosignature


class WitnessBook:
    """See the module's first lines; `step` verifies and stores what waits."""

    def __init__(
        self,
        store: LinkStore,
        clock: Clock,
        log: FilteringBoundLogger,
        *,
        took: Callable[[Sequence[Witness]], None] | None = None,
    ) -> None:
        """`took` is told of every word that is verified and durable."""
        self._store = store
        self._took = took
        self._clock = clock
        self._log = log
        self._offers: dict[str, _Offer] = {}  # one per node: the newest
        self._wake = asyncio.Event()

    def offer(self, verifier: Verifier, head: Head, cosignature: Cosignature) -> None:
        """A node cosigned `head`, which is one of the centre's own."""
        self._offers[verifier.name] = _Offer(verifier, head, cosignature)
        self._wake.set()

    async def step(self) -> int:
        """Verify and store everything that waits; how many were good."""
        offers, self._offers = self._offers, {}
        good: list[Witness] = []
        for node_id, offer in offers.items():
            try:
                verify_cosignature(offer.head, offer.cosignature, offer.verifier)
            except FederationError as error:
                self._log.warning("witness.refused", node=node_id, code=error.code)
                continue
            good.append(Witness(node_id, offer.head, offer.cosignature))
            await asyncio.sleep(0)  # a fleet's worth of signatures must not hold up the link
        if good:
            await self._store.witnessed(good)
            if self._took is not None:
                self._took(good)
        return len(good)

    async def run(self) -> None:
        """Verify whatever comes, until cancelled."""
        while True:
            await self._wake.wait()
            await self._clock.sleep(GATHER_SECONDS)
            self._wake.clear()
            try:
                await self.step()
            except FederationError as error:
                self._log.warning("witness.postponed", code=error.code)
