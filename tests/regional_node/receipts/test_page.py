"""The addresses of one receipt: for its own grant, the same facts in every form, no index."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from lpse.federation.receipt_codes import code_of
from lpse.federation.receipt_proofs import verify_receipt_proof
from tests.regional_node.intake.node import DEADLINE
from tests.regional_node.receipts.desk import CENTRE, PUBLIC_URL, VENDOR, Counter

FORMS = ("", ".txt", ".json", ".pdf")


async def test_the_signed_text_is_handed_out_byte_for_byte(counter: Counter) -> None:
    """`.txt` is the note that was signed, as a file named by its code."""
    grant, token = await counter.grant()
    receipt = await counter.submit(grant)
    answer = await counter.browser.get(f"/g/{token}/receipts/1.txt")
    assert answer.content == receipt
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert code_of(receipt) in answer.headers["content-disposition"]


async def test_a_damaged_record_is_still_handed_out_as_it_is(counter: Counter) -> None:
    """The text leaves whatever became of it on the disk; page, JSON and print say what is wrong."""
    grant, token = await counter.grant()
    receipt = await counter.submit(grant)
    damaged = receipt.replace(b"ON_TIME", b"PENDING")
    await counter.node.database.write(
        lambda tx: tx.run("UPDATE intake_submissions SET receipt = ?", (damaged,))
    )
    assert (await counter.browser.get(f"/g/{token}/receipts/1.txt")).content == damaged
    for form in ("", ".json", ".pdf"):
        answer = await counter.browser.get(f"/g/{token}/receipts/1{form}")
        assert (answer.status_code, "FED-2103" in answer.text) == (400, True)


async def test_the_json_has_every_signed_field_and_the_text(counter: Counter) -> None:
    """Programs read the same facts; keys are English, the text is inside verbatim."""
    grant, token = await counter.grant()
    receipt = await counter.submit(grant)
    document = (await counter.browser.get(f"/g/{token}/receipts/1.json")).json()
    assert document["receipt"].encode() == receipt
    assert document["code"] == code_of(receipt)
    assert document["receipt_sha256"] == sha256(receipt).hexdigest()
    assert document["verify_url"] == f"{PUBLIC_URL}/verify?code={code_of(receipt)}"
    assert document["details"]["vendor"] == VENDOR
    assert (document["verdict"], document["judged"]) == ("ON_TIME", None)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "id",
            ("Tanda Terima", "Diterima sebelum batas akhir", "Jumat, 27 Maret 2015 pukul 10.00"),
        ),
        ("en", ("Receipt", "Received before the deadline", "Friday, 27 March 2015 at 10:00")),
    ],
)
async def test_the_page_speaks_both_languages(
    counter: Counter, language: str, said: tuple[str, ...]
) -> None:
    """Indonesian and English, instants in the package's zone with its name."""
    grant, token = await counter.grant("PT <b>Sumber</b> & Makmur")
    receipt = await counter.submit(grant)
    headers = {"accept-language": language}
    page = (await counter.browser.get(f"/g/{token}/receipts/1", headers=headers)).text
    for text in (*said, "WIB", code_of(receipt), "PT &lt;b&gt;Sumber&lt;/b&gt; &amp; Makmur"):
        assert text in page
    assert "<svg" in page
    assert "<script" not in page
    assert " style=" not in page, "the policy of the pages allows no inline style"


async def test_before_the_opening_no_form_holds_index_or_path(counter: Counter) -> None:
    """Invariant 6: indexes of two receipts would count the bids between them."""
    grant, token = await counter.grant()
    await counter.submit(grant)
    other, _ = await counter.grant("PT Lain")
    await counter.submit(other)
    await counter.cosign()
    for form in FORMS:
        answer = await counter.browser.get(f"/g/{token}/receipts/1{form}")
        assert answer.status_code == 200
        told = answer.content.decode("latin-1") + json.dumps(dict(answer.headers))
        for word in ("journal_index", "tlog-proof", "inclusion", "PT Lain", other.name):
            assert word not in told
    refused = await counter.browser.get(f"/g/{token}/receipts/1.proof")
    assert (refused.status_code, refused.json()["code"]) == (409, "FED-5109")
    people = {"accept": "text/html,*/*"}
    page = await counter.browser.get(f"/g/{token}/receipts/1.proof", headers=people)
    assert page.headers["content-type"].startswith("text/html")
    assert "FED-5109" in page.text
    assert "receipts/1.proof" not in (await counter.browser.get(f"/g/{token}/receipts/1")).text


