"""Bugs on purpose, as patches from the test side: each must be caught by the checker it names.

Owns `PLANTED`: name -> the checker that must speak, and a context manager that puts the bug into
the running programs. Rules: production code has no switch for any of this; a patch changes one
decision and is taken back afterwards; what would reveal it (a power cut after an answer, a version
ordered before a deadline) is the scenario's affair. Leaves out the scenarios (`scenarios/*.json`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from unittest import mock

import central.ledger.projector
import central.link.rules
import lpse.runtime.sqlite.database
import regional_node.identity.escrow
import regional_node.intake.rules
import regional_node.intake.submissions
import regional_node.schedule.rules
import regional_node.upgrades.rules
from central.link.rules import Heads, Judgement
from regional_node.intake.submissions import Accepted, Intake
from regional_node.upgrades.rules import Hold, Reason


@contextmanager
def _acknowledged_before_fsync() -> Iterator[None]:
    """A commit is answered while its bytes are still in the drive's cache."""
    database = lpse.runtime.sqlite.database
    sets = database._set

    def careless(connection: sqlite3.Connection, name: str, value: int | str) -> None:
        sets(connection, name, 0 if name == "synchronous" else value)

    with mock.patch.object(database, "_set", careless):
        yield


@contextmanager
def _dedupe_dropped() -> Iterator[None]:
    """A submission that comes again is taken for a new one."""
    begin = Intake._begin

    async def forgetful(self: Intake, details: Any) -> Any:
        known = await self._store.submission(details.intake_key)
        if known is not None:
            details = replace(details, intake_key=f"{details.intake_key}-")
        return await begin(self, details)

    with mock.patch.object(Intake, "_begin", forgetful):
        yield


@contextmanager
def _rewound_accepted() -> Iterator[None]:
    """A node that shows less than it once handed over is believed to be in order."""
    rules = central.link.rules
    judge = rules.judge

    def trusting(heads: Heads, token: Any, *rest: Any, **more: Any) -> Judgement:
        if heads in (Heads.LOWER, Heads.FORKED):
            heads, token = Heads.EQUAL, rules.TokenVerdict.CURRENT
        return judge(heads, token, *rest, **more)

    with mock.patch.object(rules, "judge", trusting):
        yield


@contextmanager
def _hold_ignored() -> Iterator[None]:
    """A deadline in the guard window keeps no upgrade back."""
    rules = regional_node.upgrades.rules
    reason_of = rules.hold_reason

    def hasty(situation: Any) -> Hold | None:
        hold = reason_of(situation)
        return None if hold is not None and hold.reason is Reason.DEADLINE else hold

    with mock.patch.object(rules, "hold_reason", hasty):
        yield


@contextmanager
def _applied_twice() -> Iterator[None]:
    """The centre projects every entry two times."""
    projector = central.ledger.projector.Projector
    apply = projector._apply

    def twice(self: Any, tx: Any, journal: Any, row: Any) -> None:
        apply(self, tx, journal, row)
        apply(self, tx, journal, row)

    with mock.patch.object(projector, "_apply", twice):
        yield


@contextmanager
def _opened_early() -> Iterator[None]:
    """Bids are given to whoever asks, whatever the deadline."""
    rules = regional_node.intake.rules
    with mock.patch.object(rules, "release", return_value=rules.Release.DUE):
        yield


@contextmanager
def _deadline_shortened() -> Iterator[None]:
    """An import may bring a published deadline forward."""
    rules = regional_node.schedule.rules
    with mock.patch.object(rules, "_check_ends"):
        yield


@contextmanager
def _receipt_rewritten() -> Iterator[None]:
    """A vendor who asks again gets a receipt with other bytes."""
    submissions = regional_node.intake.submissions
    again = submissions.answer_again

    def other(stored: Any, details: Any) -> Accepted:
        answer = again(stored, details)
        receipt = answer.stored.receipt.replace(b"receipt v1", b"receipt v1 ")
        return replace(answer, stored=replace(answer.stored, receipt=receipt))

    with mock.patch.object(submissions, "answer_again", other):
        yield


@contextmanager
def _details_readable() -> Iterator[None]:
    """What only the node may read goes to the centre as it is."""
    keys = regional_node.identity.escrow.EscrowKeys
    with mock.patch.object(keys, "seal", lambda *call: call[-1]):
        yield


@dataclass(frozen=True)
class Planted:
    """A bug and the checker that must speak when it is in."""

    plant: Any
    caught_by: str

    def __call__(self) -> AbstractContextManager[None]:
        planted: AbstractContextManager[None] = self.plant()
        return planted


PLANTED: Final[dict[str, Planted]] = {
    "acknowledged before fsync": Planted(
        _acknowledged_before_fsync, "nothing acknowledged is lost"
    ),
    "dedupe dropped": Planted(_dedupe_dropped, "effects happen exactly once"),
    "rewound cursor accepted": Planted(_rewound_accepted, "both sides hold the same"),
    "hold ignored": Planted(_hold_ignored, "holds are respected"),
    "applied twice": Planted(_applied_twice, "effects happen exactly once"),
    "opened early": Planted(_opened_early, "nothing is readable early"),
    "deadline shortened": Planted(_deadline_shortened, "deadlines only move later"),
    "receipt rewritten": Planted(_receipt_rewritten, "nothing acknowledged is lost"),
    "details readable": Planted(_details_readable, "nothing is readable early"),
}
