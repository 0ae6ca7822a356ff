"""When a damaged journal is tried again: soon, then later and later, without an end.

Owns the pauses, kept in memory: after a restart the first attempt comes soon. Leaves out the
attempts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lpse.federation.limits import HEALING_RETRY_SECONDS_FIRST, HEALING_RETRY_SECONDS_MAX


@dataclass(slots=True)
class Backoff:
    """Attempts by journal; `now` is monotonic seconds."""

    _next: dict[str, tuple[float, int]] = field(default_factory=dict)

    def due(self, journal: str, now: float) -> bool:
        """Whether it may be tried now."""
        return now >= self._next.get(journal, (now, 0))[0]

    def failed(self, journal: str, now: float) -> None:
        """Wait twice as long as before."""
        attempts = self._next.get(journal, (now, 0))[1]
        pause = HEALING_RETRY_SECONDS_FIRST * 2.0 ** min(attempts, 30)
        self._next[journal] = (now + min(pause, HEALING_RETRY_SECONDS_MAX), attempts + 1)

    def keep_only(self, journals: set[str]) -> None:
        """Forget those that are sound again."""
        for one in self._next.keys() - journals:
            del self._next[one]
