"""What a node does about a centre that shows less than, or something else than, it once signed.

Owns the parts in which entries go back, and the search for the last common entry. Pure: leaves out
where entries are kept and how they travel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lpse.federation.limits import BATCH_BYTES_MAX, BATCH_ENTRIES_MAX


@dataclass(frozen=True, slots=True)
class Span:
    """Sizes between which the last common one lies: `same` agrees, `other` does not."""

    same: int
    other: int

    @property
    def closed(self) -> bool:
        """Whether `same` is the last common size."""
        return self.other - self.same <= 1

    def asked(self, count: int) -> list[int]:
        """At most `count` sizes inside, evenly spread, whose roots narrow the span most."""
        inside = self.other - self.same - 1
        steps = min(count, inside)
        return sorted({self.same + inside * one // steps + 1 for one in range(steps)})

    def narrowed(self, answers: Sequence[tuple[int, bool]]) -> Span:
        """After roots were compared; sizes in order, with whether they agree."""
        same = max([self.same, *(size for size, agrees in answers if agrees)])
        other = min([self.other, *(size for size, agrees in answers if not agrees)])
        return Span(same, other)


def cut(entries: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """The entries in pieces that a part may carry."""
    begin, size = 0, 0
    for index, one in enumerate(entries):
        if index > begin and (
            index - begin == BATCH_ENTRIES_MAX or size + len(one) > BATCH_BYTES_MAX
        ):
            yield entries[begin:index]
            begin, size = index, 0
        size += len(one)
    if begin < len(entries):
        yield entries[begin:]
