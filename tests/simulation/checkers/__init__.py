"""What must hold of every run, whatever went wrong in it: one function per promise.

Owns the list `CHECKERS`. Rules: a checker imports nothing of the programs under test but the
contract (`lpse.federation`), sees only `Evidence`, and yields findings in words; a sound world
yields none. `bookkeeping` holds those about journals and receipts, `conduct` those about what was
done when. Leaves out running a world (`runs`) and the planted bugs that prove them (`planted`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from tests.simulation.checkers import bookkeeping, conduct
from tests.simulation.evidence import Evidence, Finding

Checker = Callable[[Evidence], Iterator[tuple[str, str]]]

CHECKERS: Final[dict[str, Checker]] = {
    "nothing acknowledged is lost": bookkeeping.nothing_lost,
    "journals are their bytes": bookkeeping.journals_sound,
    "both sides hold the same": bookkeeping.copies_agree,
    "effects happen exactly once": bookkeeping.once,
    "sets close and replay": bookkeeping.runs_replay,
    "heads converge": conduct.converges,
    "applied or rolled back": conduct.one_outcome,
    "holds are respected": conduct.holds_respected,
    "deadlines only move later": conduct.deadlines_later,
    "nothing is readable early": conduct.nothing_early,
    "memory and queues are bounded": conduct.bounded,
}


def check(evidence: Evidence) -> list[Finding]:
    """Every finding of every checker."""
    return [
        Finding(name, about, words)
        for name, checker in CHECKERS.items()
        for about, words in checker(evidence)
    ]
