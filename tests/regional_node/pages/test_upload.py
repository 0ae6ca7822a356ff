"""The upload page in headless Chromium, over a line that is really cut."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.regional_node.intake.node import CODE, DEADLINE
from tests.regional_node.pages.site import Site, Visitor, open_site, visit

SIZE = 900_000
SUBMIT = "#submit"
CHOOSE = "#choose"
SLOW_LINE = {
    "offline": False, "latency": 20, "downloadThroughput": -1, "uploadThroughput": 64_000,
}  # fmt: skip
pytestmark = pytest.mark.asyncio(loop_scope="module")


def bid(folder: Path, name: str = "penawaran.rhs", size: int = SIZE) -> Path:
    """A sealed file on the vendor's computer."""
    path = folder / name
    path.write_bytes(os.urandom(size))
    return path


async def begin(visitor: Visitor, site: Site, *files: Path) -> Page:
    """Open the page and choose files."""
    await visitor.page.goto(site.url)
    await visitor.page.locator(CHOOSE).set_input_files([str(path) for path in files])
    return visitor.page


async def submit(page: Page) -> None:
    """Press the button once it can be pressed, and see the receipt's link."""
    before = await page.locator(".bid").count()
    await expect(page.locator(SUBMIT)).to_be_enabled(timeout=20_000)
    await page.locator(SUBMIT).click()
    await expect(page.locator(".bid")).to_have_count(before + 1)


async def test_a_cut_line_is_told_and_the_upload_goes_on_by_itself(
    site: Site, chromium: Browser, tmp_path: Path
) -> None:
    """Cut in mid-PATCH: the page says so, goes on when the line is back, and ends in a receipt."""
    path = bid(tmp_path)
    site.line.cut_after(500_000)
    async with visit(chromium) as visitor:
        page = await begin(visitor, site, path)
        await expect(page.locator("#line")).to_contain_text("Sambungan ke LPSE terputus")
        await expect(page.locator("#line button")).to_have_text("Coba sekarang")
        await expect(page.locator(SUBMIT)).to_be_disabled()
        kept = (await site.state())["files"][0]["offset_bytes"]
        assert 0 < kept < SIZE
        site.line.mend()
        await submit(page)
        state = await site.state()
        assert state["files"][0]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert [one["number"] for one in state["submissions"]] == [1]
        assert site.line.forwarded < 2 * SIZE, "what had arrived was not sent again"
        await expect(page.locator(".verdict")).to_contain_text("Tepat waktu")
        await expect(page.locator(".links a").first).to_have_attribute(
            "href", f"/g/{site.token}/receipts/1?lang=id"
        )
    assert not visitor.complaints


async def test_two_ticks_are_separate(site: Site, chromium: Browser, tmp_path: Path) -> None:
    """Received by LPSE comes with the receipt; recorded at the centre comes when it is so."""
    async with visit(chromium, locale="en-GB") as visitor:
        page = await begin(visitor, site, bid(tmp_path, size=50_000))
        await submit(page)
        done = page.locator(".ticks .done")
        await expect(done).to_have_count(1)
        await expect(done).to_contain_text("Received by LPSE")
        site.centre.stored = True
        await expect(done).to_have_count(2)
        await expect(done.last).to_contain_text("Recorded at the centre")


async def test_reloaded_in_the_middle_it_resumes_the_same_file(
    site: Site, chromium: Browser, tmp_path: Path
) -> None:
    """After a reload the file is chosen again and goes on from the server's offset."""
    path = bid(tmp_path)
    site.line.cut_after(500_000)
    async with visit(chromium) as visitor:
        page = await begin(visitor, site, path)
        await expect(page.locator("#line.bad")).to_be_visible()
        begun = (await site.state())["files"][0]
        site.line.mend()
        site.line.forwarded = 0
        await page.reload()
        if (await site.state())["files"][0]["state"] == "RECEIVING":
            await expect(page.locator("#list")).to_contain_text("Pilih lagi berkas ini")
        await page.locator(CHOOSE).set_input_files(str(path))
        await submit(page)
        state = await site.state()
        assert [(file["id"], file["state"]) for file in state["files"]] == [
            (begun["id"], "SUBMITTED")
        ]
        assert site.line.forwarded < SIZE
        assert not state["attempts"]


