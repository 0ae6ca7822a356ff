"""The public check: verdicts in words for anybody, codes that tell yes or no and nothing else."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from lpse.federation.errors import Refused, Unavailable
from lpse.federation.limits import VERIFY_FORM_BYTES_MAX
from lpse.federation.notes import Signer, parse_note
from lpse.federation.receipt_codes import code_of
from regional_node.receipts.checking import Given, examine
from regional_node.receipts.forms import Forms, read_digests
from regional_node.receipts.proofs import Keys
from tests.contract.test_receipts import DETAILS, NODE, make, make_attempt
from tests.contract.test_tlog_proofs import proof
from tests.regional_node.intake.node import DEADLINE
from tests.regional_node.intake.uploads import begin, requests, upload
from tests.regional_node.receipts.desk import CENTRE, FILES, VENDOR, Counter, open_counter

ENGLISH = {"accept-language": "en"}
KEYS = Keys(NODE.verifier, CENTRE.verifier)
DIGESTS = [
    {"name": name, "bytes": len(data), "sha256": sha256(data).hexdigest()}
    for name, data in FILES.items()
]


async def post(counter: Counter, **fields: str) -> httpx.Response:
    return await counter.browser.post("/verify", data=fields, headers=ENGLISH)


async def test_a_genuine_receipt_is_explained_in_words(counter: Counter) -> None:
    """Signature and key, commitment, files, not before, in the records: each on its line."""
    grant, _ = await counter.grant()
    receipt = await counter.submit(grant)
    answer = await counter.browser.post(
        "/verify",
        files={"file": ("receipt.txt", receipt)},
        data={"digests": json.dumps(DIGESTS)},
        headers=ENGLISH,
    )
    page = answer.text
    key = counter.node.signer.verifier.key_id.hex()
    for words in (
        "The receipt is genuine",
        f"Signed by lpse-pacitan with its published key {key}",
        "The details are those that were committed to",
        "Files: all 2 are those of the submission",
        "Not before: lkpp had signed 4 national entries",
        "Not after: not shown by a receipt alone",
        "This LPSE has it in its records, byte for byte",
        "Received before the deadline",
        VENDOR,
        code_of(receipt),
    ):
        assert words in page


async def test_a_proof_is_explained_too_with_the_centre_away(counter: Counter) -> None:
    """Not after: when the centre signed. Nothing of this asks the centre."""
    grant, _ = await counter.grant()
    receipt = await counter.submit(grant)
    await counter.open()
    await counter.cosign()
    upgraded = await counter.proofs.proof(grant.intake_key(1))
    page = (await post(counter, receipt=upgraded.decode())).text
    assert "The proof is genuine" in page
    assert "Not after: lkpp signed at Friday, 27 March 2015 at 10:00:00 WIB" in page
    made = await post(counter, receipt=receipt.decode(), want="proof")
    assert made.content == upgraded, "whoever holds the receipt gets its proof"


async def test_a_proof_of_an_attempt_is_explained(counter: Counter) -> None:
    """Begun after the deadline: genuine, with the reason in words, and never as an acceptance."""
    grant, _ = await counter.grant()
    counter.node.clock.set(DEADLINE + timedelta(minutes=1))
    attempted = await upload(
        counter.stub,
        requests(FILES, begin(FILES, key=grant.intake_key(1), details={"vendor": VENDOR})),
    )
    page = (await post(counter, receipt=attempted.proof.decode())).text
    assert "The proof of an attempt is genuine; nothing was accepted by it" in page
    assert "Begun after the deadline" in page
    assert "Friday, 27 March 2015 at 10:01:00 WIB" in page
    assert "Received before the deadline" not in page


async def test_before_the_opening_the_check_gives_no_proof(counter: Counter) -> None:
    """Holding a receipt is not enough: FED-5109 until the package is opened."""
    grant, _ = await counter.grant()
    receipt = await counter.submit(grant)
    await counter.cosign()
    answer = await post(counter, receipt=receipt.decode(), want="proof")
    assert (answer.status_code, "FED-5109" in answer.text) == (409, True)
    shown = await post(counter, receipt=receipt.decode())
    assert "Proof from the journal" not in shown.text


@pytest.mark.parametrize(
    "change",
    [lambda text: text.replace("ON_TIME", "PENDING"), lambda text: text.replace(VENDOR, "PT X")],
    ids=["verdict", "vendor"],
)
async def test_a_changed_receipt_is_found_out(counter: Counter, change: object) -> None:
    """The page says that the signature does not fit, and shows none of the changed facts."""
    assert callable(change)
    grant, _ = await counter.grant()
    receipt = await counter.submit(grant)
    page = (await post(counter, receipt=change(receipt.decode()))).text
    assert "The check failed" in page
    assert "The signature does not fit" in page
    assert "is genuine" not in page
    assert "Package code" not in page


async def test_a_pasted_text_survives_what_browsers_do(counter: Counter) -> None:
    """Other line ends, blanks around it, no last line end: the same receipt."""
    grant, _ = await counter.grant()
    receipt = (await counter.submit(grant)).decode()
    for pasted in (receipt.replace("\n", "\r\n"), f"\n {receipt}\n\n".replace(" l", "l", 1)):
        assert "The receipt is genuine" in (await post(counter, receipt=pasted)).text


async def test_a_code_is_looked_up_however_it_was_typed(counter: Counter) -> None:
    """Yes, and nothing of vendor, package or time; small letters and gaps do not matter."""
    grant, _ = await counter.grant()
    code = code_of(await counter.submit(grant))
    for typed in (code, code.lower().replace("-", " "), code.replace("0", "O").replace("1", "l")):
        page = await counter.browser.get("/verify", params={"code": typed}, headers=ENGLISH)
        assert f"This LPSE issued a receipt with the code {code}" in page.text
        for secret in (VENDOR, "7781013", grant.name, "2015"):
            assert secret not in page.text


async def test_an_unknown_code_and_a_slip_are_told_apart(counter: Counter) -> None:
    """Right form and unknown: no. Wrong character: says so, and does not say no."""
    grant, _ = await counter.grant()
    await counter.submit(grant)
    unknown = code_of(b"another receipt")
    page = await counter.browser.get("/verify", params={"code": unknown}, headers=ENGLISH)
    assert f"This LPSE issued no receipt with the code {unknown}" in page.text
    slip = unknown[:-1] + ("A" if unknown[-1] != "A" else "B")
    answer = await counter.browser.get("/verify", params={"code": slip}, headers=ENGLISH)
    assert (answer.status_code, "FED-5112" in answer.text) == (400, True)
    assert "issued no receipt" not in answer.text


async def test_codes_of_all_receipts_are_known_at_once(tmp_path: Path) -> None:
    """More receipts than one commit writes codes for, asked right after the last one."""
    async with open_counter(tmp_path) as counter:
        codes = []
        for number in range(5):
            grant, _ = await counter.grant(f"PT {number}")
            codes.append(code_of(await counter.submit(grant)))
            if number == 2:
                assert await counter.store.knows_code(codes[0])
        assert all([await counter.store.knows_code(code) for code in codes])


async def test_the_published_keys_are_those_that_verify(counter: Counter) -> None:
    """Name, id and key of node and centre, as every tool of signed notes reads them."""
    keys = (await counter.browser.get("/keys")).json()
    assert keys["node"]["key"] == counter.node.signer.verifier.text
    assert keys["centre"]["key"] == CENTRE.verifier.text
    assert keys["centre"]["cosignature_key"] != keys["centre"]["key"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"receipt": "   "},
        {"receipt": "x" * 300_000},
        {"receipt": "x", "digests": "not hex"},
        {"receipt": "x", "digests": "[1]"},
        {"receipt": "x", "digests": "[" * 5_000},
        {"receipt": "x", "digests": '[{"bytes": -1, "sha256": "' + "0" * 64 + '"}]'},
        {"receipt": "x", "digests": "\n".join(["0" * 64] * 251)},
        {f"field{number}": "x" for number in range(20)},
    ],
)
async def test_unusable_forms_are_refused_clearly(counter: Counter, fields: dict[str, str]) -> None:
    """Empty, too long, malformed: FED-5114 with the form again, never a fault."""
    answer = await post(counter, **fields)
    assert (answer.status_code, "FED-5114" in answer.text) == (400, True)


async def test_a_huge_form_is_refused_while_it_comes(counter: Counter) -> None:
    """Nobody fills the memory of a node through the public check."""
    sent = 0

    async def endless() -> object:
        nonlocal sent
        while sent < 50 * VERIFY_FORM_BYTES_MAX:
            sent += 65_536
            yield b"x" * 65_536

    headers = {"content-type": "application/x-www-form-urlencoded", **ENGLISH}
    answer = await counter.browser.post("/verify", content=endless(), headers=headers)  # type: ignore[arg-type]  # an async iterator
    assert (answer.status_code, "FED-5114" in answer.text) == (400, True)


def coming(*pieces: bytes, more: bool = True) -> Request:
    """A request whose body has come so far, and no further while `more`."""
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]

    async def receive() -> dict[str, object]:
        if waiting:
            return waiting.pop(0)
        if more:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    kind = (b"content-type", b"application/x-www-form-urlencoded")
    return Request({"type": "http", "method": "POST", "headers": [kind]}, receive)


async def test_forms_of_all_callers_share_a_bounded_memory() -> None:
    """Whoever holds many unfinished forms is refused; when they end there is room again."""
    forms = Forms(bytes_max=100_000)

    async def read(request: Request) -> bytes:
        async with forms.read(request) as asked:
            return asked.text

    held = [asyncio.create_task(read(coming(b"x" * 40_000))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as refused:
        await read(coming(b"x" * 40_000))
    assert refused.value.code == "FED-5118"
    for one in held:
        one.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    whole = coming(b"receipt=" + b"x" * 90_000, more=False)
    assert len(await read(whole)) == 90_001


async def test_a_form_that_comes_in_drops_ends() -> None:
    """A form that never ends is refused after its time."""
    with pytest.raises(Refused) as refused:
        async with Forms(seconds_max=0.05).read(coming(b"receipt=x")):
            pass
    assert refused.value.code == "FED-5114"


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/json", ""])
async def test_other_kinds_of_forms_are_refused(counter: Counter, kind: str) -> None:
    """A multipart form without its boundary, JSON, nothing: refused, not crashed."""
    headers = {"content-type": kind, **ENGLISH}
    answer = await counter.browser.post("/verify", content=b"\x00\xff--", headers=headers)
    assert (answer.status_code, "FED-5114" in answer.text) == (400, True)


def test_a_receipt_of_another_node_is_named_so() -> None:
    """Its own words say whose it is; this node does not judge it."""
    other = Signer.from_seed("lpse-lain", bytes(32))
    note = parse_note(make())
    foreign = replace(note, signatures=(other.sign_note(note.text),)).to_bytes()
    examined = examine(foreign, (), KEYS)
    assert not examined.valid
    assert examined.checks[0].fields == {"names": "lpse-lain"}


def test_a_proof_of_attempt_never_looks_like_an_acceptance() -> None:
    """Genuine, and of its own kind."""
    examined = examine(make_attempt(), (), KEYS)
    assert (examined.valid, examined.kind) == (True, "ATTEMPT")


def test_files_that_are_missing_or_foreign_are_said() -> None:
    """One of two: a warning with numbers. A foreign one: the check fails."""
    first = DETAILS.files[0]
    some = examine(make(), (Given("a", first.sha256),), KEYS)
    assert (some.valid, some.checks[2].tone) == (True, "warn")
    assert some.checks[2].fields == {"count": 1, "all": 2}
    for foreign in (Given("b", bytes(32)), Given("b", first.sha256, 99)):
        assert examine(make(), (foreign,), KEYS).error.code == "FED-5104"  # type: ignore[union-attr]  # it is refused


def test_a_national_head_that_the_centre_never_signed_proves_nothing() -> None:
    """The receipt stays genuine; *not before* is a warning, not a tick."""
    stranger = Signer.from_seed("lkpp", bytes(32)).verifier
    examined = examine(make(), (), Keys(NODE.verifier, stranger))
    assert (examined.valid, examined.checks[3].tone) == (True, "warn")


def test_digests_are_read_as_sha256sum_prints_them() -> None:
    """A line with a name, one without, capitals."""
    digest = "ab" * 32
    assert read_digests(f"{digest}  bid.rhs\n\n{digest.upper()}\n") == (
        Given("bid.rhs", bytes.fromhex(digest)),
        Given("", bytes.fromhex(digest)),
    )


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_any_bytes_are_checked_without_a_fault(data: bytes) -> None:
    """Behind every header that a check knows."""
    for start in (b"", make()[:300], proof()[:300], b"c2sp.org/tlog-proof@v1\n"):
        assert not examine(start + data, (), KEYS).valid


@given(st.integers(0, len(proof()) - 1), st.integers(1, 255))
@settings(max_examples=100)
def test_no_changed_proof_is_called_genuine(place: int, difference: int) -> None:
    """Any byte: never valid, and always with words and a code."""
    data = bytearray(proof())
    data[place] ^= difference
    examined = examine(bytes(data), (), KEYS)
    assert not examined.valid
    assert examined.checks[0].tone == "bad"
    assert examined.error is not None
