"""A founded, running centre for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.central.enrolment.centre import Centre, running


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    async with running(tmp_path / "centre") as found:
        yield found
