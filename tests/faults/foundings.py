"""The one founding that all tests of a run start from, whichever folder they are in.

Rule: parallel workers of one run share it; whoever comes first makes it, the others wait. It is an
exercise's, because deadlines must pass within seconds; what else a test changes are settings of its
own copy. Leaves out what a founding is (`world`).
"""

from __future__ import annotations

import fcntl
import os
from typing import Final

import pytest

from tests.faults.world import Founding

EXERCISE: Final = {"ENVIRONMENT": "exercise"}


def shared_founding(factory: pytest.TempPathFactory, **more: str) -> Founding:
    """Made once; its copies get `more` settings."""
    place = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    with (place / "founding.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = Founding(place / "founding", EXERCISE)
    return Founding(made.folder, {**EXERCISE, **more})
