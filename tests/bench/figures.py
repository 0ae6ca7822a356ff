"""What a benchmark returns, and how rounds of several candidates are interleaved.

Owns medians, ratios and their text. Rule: every candidate runs once per round, in an order that
rotates, so that a slow minute of the machine hits all of them alike.
"""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

ROUNDS_MIN = 5

Candidate = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity: the median over the rounds, and all rounds."""

    name: str
    unit: str
    median: float
    rounds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours against a yardstick: the median of the ratios of the rounds.

    `goal` None: printed for understanding; `at_most` says on which side of the goal is good.
    """

    name: str
    value: float
    rounds: tuple[float, ...]
    goal: float | None = None
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached; None without a goal."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal


@dataclass(slots=True)
class Report:
    """All of one benchmark."""

    name: str
    about: str
    figures: list[Figure] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """For `-o json`."""
        ratios = [{**asdict(ratio), "met": ratio.met} for ratio in self.ratios]
        figures = [asdict(figure) for figure in self.figures]
        return {"name": self.name, "about": self.about, "figures": figures, "ratios": ratios}

    def add(self, name: str, unit: str, rounds: Sequence[float]) -> None:
        """One quantity, measured once per round."""
        self.figures.append(Figure(name, unit, statistics.median(rounds), tuple(rounds)))

    def compare(
        self,
        name: str,
        ours: Sequence[float],
        theirs: Sequence[float],
        *,
        goal: float | None = None,
        at_most: bool = False,
    ) -> None:
        """Round by round, then the median: what moved both in one round cancels out."""
        rounds = tuple(our / their for our, their in zip(ours, theirs, strict=True))
        self.ratios.append(Ratio(name, statistics.median(rounds), rounds, goal, at_most))

    def text(self) -> str:
        """For people."""
        lines = [f"{self.name} – {self.about}"]
        names = [figure.name for figure in self.figures] + [ratio.name for ratio in self.ratios]
        width = max(map(len, names))
        for figure in self.figures:
            low, high = min(figure.rounds), max(figure.rounds)
            lines.append(
                f"  {figure.name:<{width}}  {_short(figure.median):>9} {figure.unit}"
                f"  ({_short(low)} – {_short(high)})"
            )
        for ratio in self.ratios:
            low, high = min(ratio.rounds), max(ratio.rounds)
            lines.append(
                f"  {ratio.name:<{width}}  {ratio.value:>9.2f}  ({low:.2f} – {high:.2f})"
                f"{_verdict(ratio)}"
            )
        return "\n".join(lines)


async def interleave(candidates: Mapping[str, Candidate], rounds: int) -> dict[str, list[float]]:
    """One warm-up each, then `rounds` rounds; what each candidate answered, per round."""
    names = list(candidates)
    for name in names:
        await candidates[name]()
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            found[name].append(await candidates[name]())
    return found


def _verdict(ratio: Ratio) -> str:
    if ratio.goal is None:
        return ""
    sign = "≤" if ratio.at_most else "≥"
    return f"  goal {sign} {ratio.goal:g}: {'met' if ratio.met else 'MISSED'}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
