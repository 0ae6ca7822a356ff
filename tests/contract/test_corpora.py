"""Golden journals and frames of earlier protocols: today's programs read them, for ever."""

from __future__ import annotations

import pytest

from lpse.federation import kinds
from lpse.federation.entries import decode_entry
from lpse.federation.merkle import leaf_hash, root_of
from tests.contract.corpora.reading import FOLDER, Corpus, TapedJournal, same

NAMES = sorted(path.name for path in FOLDER.glob("protocol*.json"))


@pytest.fixture(params=NAMES)
def corpus(request: pytest.FixtureRequest) -> Corpus:
    return Corpus(request.param)


def test_the_words_of_every_released_protocol_are_kept() -> None:
    """A version that is left leaves its corpus behind."""
    assert "protocol1.json" in NAMES


def test_old_frames_mean_what_they_meant(corpus: Corpus) -> None:
    """Every frame is read without loss, and nothing that it says has changed its meaning."""
    sessions = [*corpus.work, corpus.rewound, corpus.frames]
    for taped in [one for session in sessions for one in session]:
        assert taped.kind is not None
        assert same(taped.frame, taped.meant)
        assert taped.message.FromString(taped.frame.SerializeToString()) == taped.frame


def test_every_form_of_frame_is_in_the_corpus(corpus: Corpus) -> None:
    """No frame of that version is left unproved."""
    told = {(one.sender, one.kind) for one in corpus.frames}
    taped = {(one.sender, one.kind) for session in corpus.work for one in session}
    assert taped <= told


@pytest.mark.parametrize("which", ["regional", "national"])
def test_old_journals_keep_their_roots_signatures_and_meaning(corpus: Corpus, which: str) -> None:
    """Invariant 2: entry by entry the same hash, kind and record as when they were written."""
    journal: TapedJournal = getattr(corpus, which)
    assert root_of([leaf_hash(data) for data, _, _ in journal.entries]) == journal.head.root
    journal.head.verify(journal.verifier)
    for data, kind, meant in journal.entries:
        entry = decode_entry(data)
        assert entry.kind == kind
        record = kinds.record_of(kind, entry.payload)
        assert record is not None, f"{kind} is no longer known"
        assert same(record, meant)


def test_every_kind_of_that_version_is_in_its_journals(corpus: Corpus) -> None:
    """A kind that were dropped from the table would be noticed here."""
    written = {kind for _, kind, _ in (*corpus.regional.entries, *corpus.national.entries)}
    assert len(written) >= 35
    assert written <= set(kinds.NATIONAL) | set(kinds.REGIONAL)
