"""The facts of a receipt in words: nothing is rounded in anybody's favour, everything is said."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lpse.federation.receipts import Times, sign_receipt, verify_receipt
from lpse.federation.v1.records_pb2 import Verdict
from regional_node.pages.view import REASONS
from regional_node.receipts import TEMPLATES, checking, print_data, views
from regional_node.receipts.views import Paper, facts, instant_text
from tests.contract.test_receipts import (
    ACCEPT,
    BEGIN,
    DETAILS,
    NODE,
    STANDING,
    WORLD,
    commitment_of,
    make,
)
from tests.regional_node.receipts.desk import words


def shown(language: str, **moment: object) -> dict[str, str]:
    """The facts of a receipt whose clock was as given."""
    durable = replace(ACCEPT, **moment)  # type: ignore[arg-type]  # fields of a moment
    verdict = Verdict.VERDICT_UNDETERMINED
    times = Times(BEGIN, durable)
    signed = sign_receipt(NODE, commitment_of(DETAILS), STANDING, verdict, times, WORLD)
    paper = Paper(signed, verify_receipt(signed, NODE.verifier), NODE.verifier.text, "")
    return {fact.label: fact.value for fact in facts(paper, words()[language])}


def test_a_submit_of_its_own_is_shown_and_others_have_none() -> None:
    """Files whole in time and submitted later: both moments stand on the receipt."""
    signed = sign_receipt(
        NODE,
        commitment_of(DETAILS),
        STANDING,
        Verdict.VERDICT_ON_TIME,
        Times(BEGIN, ACCEPT, ACCEPT.time + timedelta(hours=3)),
        WORLD,
    )
    paper = Paper(signed, verify_receipt(signed, NODE.verifier), NODE.verifier.text, "")
    labels = {fact.label: fact.value for fact in facts(paper, words()["en"])}
    assert labels["Received"] != labels["Submitted"]
    assert "Submitted" not in shown("en")


def test_an_instant_is_never_rounded_over_a_deadline() -> None:
    """A microsecond before ten is 09.59.59, in the zone of the package, with its name."""
    last = "2015-03-27T02:59:59.999999Z"
    assert instant_text(last, "Asia/Jakarta", "id") == "Jumat, 27 Maret 2015 pukul 09.59.59 WIB"
    assert instant_text(last, "Asia/Jayapura", "en") == "Friday, 27 March 2015 at 11:59:59 WIT"


@pytest.mark.parametrize(
    ("basis", "said"),
    [
        ("MEASURED", "Selisih -0,5 detik, kurang lebih 0,002 (diukur terhadap Pusat)"),
        (
            "OTHER_BOOT",
            "Selisih -0,5 detik, kurang lebih 0,002 (diukur sebelum mesin terakhir dinyalakan)",
        ),
        (
            "UNMEASURED",
            "Selisih -0,5 detik, kurang lebih 0,002 (belum pernah diukur terhadap Pusat)",
        ),
        ("", "Selisih paling banyak 0,002 detik"),
    ],
)
def test_the_clock_is_told_with_what_it_rests_on(basis: str, said: str) -> None:
    """Offset and error to the millisecond, the error never smaller than it was signed."""
    measured = datetime(2015, 3, 27, tzinfo=UTC) if basis else None
    clock = shown(
        "id", basis=basis, offset_seconds=-0.5, error_seconds=0.001_2, measure_time=measured
    )
    assert clock["Clock"] == said


def test_a_bid_that_replaces_another_says_so() -> None:
    """The key of the older one stands among the facts."""
    signed = make(replace(DETAILS, replaces="key-00000000"))
    paper = Paper(signed, verify_receipt(signed, NODE.verifier), NODE.verifier.text, "")
    told = {fact.label: fact.value for fact in facts(paper, words()["en"])}
    assert told["Replaces the submission"] == "key-00000000"


def test_every_text_exists_in_indonesian() -> None:
    """Literals given to `t(…)` in templates, and the sentences of views, print and check."""
    known = words()["id"]
    texts: set[str] = set()
    for template in TEMPLATES.glob("*.html"):
        source = template.read_text("utf-8")
        texts |= set(re.findall(r"\bt\(\"([^\"]+)\"", source))
        texts |= set(re.findall(r"\bt\('([^']+)'", source))
    for module in (views, checking, print_data):
        source = Path(str(module.__file__)).read_text("utf-8")
        texts |= set(re.findall(r"(?:Fact|own|words)\(\s*\"([^\"]+)\"", source))
        texts |= set(re.findall(r"Check\(\s*\"\w+\",\s*\"([^\"]+)\"", source))
        texts |= set(re.findall(r"both\(\"\w+\", \"([^\"]+)\"", source))
    for table in (views._VERDICTS, REASONS, views._BASES):
        texts |= set(table.values())
    texts |= {print_data._GIVE, print_data._OFFLINE, print_data._LOOK_UP, print_data._COMPARE}
    assert len(texts) > 70
    assert sorted(text for text in texts if not known.knows(text)) == []
