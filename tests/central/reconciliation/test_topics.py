"""One answer closes every entry that asked the same, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from central.ledger.ports import Source
from central.reconciliation import entries_store
from central.reconciliation.store import ReconciliationStore
from lpse.federation.entries import timestamp
from lpse.federation.reconciliation_rules import entry, evidence
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database

MIGRATIONS = Path(__file__).resolve().parents[3] / "central" / "migrations"
NODE = "lpse-pacitan"
NOW = datetime(2026, 3, 27, 3, tzinfo=UTC)
WAITS, RESOLVED = log.ENTRY_STATE_NEEDS_PERSON, log.ENTRY_STATE_RESOLVED
BY = "lkpp resolutions/1"


class Log:
    """A log that takes runs of one entry each."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.runs = ReconciliationStore(database)
        self.number = 0

    async def add(
        self, one: records.ReconciliationEntry, node: str = NODE, writer: str = ""
    ) -> str:
        self.number += 1
        name = f"recon/{writer or node}/{self.number}"
        run = records.ReconciliationRecorded(
            run=name, begin_time=timestamp(NOW), legal_time=timestamp(NOW), entries=[one]
        )
        source = Source(node, bytes(16), self.number, NOW, bytes(16))
        await self.database.write(lambda tx: self.runs.keep_in(tx, source, run, writer))
        return name

    async def resolve(self, run: str, by: str = BY) -> None:
        record = records.ReconciliationResolved(run=run, entry=0)
        await self.database.write(lambda tx: entries_store.resolve_in(tx, record, b"", by))

    async def states(self) -> list[tuple[int, str]]:
        rows = await self.database.read(
            lambda tx: tx.execute("SELECT state, resolved_by FROM recon_entries ORDER BY id")
        )
        return [(int(state), str(by)) for state, by in rows]


def fork(
    rule: str = "R-REGIONAL-FORKED", epoch: str = "aa", size: int = 9
) -> records.ReconciliationEntry:
    sides = evidence(epoch=epoch, size=size), evidence(epoch=epoch, size=8)
    return entry(rule, "regional journal", *sides, "quarantined", 1)


def blob(outcome: str) -> records.ReconciliationEntry:
    sides = evidence(found="MISSING"), evidence(found=None)
    return entry("R-BLOB-NODE-MISSING", f"blob {'12' * 32}", *sides, outcome, 1, found="missing")


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Log]:
    database = await Database.open(tmp_path / "centre.db", MIGRATIONS)
    yield Log(database)
    await database.close()


async def test_one_decision_about_a_fork_closes_every_hello_that_found_it(kept: Log) -> None:
    """Also those that the node could hand over only afterwards; another epoch is a new question."""
    first = await kept.add(fork())
    await kept.add(fork("R-CLONE-SUSPECT", size=10))
    await kept.add(fork(), node="lpse-kalsel")
    await kept.resolve(first)
    await kept.add(fork(size=11))
    await kept.add(fork(epoch="bb"))
    assert await kept.states() == [
        (RESOLVED, BY),
        (RESOLVED, BY),
        (WAITS, ""),
        (RESOLVED, BY),
        (WAITS, ""),
    ]


async def test_a_recovery_closes_the_fork_that_it_ended(kept: Log) -> None:
    """Where no person was needed in the end, nothing waits for one."""
    await kept.add(fork())
    sides = evidence(epoch="bb", size=3), evidence(epoch="aa", size=8)
    ended = await kept.add(entry("R-EPOCH-CONTINUED", f"journals/{NODE}", *sides, "", 1))
    await kept.add(fork(size=12))
    waits = [state for state, _ in await kept.states()]
    assert WAITS not in waits
    assert (await kept.states())[2] == (RESOLVED, ended)


async def test_an_old_copy_that_starts_after_a_recovery_waits_for_a_person(kept: Log) -> None:
    """The centre found another holder; who recovered from that epoch before says nothing of it."""
    sides = evidence(epoch="bb", size=3), evidence(epoch="aa", size=8)
    await kept.add(entry("R-EPOCH-CONTINUED", f"journals/{NODE}", *sides, "", 1))
    await kept.add(fork("R-EPOCH-OLD"), writer="lkpp")
    assert (await kept.states())[-1] == (WAITS, "")


