"""Names of reconciliation runs: how one of several runs of the same name is named exactly.

After a rewind, a fork or a lost machine a node gives a number a second time. Rules: a name stays
as its record says while it is the only one; where it is not, the beginning of the epoch that holds
the record stands behind it ("recon/lpse-pacitan/7@3f9a01bc"), and the index there only where that
is not enough; a short name that fits several runs is refused and tells all of them. Pure; leaves
out where runs are kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lpse.federation.errors import Conflict, NotFound
from lpse.federation.limits import RUN_NAMES_TOLD_MAX

_SHORT: Final = 8  # hexadecimal digits of an epoch that are shown
_NAME: Final = re.compile(r"([^@]*)(?:@([0-9a-f]{4,32})(?:\.([0-9]{1,15}))?)?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the record of a run stands; `key` is its row."""

    key: int
    epoch: bytes
    index: int


@dataclass(frozen=True, slots=True)
class RunName:
    """A name as somebody wrote it, in its parts."""

    base: str
    epoch: str
    index: int | None

    @property
    def exact(self) -> bool:
        """Whether it says more than the record's own name."""
        return bool(self.epoch)

    def fits(self, epoch: bytes, index: int) -> bool:
        """Whether a run of this name that stands there is meant."""
        return epoch.hex().startswith(self.epoch) and self.index in (None, index)


def parse(text: str) -> RunName:
    """The parts of a name; what is none stands for no run."""
    found = _NAME.fullmatch(text)
    if found is None:
        return RunName(text, "", None)
    index = found[3]
    return RunName(found[1], found[2] or "", None if index is None else int(index))


def shown(base: str, one: Place, places: Sequence[Place]) -> str:
    """How the run at `one` is called among all `places` of its name."""
    if len(places) < 2:
        return base
    short = RunName(base, one.epoch.hex()[:_SHORT], None)
    if sum(short.fits(place.epoch, place.index) for place in places) == 1:
        return f"{base}@{short.epoch}"
    return f"{base}@{one.epoch.hex()}.{one.index}"


def choose(text: str, places: Sequence[Place]) -> int:
    """The key of the run that a name means; NotFound (FED-7001) or Conflict (FED-7046)."""
    asked = parse(text)
    fitting = [place for place in places if asked.fits(place.epoch, place.index)]
    if not fitting:
        raise NotFound("FED-7001", "there is no such reconciliation run")
    if len(fitting) > 1:
        names = [shown(asked.base, one, places) for one in fitting[:RUN_NAMES_TOLD_MAX]]
        raise Conflict("FED-7046", f"{text} stands for {len(fitting)} runs: {', '.join(names)}")
    return fitting[0].key


def meant(text: str, places: Sequence[Place], written_in: bytes) -> int | None:
    """The key of the run that a record means which was written in an epoch; None for no run.

    A record names a run as it was called then: the one of its own epoch, or else the first one.
    """
    asked = parse(text)
    fitting = [place for place in places if asked.fits(place.epoch, place.index)]
    own = [place for place in fitting if place.epoch == written_in]
    return next((place.key for place in (*own, *fitting)), None)