async def test_another_file_of_the_same_name_and_size_is_never_joined(
    site: Site, chromium: Browser, tmp_path: Path
) -> None:
    """Bytes of two different files cannot become one bid: the digests are compared."""
    path = bid(tmp_path)
    stamp = path.stat().st_mtime_ns
    site.line.cut_after(500_000)
    async with visit(chromium) as visitor:
        page = await begin(visitor, site, path)
        await expect(page.locator("#line.bad")).to_be_visible()
        path.write_bytes(os.urandom(SIZE))
        os.utime(path, ns=(stamp, stamp))
        site.line.mend()
        await page.reload()
        await page.locator(CHOOSE).set_input_files(str(path))
        await expect(page.locator("#list")).to_contain_text("Tidak sama dengan berkas")
        await expect(page.locator(SUBMIT)).to_be_disabled()
        await page.get_by_role("button", name="Kirim ulang: penawaran.rhs").click()
        await submit(page)
        accepted = [file for file in (await site.state())["files"] if file["state"] == "SUBMITTED"]
        assert accepted[0]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


async def test_a_lost_answer_to_a_creation_makes_no_second_file(
    site: Site, chromium: Browser, tmp_path: Path
) -> None:
    """The file that the LPSE made before the line broke is taken up, not made twice."""
    lost: list[int] = []

    async with visit(chromium) as visitor:

        async def lose(route: object) -> None:
            answer = await route.fetch()  # type: ignore[attr-defined]  # Playwright's Route
            lost.append(answer.status)
            await route.abort()  # type: ignore[attr-defined]  # Playwright's Route

        await visitor.page.route("**/files", lose, times=1)
        page = await begin(visitor, site, bid(tmp_path))
        await submit(page)
        assert lost == [201]
        assert len((await site.state())["files"]) == 1


async def test_several_files_are_removed_joined_and_replaced(
    site: Site, chromium: Browser, tmp_path: Path
) -> None:
    """Files may go before the submit; a replacement keeps the older bid and its receipt."""
    names = ("a.rhs", "b.rhs", "<img src=x onerror=alert(1)>.rhs")
    async with visit(chromium) as visitor:
        page = await begin(visitor, site, *[bid(tmp_path, name, 40_000) for name in names])
        await expect(page.locator(SUBMIT)).to_be_enabled()
        await expect(page.locator("#send-hint")).to_contain_text("BELUM disampaikan")
        await page.get_by_role("button", name="Hapus: b.rhs").click()
        await page.get_by_role("button", name="Ya, hapus: b.rhs").click()
        await expect(page.locator("#list .row")).to_have_count(2)
        await submit(page)
        await expect(page.locator("#attempts")).to_contain_text("Dihapus oleh pengunggah")
        await expect(page.locator(".bid")).to_contain_text(names[2])
        await expect(page.locator(SUBMIT)).to_have_text("Kirim pengganti")
        await page.locator(CHOOSE).set_input_files(str(bid(tmp_path, "baru.rhs", 30_000)))
        await submit(page)
        bids = page.locator(".bid")
        await expect(bids.first).to_contain_text("menggantikan penawaran 1")
        await expect(bids.last).to_contain_text("diganti penawaran 2, tetap disimpan")
        proof = await page.request.get(site.origin + (await site.state())["attempts"][0]["proof"])
        assert proof.status == 200
    assert not visitor.complaints


async def test_after_the_deadline_begun_is_late_and_new_is_refused_with_a_proof(
    site: Site, chromium: Browser, tmp_path: Path
) -> None:
    """Begun before and finished after is marked late; begun after is refused and proved."""
    site.line.cut_after(500_000)
    async with visit(chromium) as visitor:
        page = await begin(visitor, site, bid(tmp_path))
        await expect(page.locator("#line.bad")).to_be_visible()
        site.node.clock.set(DEADLINE)
        site.node.clock.advance(60)
        site.line.mend()
        await submit(page)
        await expect(page.locator(".verdict")).to_contain_text("Terlambat")
        await expect(page.locator("#left")).to_contain_text("Batas akhir sudah lewat")
        await page.locator(CHOOSE).set_input_files(str(bid(tmp_path, "baru.rhs")))
        await expect(page.locator("#list")).to_contain_text("FED-5011")
        await expect(page.locator("#attempts")).to_contain_text("Dimulai sesudah batas akhir")


async def test_the_estimate_warns_against_the_deadline(
    site: Site, chromium: Browser, tmp_path: Path
) -> None:
    """By the LPSE's clock and the measured rate: in time, tight, too late, in words."""
    site.node.clock.set(DEADLINE)
    site.node.clock.advance(-900)
    async with visit(chromium) as visitor:
        page = visitor.page
        devtools = await page.context.new_cdp_session(page)
        await page.goto(site.url)
        await devtools.send("Network.emulateNetworkConditions", SLOW_LINE)
        await page.locator(CHOOSE).set_input_files(str(bid(tmp_path, size=6_000_000)))
        forecast = page.locator("#forecast")
        await expect(forecast).to_contain_text("Cukup waktu")
        for seconds, words in ((700, "Mepet"), (170, "SESUDAH batas akhir")):
            site.node.clock.advance(seconds)
            await page.evaluate("dispatchEvent(new Event('online'))")
            await expect(forecast).to_contain_text(words)
        site.node.plan.change(held=True)
        site.node.clock.advance(60)
        await page.evaluate("dispatchEvent(new Event('online'))")
        await expect(page.locator("#state-notes")).to_contain_text("ditahan karena gangguan")
        await expect(forecast).to_be_hidden()


