"""Keeps the certificate of this node alive.

Owns the moment of renewal (`rules`) and what follows a failed one: the road and refusals are tried
again, never given up, because an expired certificate can still be renewed. A revoked node asks
rarely. Rule: the present certificate stays in place until the new one is durable. Leaves out the
link, which reads the folder at each connection.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    CERTIFICATE_BACKDATE_SECONDS,
    RENEWAL_REFUSED_SECONDS,
    RENEWAL_WAIT_SECONDS_MAX,
)
from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.tls import TLS_CERTIFICATE, load_certificate
from lpse.runtime.tls.enrolling import renew
from regional_node.identity import rules


class RenewalWorker:
    """`endpoint` (host:port) is the enrolment listener; `hint` wakes a link that was shut out."""

    def __init__(
        self,
        folder: Path,
        endpoint: str,
        clock: Clock,
        entropy: Entropy,
        log: FilteringBoundLogger,
        *,
        hint: asyncio.Event | None = None,
    ) -> None:
        self._folder = folder
        self._endpoint = endpoint
        self._clock = clock
        self._entropy = entropy
        self._log = log
        self._hint = hint
        self._jitter = entropy.uniform(0.0, 1.0)
        self._failures = 0

    async def step(self, now: datetime) -> float:
        """Renew if it is due at wall time `now`; seconds until the next look."""
        certificate = load_certificate(self._folder / TLS_CERTIFICATE)
        backdate = timedelta(seconds=CERTIFICATE_BACKDATE_SECONDS)
        begin, end = certificate.not_valid_before_utc + backdate, certificate.not_valid_after_utc
        wait = (rules.due_time(begin, end, self._jitter) - now).total_seconds()
        if wait > 0:
            return min(wait, RENEWAL_WAIT_SECONDS_MAX)  # the machine's clock may be set meanwhile
        try:
            renewed = await renew(self._endpoint, self._folder, self._clock, self._entropy)
        except (FederationError, OSError) as error:  # OSError: a full disk, for example
            return self._failed(error)
        self._failures = 0
        if self._hint is not None:
            self._hint.set()
        self._jitter = self._entropy.uniform(0.0, 1.0)
        self._log.info("certificate.renewed", expire_time=renewed.not_valid_after_utc.isoformat())
        return 0.0

    async def run(self) -> None:
        """Step for ever; ended by cancelling."""
        while True:
            wait = await self.step(self._clock.wall())
            await self._clock.sleep(wait)
            await asyncio.sleep(0)

    def _failed(self, error: FederationError | OSError) -> float:
        self._failures += 1
        wait = rules.wait_after_failure(self._failures, self._entropy.uniform(0.0, 1.0))
        if isinstance(error, FederationError) and not error.may_retry:
            wait = RENEWAL_REFUSED_SECONDS
        self._log.warning(
            "certificate.renewal_failed",
            code=error.code if isinstance(error, FederationError) else "",
            error=type(error).__name__,
            attempt=self._failures,
            wait_seconds=round(wait, 3),
        )
        return wait
