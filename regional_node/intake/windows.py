"""What intake must know of a package's schedule: when bids may come, and when they may be read.

Owns the two values that the schedule hands over. Intervals are half-open: the deadline's own moment
is late. Leaves out how deadlines move (regional_node/schedule).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Window:
    """The effective upload window [start, deadline) of a package, as of one moment.

    `held` means that the deadline fell due and does not end for now: uploads stay PENDING.
    """

    package: str
    stage: str
    zone: str
    start: datetime
    deadline: datetime
    revision: int
    held: bool = False
    hold_reason: str = ""
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """The effective deadline that guards a package's bids, as of one moment."""

    package: str
    zone: str
    deadline: datetime
    revision: int
    held: bool = False
    hold_reason: str = ""
    cancelled: bool = False
