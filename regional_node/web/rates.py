"""How often one network address may ask: tokens that refill with time.

Owns the buckets per address. Rules: valid grants are never harmed by others' guesses (a guess costs
only the guesser's answer, 429 for 404); memory is bounded, the address heard longest ago makes way.
An address stays in memory and reaches no log. Leaves out connections (`connections`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from lpse.federation.errors import Unavailable
from lpse.federation.limits import (
    WEB_ADDRESSES_MAX,
    WEB_GUESSES_PER_SECOND,
    WEB_GUESSES_SAVED_MAX,
    WEB_REQUESTS_SAVED_SECONDS,
)
from lpse.runtime.clock import Clock
from regional_node.web.rules import Bucket, Network, is_within, site_of


class Rates:
    """See the module's first lines."""

    def __init__(
        self, clock: Clock, *, requests_per_second: float, proxies: Sequence[Network]
    ) -> None:
        self._clock = clock
        self._per_second = requests_per_second
        self._saved = max(1.0, requests_per_second * WEB_REQUESTS_SAVED_SECONDS)
        self._proxies = proxies
        self._requests: OrderedDict[str, Bucket] = OrderedDict()
        self._guesses: OrderedDict[str, Bucket] = OrderedDict()

    def request(self, address: str) -> None:
        """Count a request; Unavailable FED-5321 beyond the rate."""
        if is_within(address, self._proxies):
            return  # a proxy that names nobody: its callers share the limit of connections only
        bucket, now = self._bucket(self._requests, address, self._saved)
        _pass(bucket.take(now, per_second=self._per_second, saved_max=self._saved))

    def guess(self, address: str) -> None:
        """Count an address of no grant; Unavailable FED-5321 beyond the rate."""
        bucket, now = self._bucket(self._guesses, address, WEB_GUESSES_SAVED_MAX)
        _pass(bucket.take(now, per_second=WEB_GUESSES_PER_SECOND, saved_max=WEB_GUESSES_SAVED_MAX))

    def _bucket(
        self, buckets: OrderedDict[str, Bucket], address: str, full: float
    ) -> tuple[Bucket, float]:
        now, address = self._clock.monotonic(), site_of(address)
        bucket = buckets.get(address)
        if bucket is None:
            bucket = buckets[address] = Bucket(full, now)
            if len(buckets) > WEB_ADDRESSES_MAX:
                buckets.popitem(last=False)
        else:
            buckets.move_to_end(address)
        return bucket, now


def _pass(wait_seconds: float) -> None:
    if not wait_seconds:
        return
    error = Unavailable(
        "FED-5321", "too many requests from this address", remedy="wait a moment, then go on"
    )
    error.retry_after_seconds = wait_seconds
    raise error
