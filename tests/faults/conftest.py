"""One founding per session; every test gets a copy, and its processes are ended."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.foundings import shared_founding
from tests.faults.world import Centre, Founding, Node

Copy = Callable[[int], tuple[Centre, dict[str, Node]]]


@pytest.fixture(scope="session")
def founding(tmp_path_factory: pytest.TempPathFactory) -> Founding:
    """The state from which every fault starts."""
    return shared_founding(tmp_path_factory)


@pytest.fixture
def copy(founding: Founding) -> Iterator[Copy]:
    """Makes the parties of one test; all roads lead to the given port, or to the centre."""
    # A short path: the name of a Unix socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="lpse-"))
    made: list[Centre | Node] = []

    def make(road: int = 0) -> tuple[Centre, dict[str, Node]]:
        centre, nodes = founding.copy(folder, road)
        made.extend([centre, *nodes.values()])
        return centre, nodes

    try:
        yield make
    finally:
        for party in made:
            party.end()
        shutil.rmtree(folder, ignore_errors=True)
