"""Whether a caller is still moving: bytes against the time that the centre waits for them.

Owns the judgement that cuts off a caller that trickles. Rules: only time spent waiting for the
caller counts, never the centre's own disk; what the limit asks for is far below the slowest line
in use, so that an honest one is never cut (FED-2321). Leaves out silence, which is judged message
by message.
"""

from __future__ import annotations

from lpse.federation.errors import Unavailable
from lpse.federation.limits import TRANSFER_SLOW_BYTES_MIN, TRANSFER_SLOW_SECONDS


class Pace:
    """One caller's stream; counts begin again each time enough has come."""

    def __init__(self) -> None:
        self._bytes = 0
        self._seconds = 0.0

    def came(self, size: int, waited_seconds: float) -> None:
        """A message of `size` bytes came after this wait; FED-2321 where that is too little."""
        self._bytes += size
        self._seconds += waited_seconds
        if self._bytes >= TRANSFER_SLOW_BYTES_MIN:
            self._bytes, self._seconds = 0, 0.0
        elif self._seconds > TRANSFER_SLOW_SECONDS:
            raise too_slow()


def too_slow() -> Unavailable:
    """FED-2321."""
    return Unavailable(
        "FED-2321",
        f"less than {TRANSFER_SLOW_BYTES_MIN} bytes in {TRANSFER_SLOW_SECONDS:g} seconds;"
        " what came is kept",
    )
