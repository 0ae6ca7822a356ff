"""What intake must know of a package's schedule: when bids may come, and when they may be read.

Owns the two values that the schedule hands over. Intervals are half-open: the deadline's own moment
is late. Leaves out how deadlines move (regional_node/schedule).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from lpse.federation.receipts import Moment


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


def moment_text(moment: Moment) -> str:
    """A moment for one TEXT column, with its clock's error and what that rests on."""
    measured = moment.measure_time
    return json.dumps(
        {
            "time": moment.time.isoformat(),
            "boot_id": moment.boot_id,
            "monotonic_seconds": moment.monotonic_seconds,
            "error_seconds": moment.error_seconds,
            "offset_seconds": moment.offset_seconds,
            "basis": moment.basis,
            "measure_time": measured and measured.isoformat(),
        }
    )


def read_moment(text: str) -> Moment:
    """What `moment_text` wrote."""
    fields = json.loads(text)
    measured = fields["measure_time"]
    return Moment(
        time=datetime.fromisoformat(fields.pop("time")),
        measure_time=datetime.fromisoformat(measured) if measured else None,
        **{key: value for key, value in fields.items() if key != "measure_time"},
    )
