"""The public check in a real browser over plain HTTP: the bid's file never leaves the machine."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright, expect

from lpse.federation.receipt_codes import code_of
from tests.regional_node.receipts.desk import FILES, Counter

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SHOTS = os.environ.get("LPSE_SCREENSHOTS")  # a folder: keep pictures to look at
pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason="NO CHROMIUM ON THIS MACHINE: the check page was not tried"
)


@asynccontextmanager
async def served(counter: Counter) -> AsyncIterator[str]:
    """The addresses of receipts on a real port, without TLS."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)  # before the server is up, so that no browser is refused
        config = uvicorn.Config(counter.app, log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        opened = await driver.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield opened
        await opened.close()


async def keep(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


async def test_the_browser_compares_the_bid_without_sending_it(
    counter: Counter, browser: Browser, tmp_path: Path
) -> None:
    """Receipt chosen as a file, two files hashed here, verdicts in words; 3 MB are not sent."""
    big = {**FILES, "besar.rhs": os.urandom(3_000_000)}
    grant, _ = await counter.grant()
    (tmp_path / "receipt.txt").write_bytes(await counter.submit(grant, files=big))
    for name, content in big.items():
        (tmp_path / name).write_bytes(content)
    context = await browser.new_context(locale="id-ID")
    page = await context.new_page()
    problems: list[str] = []
    sent: list[int] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("request", lambda asked: sent.append(len(asked.post_data_buffer or b"")))
    async with served(counter) as address:
        await page.goto(f"{address}/verify")
        await page.locator("#file").set_input_files(tmp_path / "receipt.txt")
        await page.locator("#files").set_input_files([tmp_path / name for name in big])
        await expect(page.locator("#progress")).to_have_text("3 berkas siap dibandingkan")
        await page.get_by_role("button", name="Periksa").click()
        await expect(page.locator("#verdict-title")).to_contain_text("Tanda terima ini asli")
        checks = page.locator(".checks")
        await expect(checks).to_contain_text("semua 3 cocok dengan penyampaian")
        await expect(checks).to_contain_text("lkpp telah menandatangani 4 catatan nasional")
        await keep(page, "verify")
        await context.close()
    assert max(sent) < 50_000, "only the receipt and digests leave the browser"
    assert problems == [], "the strict policy of the page is not broken"


async def test_the_code_on_paper_leads_to_the_answer(counter: Counter, browser: Browser) -> None:
    """What the QR opens, on a phone, in the dark: yes in one sentence."""
    grant, _ = await counter.grant()
    code = code_of(await counter.submit(grant))
    context = await browser.new_context(
        locale="id-ID", viewport={"width": 360, "height": 740}, color_scheme="dark"
    )
    page = await context.new_page()
    async with served(counter) as address:
        await page.goto(f"{address}/verify?code={code}")
        await expect(page.locator("#answer")).to_contain_text("LPSE ini menerbitkan tanda terima")
        await keep(page, "code-phone")
        await page.locator("#code").fill(code.lower().replace("-", " "))
        await page.get_by_role("button", name="Cari").click()
        await expect(page.locator("#answer")).to_contain_text(code)
        await context.close()


async def test_the_receipt_page_fits_every_width(counter: Counter, browser: Browser) -> None:
    """320 px to wide, nothing sticks out; what is printed has no buttons."""
    grant, token = await counter.grant()
    await counter.submit(grant)
    page = await browser.new_page(locale="id-ID")
    async with served(counter) as address:
        await page.goto(f"{address}/g/{token}/receipts/1")
        for width in (320, 768, 1_280):
            await page.set_viewport_size({"width": width, "height": 900})
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width
            await keep(page, f"receipt-{width}")
        await page.emulate_media(media="print")
        await expect(page.get_by_role("link", name="PDF")).to_be_hidden()
        await expect(page.locator("h1")).to_be_visible()
        await keep(page, "receipt-print")
        await page.close()
