"""Fixtures of the tests in a real browser; they skip loudly where there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.regional_node.pages.site import CHROMIUM, Site, browser, open_site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all tests of a module; each visit has a profile of its own."""
    if not CHROMIUM.exists():
        pytest.skip(f"NOT TESTED: the upload page in a browser, {CHROMIUM} is not installed")
    async with browser() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A node's port behind a severable line, with one grant."""
    async with open_site(tmp_path / "node") as opened:
        yield opened
