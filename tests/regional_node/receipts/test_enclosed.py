"""What people hold of a receipt: its print, its JSON form, a text that was mailed."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

from lpse.federation.receipts import RECEIPT_HEADER
from regional_node.receipts.enclosed import copied, enclosed
from tests.regional_node.intake.processes import command
from tests.regional_node.receipts.desk import FILES, Counter

SIGNED = f'{RECEIPT_HEADER}\n{{"x": 1}}\n\n— n abc=\n'.encode()


async def test_a_print_and_a_bid_are_enough_for_a_court(counter: Counter, tmp_path: Path) -> None:
    """Verify takes the PDF, the JSON or a mailed text for the receipt, and the published keys."""
    grant, token = await counter.grant()
    signed = await counter.submit(grant)
    key, base = tmp_path / "keys.json", f"/g/{token}/receipts/1"
    browser = counter.browser
    key.write_bytes((await browser.get("/keys")).content)
    for form in ("pdf", "json"):
        (tmp_path / f"r.{form}").write_bytes((await browser.get(f"{base}.{form}")).content)
    given = {"file": ("r.pdf", (tmp_path / "r.pdf").read_bytes(), "application/pdf")}
    assert "The receipt is genuine" in (await browser.post("/verify?lang=en", files=given)).text
    (tmp_path / "r.txt").write_bytes(b"\xef\xbb\xbf" + signed.replace(b"\n", b"\r\n"))
    bid, other = tmp_path / "bid.rhs", tmp_path / "other.rhs"
    bid.write_bytes(FILES["penawaran.rhs"])
    other.write_bytes(b"another")
    for name in ("r.pdf", "r.json", "r.txt"):
        asked = ("receipt", "verify", str(bid), str(tmp_path / name), "--public-key", str(key))
        ended = await command(tmp_path, *asked, "-o", "json")
        assert (ended.code, json.loads(ended.out)["files_checked"]) == (0, 1), (name, ended.err)
        assert "The receipt is genuine" in ended.err
        foreign = await command(tmp_path, *asked, str(other))
        assert (foreign.code, "FED-5104: other.rhs is not one" in foreign.err) == (1, True)


def test_only_signed_texts_come_out() -> None:
    """A print without one, broken streams, other JSON, bids: nothing is taken for a receipt."""
    stream = b"1 0 obj\nstream\r\n" + zlib.compress(SIGNED) + b"\nendstream"
    assert enclosed(b"%PDF-1.7\nstream\nbroken\nendstream\n" + stream) == SIGNED
    assert enclosed(b"%PDF-1.7\nstream\n" + SIGNED + b"\nendstream") == SIGNED
    assert enclosed(b"%PDF-1.7\nstream\n" + zlib.compress(b"a page") + b"\nendstream") is None
    assert enclosed(json.dumps({"receipt": SIGNED.decode()}).encode()) == SIGNED
    others = (b"", b"{", b"[]", b'{"receipt": 3}', b'{"receipt": "x"}', b"PK\x03", b"{" * 9000)
    for other in others:
        assert enclosed(other) is None


def test_keys_copied_from_a_print_are_the_keys() -> None:
    """Marks that a print puts into long words fall away."""
    assert copied(" a\u200bb\u200bc\n") == "abc"