async def test_every_branch_is_a_question_of_its_own(kept: Log) -> None:
    """What was decided about one holder of an epoch is not decided about the next."""

    def branch(number: int, size: int = 9) -> records.ReconciliationEntry:
        sides = evidence(epoch="aa", first_index=size), evidence(epoch="aa")
        return entry("R-REGIONAL-FORKED", f"branches/{number}", *sides, "", 1)

    await kept.add(fork())
    first = await kept.add(branch(1), writer="lkpp")
    await kept.resolve(first)
    await kept.add(branch(2), writer="lkpp")
    await kept.add(branch(1, size=10), writer="lkpp")
    assert [state for state, _ in await kept.states()] == [RESOLVED, RESOLVED, WAITS, RESOLVED]


async def test_a_blob_that_was_healed_later_waits_for_nobody(kept: Log) -> None:
    """But when it is lost again, that is asked again."""
    await kept.add(blob("no good copy found, a person must look"))
    healed = await kept.add(blob("fetched from the centre, digest re-read from disk"))
    await kept.add(blob("no good copy found, a person must look"))
    states = await kept.states()
    assert (states[0], states[2]) == ((RESOLVED, healed), (WAITS, ""))


async def test_what_was_acknowledged_stays_so_only_for_the_same_evidence(kept: Log) -> None:
    """An entry that is not proved at another place asks again."""

    def damaged(index: int) -> records.ReconciliationEntry:
        told = evidence(index=index)
        return entry("R-PROOF-REFUSED", "regional", b"{}", told, "", 1, found="another leaf")

    first = await kept.add(damaged(3))
    await kept.resolve(first)
    await kept.add(damaged(3))
    await kept.add(damaged(4))
    assert [state for state, _ in await kept.states()] == [RESOLVED, RESOLVED, WAITS]


async def test_a_journal_that_was_healed_waits_for_nobody_on_that_side(kept: Log) -> None:
    """The other side's copy of the same journal is another question, and new damage asks anew."""

    def told(rule_id: str, *, node: bool, size: int) -> records.ReconciliationEntry:
        head, nothing = evidence(size=size), evidence()
        sides = (head, nothing) if node else (nothing, head)
        return entry(rule_id, "regional journal ab", *sides, "", 1, found="another leaf")

    await kept.add(told("R-JOURNAL-DAMAGED", node=True, size=3))
    await kept.add(told("R-JOURNAL-DAMAGED", node=False, size=3))
    healed = await kept.add(told("R-JOURNAL-HEALED", node=False, size=4))
    assert (await kept.states())[:2] == [(WAITS, ""), (RESOLVED, healed)]
    await kept.add(told("R-JOURNAL-DAMAGED", node=False, size=4))
    states = [state for state, _ in await kept.states()]
    assert (states[0], states[1], states[3]) == (WAITS, RESOLVED, WAITS)


async def test_a_correction_is_the_answer_that_is_shown(kept: Log) -> None:
    """The newest word of a person stands beside every entry that it answers."""
    first = await kept.add(fork())
    await kept.add(fork(size=10))
    await kept.resolve(first)
    await kept.resolve(first, "lkpp resolutions/2")
    assert {by for _, by in await kept.states()} == {"lkpp resolutions/2"}


def bundle(rule: str, found: str = "MISSING") -> records.ReconciliationEntry:
    """About the bundle of one release."""
    there = evidence(found=found)
    return entry(rule, "release 3.6", evidence(), there, "", 1, version="3.6")


async def test_a_bundle_that_a_node_brought_waits_for_nobody(kept: Log) -> None:
    """Whoever let the centre notice, whoever brought it: one answer, until it is lost again."""
    await kept.add(bundle("R-BUNDLE-MISSING"), "", "lkpp")
    await kept.add(bundle("R-BUNDLE-MISSING", "CORRUPT"), "", "lkpp")
    name = await kept.add(bundle("R-BUNDLE-RETURNED"), NODE, "lkpp")
    await kept.add(bundle("R-BUNDLE-MISSING"), "", "lkpp")
    states = await kept.states()
    assert states[:2] == [(RESOLVED, name)] * 2
    assert states[3] == (WAITS, "")


async def test_no_node_says_that_the_centre_has_a_bundle(kept: Log) -> None:
    """A run of a node about the centre's own bytes closes nothing and asks nothing."""
    await kept.add(bundle("R-BUNDLE-MISSING"), "", "lkpp")
    await kept.add(bundle("R-BUNDLE-RETURNED"))
    await kept.add(bundle("R-BUNDLE-WHOLE"))
    assert (await kept.states())[0] == (WAITS, "")