async def test_two_receipts_differ_in_nothing_that_counts(counter: Counter) -> None:
    """An attacker with two grants learns from his receipts nothing of bids in between."""
    first, first_token = await counter.grant("PT Penyerang")
    await counter.submit(first)
    for number in range(3):
        between, _ = await counter.grant(f"PT Antara {number}")
        await counter.submit(between)
    second, second_token = await counter.grant("PT Penyerang")
    await counter.submit(second)
    seen = []
    for token in (first_token, second_token):
        document = (await counter.browser.get(f"/g/{token}/receipts/1.json")).json()
        for own in ("code", "receipt_sha256", "verify_url", "commitment", "salt", "details"):
            document.pop(own)
        document.pop("receipt")
        seen.append(document)
    assert seen[0] == seen[1], "same clock, same facts: nothing moved because of the others"


async def test_after_opening_and_cosigning_the_proof_is_one_address_away(
    counter: Counter,
) -> None:
    """`.proof` gives a file that verifies with two keys; until the centre signed: try again."""
    grant, token = await counter.grant()
    receipt = await counter.submit(grant)
    await counter.open()
    early = await counter.browser.get(f"/g/{token}/receipts/1.proof")
    assert (early.status_code, early.json()["code"]) == (503, "FED-5110")
    assert int(early.headers["retry-after"]) > 0
    await counter.cosign()
    answer = await counter.browser.get(f"/g/{token}/receipts/1.proof")
    assert answer.headers["content-disposition"].endswith('.tlog-proof"')
    shown = verify_receipt_proof(answer.content, counter.node.signer.verifier, CENTRE.verifier)
    assert shown.receipt_bytes == receipt
    assert "receipts/1.proof" in (await counter.browser.get(f"/g/{token}/receipts/1")).text


async def test_a_replaced_bid_keeps_its_receipt_and_says_so(counter: Counter) -> None:
    """The older page names the newer bid; the older signed text is what it was."""
    grant, token = await counter.grant()
    receipt = await counter.submit(grant)
    await counter.submit(grant, 2, {"penawaran.rhs": b"new"})
    page = await counter.browser.get(f"/g/{token}/receipts/1", headers={"accept-language": "en"})
    assert "Bid 2 replaces this one" in page.text
    assert (await counter.browser.get(f"/g/{token}/receipts/1.txt")).content == receipt
    newer = await counter.browser.get(f"/g/{token}/receipts/2", headers={"accept-language": "en"})
    assert "replaces this one" not in newer.text


async def test_a_later_verdict_is_shown_beside_the_receipt(counter: Counter) -> None:
    """Held at the deadline: PENDING stays in the signed text, the judgement stands beside it."""
    counter.node.plan.change(held=True)
    counter.node.clock.set(DEADLINE)
    grant, token = await counter.grant()
    receipt = await counter.submit(grant)
    counter.node.plan.change(held=False, deadline=DEADLINE.replace(hour=9), revision=2)
    counter.node.clock.set(DEADLINE.replace(hour=10))
    await counter.node.judging.step(counter.node.clock.moment())
    document = (await counter.browser.get(f"/g/{token}/receipts/1.json")).json()
    assert document["verdict"] == "PENDING"
    assert document["receipt"].encode() == receipt
    assert document["judged"]["verdict"] == "ON_TIME"
    page = await counter.browser.get(f"/g/{token}/receipts/1", headers={"accept-language": "en"})
    assert "Judged by revision 2" in page.text


@pytest.mark.parametrize(
    "name", ["2", "0", "01", "1.exe", "1.txt.pdf", "-1", "9999999", "..", "%00"]
)
async def test_other_numbers_and_names_are_not_found(counter: Counter, name: str) -> None:
    """Nothing but the grant's own numbers, in their one spelling."""
    grant, token = await counter.grant()
    await counter.submit(grant)
    answer = await counter.browser.get(f"/g/{token}/receipts/{name}")
    assert answer.status_code == 404


async def test_a_strange_token_finds_nothing(counter: Counter) -> None:
    """Another grant's token, a grant's name and nonsense look alike: one page, one code."""
    grant, token = await counter.grant()
    await counter.submit(grant)
    _, empty = await counter.grant("PT Lain")
    foreign = await counter.browser.get(f"/g/{empty}/receipts/1")
    assert foreign.status_code == 404
    for wrong in (grant.name, token[:-1] + ("a" if token[-1] != "a" else "b"), "x"):
        answer = await counter.browser.get(f"/g/{wrong}/receipts/1.json")
        assert (answer.status_code, answer.json()["code"]) == (404, "FED-5301")


async def test_nobody_keeps_or_frames_a_receipt(counter: Counter) -> None:
    """No store, no referrer (the address is the key), a strict policy: on every form."""
    grant, token = await counter.grant()
    await counter.submit(grant)
    for form in FORMS:
        headers = (await counter.browser.get(f"/g/{token}/receipts/1{form}")).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
