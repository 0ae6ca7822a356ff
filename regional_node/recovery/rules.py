"""Finding the common prefix of two copies of one journal, without a clock, a disk or a wire.

Rule: roots agree up to some size and never above it (a tree's root covers everything before), so
asking for a row of sizes narrows the range by that factor. Leaves out who answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpse.federation.limits import ROOTS_ASKED_MAX


@dataclass(frozen=True, slots=True)
class Search:
    """The common prefix lies in [low, high]."""

    low: int
    high: int

    @property
    def found(self) -> bool:
        """Whether only one size is left."""
        return self.low == self.high

    def sizes(self) -> list[int]:
        """What to ask next: the whole range's end first of all, then evenly spread sizes."""
        span = self.high - self.low
        count = min(span, ROOTS_ASKED_MAX)
        return sorted({self.low + span * step // count for step in range(1, count + 1)})

    def after(self, sizes: Sequence[int], agreeing: Sequence[bool]) -> Search:
        """The range that the answers leave."""
        low, high = self.low, self.high
        for size, agrees in zip(sizes, agreeing, strict=True):
            if not agrees:
                return Search(low, size - 1)
            low = size
        return Search(low, high)
