"""Two machines with one identity: both histories are kept, a person decides, none is orphaned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from google.protobuf.message import Message

from central.branches.ports import CONTINUE_OFFERED, CONTINUE_STORED, Decided
from central.branches.store import BranchStore
from central.ledger.ports import Source
from central.ledger.store import LedgerStore
from central.reconciliation.provenance import writer_in
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1 import recovery_pb2 as wire
from lpse.runtime.sqlite import Database
from lpse.storage.journal import Journal
from regional_node.recovery.store import RecoveryStore
from tests.federation.rig import (
    CLOCK,
    ENTROPY,
    NODE_MIGRATIONS,
    Authority,
    Centre,
    Node,
    eventually,
    running,
)
from tests.federation.test_recovery_rewound import (
    NODE,
    Recovering,
    first_life,
    ledger,
    reasons,
    recovering,
    runs_of,
    same,
    sound,
    write,
)

A = wire.RecoveryAdvice
RENAMED_NODE = "lpse-pacitan-dua"


class Person:
    """The port `Decisions`: what a person says when asked."""

    def __init__(self) -> None:
        self.choice = ""
        self.branch = ""

    async def decided(self, node_id: str, branch: str, since: str) -> Decided | None:
        if not self.choice or (self.branch and branch != self.branch):
            return None
        return Decided(self.choice, "resolutions/1")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


async def _forked(authority: Authority, tmp_path: Path, centre: Centre, *written: Message) -> Node:
    """An old copy that took uploads of its own before it met the centre again."""
    await first_life(authority, tmp_path, centre)
    fork = Node(authority, tmp_path / "copy", NODE, 1)  # nobody listens there
    async with running(fork):
        await write(fork, 40, "fork ")
        await fork.journal.append(*written)
    fork.port = centre.port
    return fork


async def _advice(recovery: Recovering) -> int:
    await recovery.worker.step(recovery.node.parts.clock.wall())
    return (await recovery.store.state()).advice


async def _advised(recovery: Recovering, advice: int) -> None:
    """Wait until the centre's advice to the node is this one."""

    async def given() -> bool:
        return await _advice(recovery) == advice

    await eventually(given)


