"""What goes wrong in a run, as a list: typed, dated events, which a file can hold and a seed draw.

Owns `Event`, `Scenario` (seed, size of the country, events) and their JSON. Rules: a scenario is
everything that a run follows from, so that a file of it repeats the run; an event that cannot
happen when its moment comes (its machine does not run) is passed over, so that any part of a plan
is a plan too, which shrinking relies on. Leaves out what is drawn (`drawing`) and how it is done
(`faults`, `meddling`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from tests.simulation.settings import Options

SCENARIOS: Final = Path(__file__).parent / "scenarios"
CENTRE: Final = "lkpp"
EVERYWHERE: Final = "*"


@dataclass(frozen=True)
class Event:
    """One thing that goes wrong, or that a person does at a bad moment.

    `at` is in virtual seconds after everybody was built; `where` is a machine's name, a province's
    code or `*`; `with_` holds the numbers that the kind needs (see `faults`, `meddling`).
    """

    at: float
    kind: str
    where: str = ""
    with_: dict[str, Any] = field(default_factory=dict)

    def number(self, name: str, otherwise: float = 0.0) -> float:
        """One of its numbers."""
        return float(self.with_.get(name, otherwise))


@dataclass(frozen=True)
class Scenario:
    """A whole run: `expect` names the checker that must speak while `planted` is in, if any."""

    seed: int
    nodes: int = 3
    days: float = 1.0
    grain: float = 300.0
    submissions: float = 12.0  # per node and day
    packages: int = 3
    events: tuple[Event, ...] = ()
    planted: str = ""
    expect: str = ""
    story: str = ""

    @property
    def options(self) -> Options:
        """The country of this run."""
        return Options(
            nodes=self.nodes,
            days=self.days,
            grain=self.grain,
            vendors_per_day=self.submissions,
            packages=self.packages,
        )

    def with_events(self, events: Iterable[Event]) -> Self:
        """The same run with other events."""
        return replace(self, events=tuple(sorted(events, key=lambda one: one.at)))

    def to_json(self) -> str:
        """As it is kept in a file."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """From a file; a field that is not known is an error."""
        document = json.loads(text)
        events = tuple(Event(**one) for one in document.pop("events"))
        return cls(events=events, **document)

    def save(self, name: str, folder: Path = SCENARIOS) -> Path:
        """Keep it for the suite, which replays every file of that folder."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.json"
        path.write_text(self.to_json(), "utf-8")
        return path
