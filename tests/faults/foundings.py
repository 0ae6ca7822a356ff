"""The foundings that all tests of a run start from, whichever folder they are in.

Owns one of each environment. Rule: parallel workers of one run share them; whoever comes first
makes one, the others wait; what a test changes are settings of its own copy. Leaves out what a
founding is (`world`).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from typing import Final

import pytest

from tests.faults.world import Founding

EXERCISE: Final = {"ENVIRONMENT": "exercise"}


def shared_founding(
    factory: pytest.TempPathFactory, more: Mapping[str, str] | None = None
) -> Founding:
    """Made once for each environment; its copies get all of `more`."""
    place, more = factory.getbasetemp(), dict(more or {})
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    shared = {key: text for key, text in more.items() if key in EXERCISE}
    name = "-".join(["founding", *shared.values()])
    with (place / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = Founding(place / name, shared)
    return Founding(made.folder, more)
