"""What a run's story tells a person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lpse.federation.v1 import records_pb2 as records
from lpse.terminal import words
from lpse.terminal.recon_story import NO_GOOD_COPY, story
from regional_node.scrub.rules import PERSON

HEALED = "fetched from the centre, digest re-read from disk"


@pytest.fixture
def english_again() -> Iterator[None]:
    """Whatever a test chooses, the next one reads English."""
    words.choose({})
    yield
    words.choose({})


def scrub(*outcomes: str) -> records.ReconciliationRecorded:
    entries = [
        records.ReconciliationEntry(
            object="blob 12ab…",
            classification=records.CLASSIFICATION_CORRUPT,
            outcome=outcome,
            rule="scrub-1",
            count=1,
        )
        for outcome in outcomes
    ]
    trigger = records.RECONCILIATION_TRIGGER_SCRUB
    return records.ReconciliationRecorded(run="recon/lpse-a/7", trigger=trigger, entries=entries)


def test_healed_damage_asks_nothing_of_anybody(english_again: None) -> None:
    """A damaged file that is whole again is told as such: no action, no heads, no sets."""
    told = story(scrub(HEALED), "Asia/Jakarta")
    assert len(told) == 3
    assert "damaged (1) – fetched from the centre" in told[1]
    assert told[2].endswith("nothing is left to do.")


def test_damage_without_a_good_copy_names_the_next_step(english_again: None) -> None:
    """One file that nobody has whole makes the whole run a person's business, in Indonesian too."""
    assert PERSON == NO_GOOD_COPY, "the story knows the rule's outcome by its text"
    words.choose({"LANG": "id_ID.UTF-8"})
    told = story(scrub(HEALED, PERSON), "Asia/Jakarta")
    assert "tidak ada salinan baik" in told[2]
    assert "doctor" in told[3]
