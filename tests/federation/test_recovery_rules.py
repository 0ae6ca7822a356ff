"""What a node is advised to do, and how the common prefix is found: from values alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from central.branches.ports import CONTINUE_OFFERED, CONTINUE_STORED, Decided
from central.branches.rules import MACHINE_KINDS
from central.recovery.rules import A, Facts, Kept, Shown, advise
from lpse.federation import kinds
from lpse.federation.limits import ROOTS_ASKED_MAX
from regional_node.recovery.rules import Search

FACTS = Facts(
    epochs=[Shown.EQUAL],
    in_current_epoch=True,
    centre_holds_any=True,
    quarantined=False,
    other_present=False,
    kept=None,
)
KEPT = Kept("branches/1", machine_only=False, decided=None)
FORKED = replace(FACTS, epochs=[Shown.FORKED], quarantined=True)


@pytest.mark.parametrize(
    ("facts", "advice"),
    [
        (FACTS, A.RECOVERY_ADVICE_NONE),
        (replace(FACTS, centre_holds_any=False), A.RECOVERY_ADVICE_NONE),
        (replace(FACTS, epochs=[Shown.AHEAD]), A.RECOVERY_ADVICE_NONE),
        (replace(FACTS, epochs=[Shown.PREFIX], quarantined=True), A.RECOVERY_ADVICE_RECOVER),
        (FORKED, A.RECOVERY_ADVICE_OFFER),
        (replace(FORKED, epochs=[Shown.AHEAD], contradicted=True), A.RECOVERY_ADVICE_OFFER),
        (replace(FORKED, kept=KEPT), A.RECOVERY_ADVICE_WAIT),
        (replace(FORKED, kept=replace(KEPT, machine_only=True)), A.RECOVERY_ADVICE_RECOVER),
        (replace(FACTS, quarantined=True), A.RECOVERY_ADVICE_OFFER),
        (replace(FACTS, in_current_epoch=False, quarantined=True), A.RECOVERY_ADVICE_OFFER),
        (
            replace(FORKED, in_current_epoch=False, kept=replace(KEPT, machine_only=True)),
            A.RECOVERY_ADVICE_WAIT,
        ),
        (replace(FACTS, epochs=[Shown.UNKNOWN]), A.RECOVERY_ADVICE_NONE),
        (replace(FACTS, epochs=[Shown.UNKNOWN], quarantined=True), A.RECOVERY_ADVICE_RECOVER),
    ],
)
def test_every_finding_has_one_advice(facts: Facts, advice: int) -> None:
    """A prefix is given back by itself; two histories are kept and wait for a person."""
    assert advise(facts).advice == advice


@pytest.mark.parametrize(
    ("choice", "advice"),
    [
        (CONTINUE_OFFERED, A.RECOVERY_ADVICE_RECOVER),
        (CONTINUE_STORED, A.RECOVERY_ADVICE_REIMPORT),
        ("KEEP_BOTH", A.RECOVERY_ADVICE_WAIT),
    ],
)
def test_a_persons_choice_is_followed(choice: str, advice: int) -> None:
    """Only the two choices between histories change anything."""
    decided = replace(KEPT, decided=Decided(choice, "resolutions/1"))
    assert advise(replace(FORKED, kept=decided)).advice == advice


def test_a_longer_journal_whose_entries_contradicted_the_copy_is_told_as_a_fork() -> None:
    """The person reads of two histories then, not of a token."""
    ahead = replace(FORKED, epochs=[Shown.EQUAL, Shown.AHEAD])
    assert advise(replace(ahead, contradicted=True)).rule == "R-REGIONAL-FORKED/1"
    assert advise(ahead).rule == "R-CLONE-SUSPECT/1"


@given(
    epochs=some.lists(some.sampled_from(list(Shown)), min_size=1, max_size=4),
    current=some.booleans(),
    quarantined=some.booleans(),
    machine=some.booleans(),
)
def test_nobody_is_pushed_out_by_a_second_machine(
    epochs: list[Shown], current: bool, quarantined: bool, machine: bool
) -> None:
    """Invariant 5: while a sound session is open, the other holder of the identity waits."""
    kept = replace(KEPT, machine_only=machine)
    facts = Facts(epochs, current, True, quarantined, True, kept)
    assert advise(facts).advice == A.RECOVERY_ADVICE_WAIT


@pytest.mark.parametrize(
    ("kept", "advice"),
    [
        (None, A.RECOVERY_ADVICE_OFFER),
        (KEPT, A.RECOVERY_ADVICE_WAIT),
        (replace(KEPT, machine_only=True), A.RECOVERY_ADVICE_WAIT),
        (replace(KEPT, decided=Decided(CONTINUE_STORED, "r/1")), A.RECOVERY_ADVICE_REIMPORT),
        (replace(KEPT, decided=Decided(CONTINUE_OFFERED, "r/1")), A.RECOVERY_ADVICE_WAIT),
    ],
)
def test_beside_a_live_machine_a_branch_is_kept_and_a_decision_against_it_told(
    kept: Kept | None, advice: int
) -> None:
    """The other machine need not be switched off before a person can decide for it."""
    for present in (Shown.FORKED, Shown.EQUAL, Shown.AHEAD):
        facts = replace(FORKED, epochs=[present], other_present=True, kept=kept)
        told = advise(facts)
        assert told.advice == advice
        chosen = kept is not None and kept.decided == Decided(CONTINUE_OFFERED, "r/1")
        assert ("it was decided that this machine goes on" in told.reason) == chosen


def test_kinds_that_a_machine_writes_exist_and_hold_nobodys_act() -> None:
    """No kind that a vendor, officer or committee causes lets a machine go on by itself."""
    assert set(kinds.REGIONAL) >= MACHINE_KINDS
    acts = ("upload.", "package.", "compensation.", "officer.", "handover.", "hold.")
    assert not [kind for kind in MACHINE_KINDS if kind.startswith(acts)]


@given(high=some.integers(0, 10_000_000), part=some.floats(0, 1))
def test_the_common_prefix_is_found_in_few_questions(high: int, part: float) -> None:
    """The search ends at the prefix, and four questions cover ten million entries."""
    prefix = round(high * part)
    search, questions = Search(0, high), 0
    while not search.found:
        sizes = search.sizes()
        assert len(sizes) <= ROOTS_ASKED_MAX
        search = search.after(sizes, [size <= prefix for size in sizes])
        questions += 1
    assert search.low == prefix
    assert questions <= 5
