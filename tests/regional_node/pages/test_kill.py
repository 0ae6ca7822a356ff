"""The upload page when the node itself dies: kill -9 in the middle of an upload."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.regional_node.pages.site import visit
from tests.regional_node.web.process import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_killed_node_is_told_and_the_upload_goes_on_after_its_restart(
    chromium: Browser, tmp_path: Path
) -> None:
    """Invariant 1 in the browser: what was confirmed survives kill -9, the rest is sent again."""
    bid = tmp_path / "penawaran.rhs"
    bid.write_bytes(os.urandom(900_000))
    folder = tmp_path / "node"
    folder.mkdir()
    slow = {"offline": False, "latency": 20, "downloadThroughput": -1, "uploadThroughput": 300_000}
    async with visit(chromium) as visitor:
        page = visitor.page
        devtools = await page.context.new_cdp_session(page)
        async with serving(folder) as (process, port, path):
            await page.goto(f"http://127.0.0.1:{port}{path}")
            await devtools.send("Network.emulateNetworkConditions", slow)
            await page.locator("#choose").set_input_files(str(bid))
            await expect(page.locator("#m-bytes")).not_to_have_text("0 B dari 900 kB")
            process.kill()
            await process.wait()
        await expect(page.locator("#line")).to_contain_text("Sambungan ke LPSE terputus")
        async with serving(folder, port, path):
            await expect(page.locator("#list")).to_contain_text("sidik digital sama")
            await page.locator("#submit").click()
            await expect(page.locator(".bid")).to_have_count(1)
            await expect(page.locator("#success")).to_contain_text("Penawaran 1 diterima LPSE")
    assert not visitor.complaints