async def test_finishing_in_the_bidding_room_leaves_nothing(
    tmp_path: Path, chromium: Browser
) -> None:
    """After *selesai* neither the back button nor the address shows the vendor before."""
    async with (
        open_site(tmp_path / "node", channel="bidding-room", seat=4, exercise=True) as site,
        visit(chromium) as visitor,
    ):
        page = await begin(visitor, site, bid(tmp_path, size=50_000))
        await expect(page.locator("#when")).to_contain_text("Ruang Bidding, bilik 4")
        await expect(page.locator(".exercise")).to_contain_text("LATIHAN")
        assert CODE not in await page.title(), "a browser's history keeps titles"
        await submit(page)
        await page.get_by_label("Tanda terima sudah saya cetak").check()
        await page.get_by_role("button", name="Selesai dan bersihkan layar").click()
        await expect(page.locator("h1")).to_contain_text("siap untuk penyedia berikutnya")
        assert await page.evaluate("sessionStorage.length + localStorage.length") == 0
        await page.go_back()
        await expect(page.locator("h1")).not_to_contain_text("Unggah penawaran")
        assert "penawaran.rhs" not in await page.content()
        assert len((await site.state())["submissions"]) == 1, "the bid stays"


async def test_without_script_the_page_still_informs(site: Site, chromium: Browser) -> None:
    """Deadline, state and what to do are readable, in both languages, when script is off."""
    made = await site.files.create(site.grant, 5_000, "setengah.rhs")
    async with visit(chromium, java_script_enabled=False) as visitor:
        page = visitor.page
        await page.goto(site.url)
        body = page.locator("body")
        await expect(body).to_contain_text("Jum, 27 Mar 2015 10.00 WIB")
        await expect(body).to_contain_text("setengah.rhs")
        await expect(body).to_contain_text("Unggahan memerlukan JavaScript")
        await expect(page.locator("#choose-label")).to_be_hidden()
        await page.get_by_role("link", name="English").click()
        await expect(body).to_contain_text("Fri, 27 Mar 2015 10:00 WIB")
        await expect(body).to_contain_text("Uploading needs JavaScript")
    assert made.offset_bytes == 0


async def test_a_grant_that_is_closed_is_told_while_the_page_is_open(
    site: Site, chromium: Browser, tmp_path: Path
) -> None:
    """An address taken back stops the upload with words, a remedy and its code."""
    site.line.cut_after(500_000)
    async with visit(chromium, locale="en-GB") as visitor:
        page = await begin(visitor, site, bid(tmp_path))
        await expect(page.locator("#line.bad")).to_be_visible()
        await site.finish(site.grant)
        site.line.mend()
        await expect(page.locator("#alert")).to_contain_text("FED-5301")
        await expect(page.locator("#send")).to_be_hidden()
        await page.reload()
        await expect(page.locator("h1")).to_contain_text("not valid")


@pytest.mark.parametrize("width", [320, 768, 1600])
async def test_no_width_scrolls_sideways(
    site: Site, chromium: Browser, tmp_path: Path, width: int
) -> None:
    """From 320 px to wide everything fits, with long names and every part on the page."""
    name = "dukungan_pabrikan_dan_jaminan_penawaran_yang_panjang_sekali_namanya.rhs"
    async with visit(chromium, viewport={"width": width, "height": 700}) as visitor:
        page = await begin(visitor, site, bid(tmp_path, name, 10_000))
        await submit(page)
        await page.locator(CHOOSE).set_input_files(str(bid(tmp_path, name, 11_000)))
        await expect(page.locator(SUBMIT)).to_be_enabled()
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width


async def test_everything_is_reached_by_keyboard(
    site: Site, chromium: Browser, tmp_path: Path
) -> None:
    """Tab leads from the skip link to the file choice and the submit button."""
    async with visit(chromium) as visitor:
        page = await begin(visitor, site, bid(tmp_path, size=10_000))
        await expect(page.locator(SUBMIT)).to_be_enabled()
        await page.locator(".skip").focus()
        reached = set()
        for _ in range(12):
            await page.keyboard.press("Tab")
            reached.add(await page.evaluate("document.activeElement.id"))
        assert {"choose", "submit"} <= reached
