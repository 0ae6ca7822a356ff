"""Causes and quarantines are told in the reader's language, with the code that `explain` knows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lpse.terminal import words
from lpse.terminal.causes import access_text, cause_text, quarantine_text

CUT = "FED-2299 the other side cannot be reached or the connection was cut (UNAVAILABLE)"


@pytest.fixture(autouse=True)
def language() -> Iterator[None]:
    yield
    words.choose({})


def test_a_cause_is_told_by_its_code() -> None:
    """English keeps the exact words; Indonesian takes the catalogue's; no code stays as it is."""
    assert cause_text(CUT) == CUT
    words.choose({"LANG": "id_ID.UTF-8"})
    assert cause_text(CUT) == "FED-2299 Pihak lain tidak terjangkau"
    for unknown in ("FED-0000 something of a newer program", "paused", ""):
        assert cause_text(unknown) == unknown


def test_a_quarantine_says_what_it_means() -> None:
    """Both languages; a code of a newer centre is shown with the centre's own words."""
    told = {"code": "FED-2214", "reason": "an old session token"}
    assert quarantine_text(told).startswith("FED-2214 Two machines may run as the same node: ")
    words.choose({"LANG": "id_ID.UTF-8"})
    assert "penerimaan jalan" in quarantine_text(told)
    assert quarantine_text({"code": "FED-0000", "reason": "new"}) == "FED-0000 new"


def test_access_is_not_a_rollout() -> None:
    """ACTIVE of a node or person means that the access holds."""
    words.choose({"LANG": "id_ID.UTF-8"})
    assert access_text("ACTIVE") == "berlaku"
    assert access_text("REVOKED") == words.say("REVOKED")
