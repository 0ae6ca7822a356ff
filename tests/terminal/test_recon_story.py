"""What a run's story tells a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lpse.federation import reconciliation_rules as rules
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1.journal_pb2 import Head
from lpse.operator.v1.reconciliations_pb2 import Reconciliation
from lpse.terminal import words
from lpse.terminal.output import Output
from lpse.terminal.recon_story import NO_GOOD_COPY, story, summary
from lpse.terminal.recon_views import show_run
from lpse.terminal.recon_words import counted
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


def head(size: int) -> Head:
    return Head(party="lpse-a", epoch=b"e" * 16, size=size, root=bytes([size]) * 32)


def reconnect(*entries: records.ReconciliationEntry) -> records.ReconciliationRecorded:
    """Four days away, six entries to send, equal heads at the end."""
    return records.ReconciliationRecorded(
        run="recon/lpse-a/8",
        trigger=records.RECONCILIATION_TRIGGER_RECONNECT,
        node_head_before=head(9),
        centre_copy_before=head(3),
        national_copy_before=head(4),
        national_head_before=head(5),
        node_head_after=head(9),
        national_head_after=head(5),
        heads_equal=True,
        attempts=42,
        wait_seconds=3_600,
        link_down_seconds=345_600,
        cause="the centre did not answer.",
        entries_sent=6,
        entries_received=1,
        bytes_moved=4_200,
        protocol=2,
        both_count=7,
        only_node_count=6,
        only_centre_count=1,
        entries=entries,
    )


def test_the_story_tells_the_whole_run(english_again: None) -> None:
    """What started it, the road, both sides, the comparison, decisions with reasons, the proof."""
    sent = rules.entry("R-REGIONAL-AHEAD", "regional 3..8", b"", b"", "sent", 6)
    forked = rules.entry("R-REGIONAL-FORKED", "regional journal", b"", b"", "quarantined", 1)
    told = "\n".join(story(reconnect(sent, forked), "Asia/Jakarta"))
    for part in (
        "the link came back",
        "away for 4 days (96 hours); 42 attempt(s), 1 hour of waiting",
        "the last failure said: the centre did not answer.",
        "the node showed 9 (090909090909…) and the centre held 3",
        "the node held 4 (040404040404…) and the centre showed 5",
        "compared by size and root of their hash trees (protocol 2)",
        "regional 3..8: only at the node (6) – sent. [R-REGIONAL-AHEAD/1]",
        "Because the node wrote 6 entries",
        "6 entries went to the centre and 1 came from it",
        "both 7, only at the node 6, only at the centre 1, different 0",
        "A person must decide about entry 1: see recon get recon/lpse-a/8 --entry 1.",
        "At the end both sides held the same heads",
    ):
        assert part in told, part


def test_the_story_is_whole_in_indonesian(english_again: None) -> None:
    """Reasons of known rules, decisions and the road are told in Indonesian."""
    words.choose({"LANG": "id_ID.UTF-8"})
    sent = rules.entry("R-REGIONAL-AHEAD", "regional 3..8", b"", b"", "sent", 6)
    told = "\n".join(story(reconnect(sent), "Asia/Jakarta"))
    for part in ("4 hari (96 jam)", "hanya di simpul (6) – terkirim", "simpul menulis 6 entri"):
        assert part in told, part
    assert "Tidak ada yang menunggu keputusan" in told
    assert "Because" not in told


def test_no_difference_is_one_line_with_its_proof(english_again: None) -> None:
    """After the title a run that found nothing says that, and which heads prove it."""
    record = records.ReconciliationRecorded(
        run="recon/lpse-a/9",
        trigger=records.RECONCILIATION_TRIGGER_SCHEDULE,
        heads_equal=True,
        node_head_after=head(9),
        national_head_after=head(5),
        entries=[rules.entry("R-REGIONAL-EQUAL", "regional 0..8", b"", b"", "none needed", 9)],
    )
    told = story(record, "Asia/Jakarta")
    assert told[1:] == [
        (
            "Nothing differed, and these heads prove it: node 9 (090909090909…),"
            " national 5 (050505050505…)."
        )
    ]


def test_words_of_a_newer_program_are_shown_as_they_are(english_again: None) -> None:
    """Unknown rules, classifications, triggers and outcomes hide nothing and break nothing."""
    for lang in ("C", "id_ID.UTF-8"):
        words.choose({"LANG": lang})
        newest: Any = 77
        newer = records.ReconciliationEntry(
            object="moon",
            classification=newest,
            rule="R-MOON/3",
            reason="it waned",
            outcome="waits",
        )
        record: Any = reconnect(newer)
        record.trigger = 55
        told = "\n".join(story(record, "Asia/Jakarta"))
        assert "moon: 77 (0) – waits. [R-MOON/3]" in told
        assert "it waned" in told
        assert "recon/lpse-a/8 – 55" in told


def test_the_story_of_a_decided_run_asks_nobody_any_more(english_again: None) -> None:
    """What waited says by what it was closed; a run of the centre tells of no node's copy."""
    sides = rules.evidence(epoch="aa"), rules.evidence(epoch="bb")
    asked = rules.entry("R-EPOCH-OLD", "regional journal", *sides, "", 0)
    run = records.ReconciliationRecorded(
        run="recon/lkpp/1", national_head_before=head(7), entries=[asked]
    )
    assert any("must decide about entry 0" in line for line in story(run, "Asia/Jakarta"))
    now = log.LogEntry(number=0, resolved_by="lkpp resolutions/1")
    told = story(run, "Asia/Jakarta", [now])
    assert any("closed by now: lkpp resolutions/1" in line for line in told)
    assert not any("must decide" in line or "held nothing" in line for line in told)
    assert summary(run) == "two histories"


@pytest.mark.parametrize(
    ("recorded", "told"),
    [
        ("the centre holds 1 entries that it lacks", "the centre holds 1 entry that it lacks"),
        ("1 entries asked for at random were proved", "1 entry asked for at random was proved"),
        ("1 national entries beside it stay, here", "1 national entry beside it stays, here"),
        ("21 entries were sent; 1,001 entries stay", "21 entries were sent; 1,001 entries stay"),
    ],
)
def test_one_entry_is_told_as_one(recorded: str, told: str) -> None:
    """What was recorded stays as it is; people read it in good English."""
    words.choose({})
    assert counted(recorded) == told


def test_a_run_with_a_namesake_is_told_by_its_exact_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command that the story proposes finds this run, not the other one."""
    words.choose({})
    name = "recon/lpse-pacitan/7@3f9a01bc"
    run = Reconciliation(name=name, record=scrub(PERSON))
    run.record.run = "recon/lpse-pacitan/7"
    show_run(run, (), "Asia/Jakarta", Output.TABLE)
    assert name in capsys.readouterr().out
    assert run.record.run == "recon/lpse-pacitan/7"