async def test_a_fork_is_kept_at_the_centre_and_waits_for_a_person(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 5: the branch is verified and kept whole, the ledger stays, intake goes on."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        fork = await _forked(authority, tmp_path, centre)
        before = await ledger(centre)
        async with recovering(fork) as recovery:
            await eventually(lambda: fork.state.session is not None)
            await _advised(recovery, A.RECOVERY_ADVICE_WAIT)
            await write(fork, 3, "while waiting ")
            await _advised(recovery, A.RECOVERY_ADVICE_WAIT)
            (branch,) = await BranchStore(centre.database).of_node(NODE)
            entries = await BranchStore(centre.database).entries(branch, 0, 1_000)
            assert len(entries) == branch.entries >= 43
            assert not branch.machine_only
            assert await ledger(centre) == before


async def test_the_offered_history_continues_and_the_stored_one_is_taken_in(
    authority: Authority, tmp_path: Path
) -> None:
    """Both histories reach the ledger, each entry once; the other holder is kept out afterwards."""
    centre = Centre(authority, tmp_path / "centre")
    centre.decisions = person = Person()
    async with running(centre):
        fork = await _forked(authority, tmp_path, centre)
        stored = await reasons(centre)
        person.choice = CONTINUE_OFFERED
        async with recovering(fork) as recovery:
            await eventually(recovery.finished)
            await eventually(fork.settled)
            offered = [f"fork {one}" for one in range(40)]
            assert await reasons(centre) == sorted([*stored, *offered])
            await eventually(lambda: same(fork, centre))
            await sound(fork)
            told = [one.rule for run in await runs_of(fork) for one in run.entries]
            assert "R-BRANCH-SETTLED/1" in told and "R-BRANCH-REIMPORTED/1" in told
            (branch,) = await BranchStore(centre.database).of_node(NODE)
            person.branch = branch.name
        other = Node(authority, tmp_path / "node", NODE, centre.port)
        async with recovering(other) as recovery:
            await eventually(lambda: other.state.session is not None)
            await _advised(recovery, A.RECOVERY_ADVICE_WAIT)
            assert len(await other.journal.epochs()) == 1


async def test_the_stored_history_continues_and_the_other_machine_is_told(
    authority: Authority, tmp_path: Path
) -> None:
    """The quarantined machine learns that it needs an identity of its own, and changes nothing."""
    centre = Centre(authority, tmp_path / "centre")
    centre.decisions = person = Person()
    person.choice = CONTINUE_STORED
    async with running(centre):
        fork = await _forked(authority, tmp_path, centre)
        async with recovering(fork) as recovery:
            await eventually(lambda: fork.state.session is not None)
            await _advised(recovery, A.RECOVERY_ADVICE_REIMPORT)
            assert len(await fork.journal.epochs()) == 1
        first = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(first):
            await write(first, 2, "goes on ")
            await eventually(first.settled)


async def test_an_old_copy_in_which_nobody_acted_needs_no_person(
    authority: Authority, tmp_path: Path
) -> None:
    """What a node notes by itself at its start does not make a rewound machine a fork."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        stored = await reasons(centre)
        old = Node(authority, tmp_path / "copy", NODE, centre.port)
        async with running(old):  # no recovery yet: the run of this hello is written beside
            await eventually(lambda: old.state.session is not None)
            await eventually(lambda: old.state.queue_entries > 0)
        async with recovering(old) as recovery:
            await eventually(recovery.finished)
            assert await reasons(centre) == stored
            (branch,) = await BranchStore(centre.database).of_node(NODE)
            assert branch.machine_only


async def test_a_clone_beside_a_sound_session_is_not_let_in(
    authority: Authority, tmp_path: Path
) -> None:
    """Who is present soundly stays; the second holder is told to wait and opens no epoch."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        sound_one = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(sound_one):
            await eventually(sound_one.settled)
            clone = Node(authority, tmp_path / "copy", NODE, centre.port)
            async with recovering(clone) as recovery:
                await recovery.store.want("backup")
                await eventually(lambda: clone.state.session is not None)
                await _advised(recovery, A.RECOVERY_ADVICE_WAIT)
                for _ in range(3):
                    await recovery.worker.step(clone.parts.clock.wall())
                assert len(await clone.journal.epochs()) == 1
            assert sound_one.settled()


async def test_a_person_decides_while_both_machines_run(
    authority: Authority, tmp_path: Path
) -> None:
    """The clone's branch is kept beside the live holder, who goes on whatever is decided."""
    centre = Centre(authority, tmp_path / "centre")
    centre.decisions = person = Person()
    async with running(centre):
        clone = await _forked(authority, tmp_path, centre)
        first = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(first), recovering(clone) as recovery:
            await eventually(first.settled)
            await eventually(lambda: clone.state.session is not None)

            async def kept() -> bool:
                waits = await _advice(recovery) == A.RECOVERY_ADVICE_WAIT
                return waits and len(await BranchStore(centre.database).of_node(NODE)) == 1

            await eventually(kept)
            person.choice = CONTINUE_OFFERED
            for _ in range(2):
                assert await _advice(recovery) == A.RECOVERY_ADVICE_WAIT
            person.choice = CONTINUE_STORED
            await _advised(recovery, A.RECOVERY_ADVICE_REIMPORT)
            assert len(await clone.journal.epochs()) == 1
            await write(first, 2, "goes on ")
            await eventually(first.settled)


async def test_a_branch_that_does_not_make_its_head_is_refused(
    authority: Authority, tmp_path: Path
) -> None:
    """Nothing becomes a branch that its node did not sign."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        fork = await _forked(authority, tmp_path, centre)
        async with recovering(fork) as recovery:
            await eventually(lambda: fork.state.session is not None)
            head = fork.journal.head
            rows = await fork.journal.entries(0, head.size)

            async def false_pieces() -> AsyncIterator[wire.OfferBranchRequest]:
                yield wire.OfferBranchRequest(head=head.message(), first_index=0)
                for row in rows[:-1]:
                    yield wire.OfferBranchRequest(first_index=row.index, entries=[row.data])
                yield wire.OfferBranchRequest(first_index=rows[-1].index, entries=[rows[0].data])

            with pytest.raises(Exception, match="FED-2403"):
                await recovery.client.offer(false_pieces())
            assert await BranchStore(centre.database).of_node(NODE) == []


async def test_the_other_machine_goes_on_under_an_identity_of_its_own(
    authority: Authority, tmp_path: Path
) -> None:
    """Its branch reaches the ledger under the new name; its old epochs verify with the old key."""
    centre = Centre(authority, tmp_path / "centre")
    centre.decisions = person = Person()
    person.choice = CONTINUE_STORED
    async with running(centre):
        fork = await _forked(authority, tmp_path, centre)
        stored = await reasons(centre)
        async with recovering(fork) as recovery:
            await eventually(lambda: fork.state.session is not None)
            await _advised(recovery, A.RECOVERY_ADVICE_REIMPORT)
        authority.node(RENAMED_NODE)
        await _rename(authority, tmp_path / "copy")
        await _rename(authority, tmp_path / "copy")  # as after a crash: nothing more happens
        renamed = Node(authority, tmp_path / "copy", RENAMED_NODE, centre.port)
        async with running(renamed):
            await eventually(renamed.settled)
            offered = [f"fork {one}" for one in range(40)]
            assert await reasons(centre) == sorted([*stored, *offered])
            await sound(renamed)
            before, after = await renamed.journal.epochs()
            for epoch, name in ((before.epoch, NODE), (after.epoch, RENAMED_NODE)):
                head = await renamed.journal.newest_head(epoch)
                head.verify(await renamed.journal.writer(epoch))  # audits and exports do the same
                assert head.party == name


async def test_runs_of_the_former_identity_are_taken_under_the_new_one_and_no_others(
    authority: Authority, tmp_path: Path
) -> None:
    """In the branch or written after it was offered, a run is kept; a foreign one is not."""
    centre = Centre(authority, tmp_path / "centre")
    centre.decisions = person = Person()
    person.choice = CONTINUE_STORED
    async with running(centre):
        fork = await _forked(authority, tmp_path, centre, _run(NODE, 71))
        async with recovering(fork) as recovery:
            await eventually(lambda: fork.state.session is not None)
            await _advised(recovery, A.RECOVERY_ADVICE_REIMPORT)
            await fork.journal.append(_run(NODE, 72))
        authority.node(RENAMED_NODE)
        await _rename(authority, tmp_path / "copy")
        renamed = Node(authority, tmp_path / "copy", RENAMED_NODE, centre.port)
        async with running(renamed):
            await renamed.journal.append(_run(NODE, 73))
            await eventually(renamed.settled)
        listed = await centre.runs.page(before=1 << 40, limit=100, node_id=RENAMED_NODE)
        names = {one.name.partition("@")[0] for one in listed}
        assert {f"recon/{NODE}/71", f"recon/{NODE}/72"} <= names
        parked = await LedgerStore(centre.database).parked(node_id=RENAMED_NODE, limit=9)
        assert ["FED-7003" in one.reason for one in parked] == [True]  # 73: not taken along
        assert f"recon/{NODE}/73" not in names
        (branch,) = await BranchStore(centre.database).of_node(NODE)
        for writer, index in ((RENAMED_NODE, branch.first_index), ("lpse-lain", branch.head.size)):
            place = (branch.head.epoch, index)
            forged = Source(writer, bytes(16), 3, CLOCK.now(), b"forged entry id.", place)
            assert (
                await centre.database.read(partial(writer_in, source=forged, named=NODE)) == writer
            )


def _run(node_id: str, number: int) -> records.ReconciliationRecorded:
    run = records.ReconciliationRecorded(run=f"recon/{node_id}/{number}")
    run.begin_time.FromDatetime(CLOCK.now())
    run.legal_time.CopyFrom(run.begin_time)
    return run


async def _rename(authority: Authority, folder: Path) -> None:
    """What `lpse-node enrol --reimport` does to the database."""
    old, new = authority.nodes[NODE], authority.nodes[RENAMED_NODE]
    database = await Database.open(folder / "node.db", NODE_MIGRATIONS)
    store = RecoveryStore(database)
    await database.write(lambda tx: store.leave_unnamed_in(tx, old.verifier, new.verifier))
    journal = Journal(database, new, CLOCK, ENTROPY)
    await journal.open(renamed=await store.agreed())
    await store.named(journal.epoch, journal.head.size)
    await database.close()
