"""The print of a receipt: its facts, its QR, always the same bytes; its failure harms nothing."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from pypdf import PdfReader

from lpse.federation.commitments import SealedFile
from lpse.federation.receipt_codes import code_of
from lpse.federation.receipts import verify_receipt
from regional_node.receipts import typesetting
from regional_node.receipts.print_data import print_data
from regional_node.receipts.printing import Printer
from regional_node.receipts.views import Paper
from tests.contract.test_receipts import ABC, DETAILS, NODE, WORLD, make
from tests.regional_node.receipts.desk import PUBLIC_URL, open_counter, patient, words

MOMENT = datetime.fromisoformat("2015-03-27T02:59:59Z")


def paper(public_url: str = PUBLIC_URL, receipt: bytes | None = None) -> Paper:
    signed = receipt or make()
    return Paper(signed, verify_receipt(signed, NODE.verifier), NODE.verifier.text, public_url)


def printed(shown: Paper) -> bytes:
    return typesetting.typeset(json.dumps(print_data(shown, words())), MOMENT)


def text_of(pdf: bytes) -> str:
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_the_print_says_what_the_receipt_says() -> None:
    """Title, code, instants with zone, vendor, package, files with digests, commitment, key."""
    shown = paper()
    text = " ".join(text_of(printed(shown)).split())
    for fact in (
        "TANDA TERIMA",
        shown.code,
        "Jumat, 27 Maret 2015 pukul 09.59.59 WIB",
        "Jumat, 27 Maret 2015 pukul 10.00.00 WIB",
        "Diterima sebelum batas akhir",
        DETAILS.vendor,
        DETAILS.package,
        "lampiran é.rhs",
        "lpse-pacitan",
    ):
        assert fact in text
    joined = text.replace(" ", "").replace("\u200b", "")
    for mark in (shown.digest, ABC[1].hex(), shown.node_key, str(shown.text["commitment"])):
        assert mark in joined


def test_the_signed_text_travels_inside() -> None:
    """The attached file is the note, byte for byte: the print can be checked by itself."""
    reader = PdfReader(io.BytesIO(printed(paper())))
    assert reader.attachments["receipt.txt"] == [make()]


def test_it_is_an_archive_file_without_anything_from_elsewhere() -> None:
    """PDF/A-3, fonts inside, no journal index in its metadata."""
    made = printed(paper())
    assert b"pdfaid:part>3<" in made.replace(b" ", b"")
    reader = PdfReader(io.BytesIO(made))
    assert reader.metadata is not None
    assert "index" not in str(reader.metadata).lower()
    fonts = [
        font.get_object()
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]  # a PDF dictionary
    ]
    assert fonts
    for font in fonts:
        inner = font["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert any(key.startswith("/FontFile") for key in inner.get_object())


def test_the_same_receipt_gives_the_same_bytes() -> None:
    """Printed twice, compared by a court: equal."""
    assert printed(paper()) == printed(paper())


@pytest.mark.parametrize("public_url", [PUBLIC_URL, ""])
def test_the_code_of_the_picture_is_the_address_of_the_check(public_url: str) -> None:
    """Scanned from the page: the public check, or code and digest where there is no address."""
    shown = paper(public_url)
    data = json.dumps(print_data(shown, words()))
    picture = Image.open(io.BytesIO(typesetting.typeset(data, MOMENT, form="png")))
    found = [one.text for one in zxingcpp.read_barcodes(picture)]
    assert found == [shown.qr_text]
    if public_url:
        assert found == [f"{PUBLIC_URL}/verify?code={shown.code}"]
    else:
        assert found == [f"LPSE lpse-pacitan\n{shown.code}\nSHA-256 {shown.digest}"]


def test_names_are_never_read_as_markup() -> None:
    """Whatever a vendor calls itself or its files stands there as typed; other scripts too."""
    vendor = '#panic("x") $a$ *b* [c] \\ <l> @r `q` "'
    files = (
        SealedFile('#read("/etc/passwd").rhs', *ABC),
        SealedFile("投标 \u202e.rhs", 0, bytes(32)),
    )
    signed = make(replace(DETAILS, vendor=vendor, files=files, extra={"x": "y" * 2_000}))
    text = text_of(printed(paper(receipt=signed)))
    assert vendor in " ".join(text.split())
    assert '#read("/etc/passwd").rhs' in text
    assert "<U+6295><U+6807> <U+202E>.rhs" in text
    assert "y" * 500 not in "".join(text.split("Berkas")[0].split())


def test_an_exercise_is_marked_on_every_page() -> None:
    """The watermark and the closing words cannot be missed."""
    signed = make(world=replace(WORLD, exercise=True))
    pages = PdfReader(io.BytesIO(printed(paper(receipt=signed)))).pages
    assert all("LATIHAN · EXERCISE" in page.extract_text() for page in pages)
    assert not any(
        "LATIHAN" in page.extract_text() for page in PdfReader(io.BytesIO(printed(paper()))).pages
    )


def test_250_files_are_all_listed() -> None:
    """The largest submission: every name on paper, the head of the table on every page."""
    files = tuple(SealedFile(f"lampiran-{number:03}.rhs", *ABC) for number in range(250))
    pages = PdfReader(io.BytesIO(printed(paper(receipt=make(replace(DETAILS, files=files)))))).pages
    text = " ".join(page.extract_text() for page in pages)
    assert all(f"lampiran-{number:03}.rhs" in text for number in range(250))
    assert "No." in pages[2].extract_text()


async def test_the_process_prints_and_the_print_is_kept() -> None:
    """Through the real process; asked again, the same bytes without another process."""
    printer = patient()
    made = await printer.pdf(paper())
    assert made.startswith(b"%PDF-")
    printer._command = ("/nonexistent",)
    assert await printer.pdf(paper()) == made


@pytest.mark.parametrize(
    "command",
    [
        ("/nonexistent",),
        (sys.executable, "-c", "raise SystemExit(3)"),
        (sys.executable, "-c", "print('no pdf')"),
        (sys.executable, "-c", "import time; time.sleep(60)"),
    ],
    ids=["missing", "failing", "talking", "hanging"],
)
async def test_a_print_that_fails_harms_nothing(tmp_path: Path, command: tuple[str, ...]) -> None:
    """FED-5113 and come back; the signed text, the page and the JSON are there as ever."""
    printer = Printer(words(), command, seconds_max=0.5)
    async with open_counter(tmp_path, printer=printer) as counter:
        grant, token = await counter.grant()
        receipt = await counter.submit(grant)
        answer = await counter.browser.get(f"/g/{token}/receipts/1.pdf")
        assert (answer.status_code, answer.json()["code"]) == (503, "FED-5113")
        assert int(answer.headers["retry-after"]) > 0
        assert (await counter.browser.get(f"/g/{token}/receipts/1.txt")).content == receipt
        page = await counter.browser.get(f"/g/{token}/receipts/1")
        assert code_of(receipt) in page.text


async def test_many_readers_get_their_print_in_turns() -> None:
    """Six at once, two processes: everybody gets the right one."""
    printer = patient()
    receipts = [make(replace(DETAILS, vendor=f"PT {number}")) for number in range(6)]
    made = await asyncio.gather(*(printer.pdf(paper(receipt=one)) for one in receipts))
    for one, pdf in zip(receipts, made, strict=True):
        assert code_of(one) in text_of(pdf)
