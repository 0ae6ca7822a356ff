"""Entries that did not continue the centre's copy: a fork that stays one, or mere damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from central.branches.ports import CONTINUE_OFFERED
from central.branches.store import Branch, BranchStore
from lpse.federation.entries import RootMismatch
from lpse.federation.v1 import journal_pb2 as journal_wire
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import recovery_pb2 as wire
from tests.central.ledger.test_ledger import Writer
from tests.federation.rig import Authority, Centre, Node, eventually, running
from tests.federation.test_link_protocol import Speaker
from tests.federation.test_recovery_forks import Person
from tests.federation.test_recovery_rewound import (
    NODE,
    Recovering,
    first_life,
    ledger,
    reasons,
    recovering,
    runs_of,
    sound,
    write,
)

A = wire.RecoveryAdvice
R = link.HeadRelation
FORKED = "FED-2213"
ROOT_MISMATCH = RootMismatch(0).code


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


def _code(node: Node) -> str:
    return node.state.session.quarantine_code if node.state.session else ""


async def _waiting(recovery: Recovering) -> bool:
    await recovery.worker.step(recovery.node.parts.clock.wall())
    return (await recovery.store.state()).advice == A.RECOVERY_ADVICE_WAIT


async def _branches(centre: Centre) -> list[Branch]:
    return [one for one in await BranchStore(centre.database).of_node(NODE) if one.whole]


async def _rules(centre: Centre) -> list[str]:
    return [one.rule.partition("/")[0] for run in await centre.found() for one in run.entries]


async def _longer_fork(authority: Authority, tmp_path: Path, centre: Centre) -> Node:
    """An old copy that wrote on for long, and a centre that forgot which token was old."""
    await first_life(authority, tmp_path, centre)
    fork = Node(authority, tmp_path / "copy", NODE, 1)  # nobody listens there
    async with running(fork):
        await write(fork, 40, "fork ")
    fork.port = centre.port
    await centre.parts.store.grant_amnesty(NODE)
    return fork


class Damage:
    """A sender whose next batches beyond an index leave it with a changed entry."""

    def __init__(self, node: Node, times: int, patch: pytest.MonkeyPatch) -> None:
        self.left = times
        self._batch = node.journal.batch
        patch.setattr(node.journal, "batch", self._damaged)

    async def _damaged(self, first: int, *, epoch: bytes) -> journal_wire.EntryBatch | None:
        batch = await self._batch(first, epoch=epoch)
        if batch is None or not self.left:
            return batch
        self.left -= 1
        changed = journal_wire.EntryBatch.FromString(batch.SerializeToString())
        changed.entries[0] += b"\x00"
        return changed


async def test_a_longer_fork_is_offered_once_and_stays_one_until_a_person_decides(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 5: neither a hello that is ahead nor a restart lets its entries flow again."""
    centre = Centre(authority, tmp_path / "centre")
    centre.decisions = person = Person()
    async with running(centre):
        fork = await _longer_fork(authority, tmp_path, centre)
        before, stored = await ledger(centre), await reasons(centre)
        async with recovering(fork) as recovery:
            await eventually(lambda: _waiting(recovery))
            assert [one.machine_only for one in await _branches(centre)] == [False]
    async with running(centre):
        for _ in range(2):
            runs = len(await _all_runs(authority, fork))
            async with running(fork):
                await eventually(lambda: _code(fork) == FORKED)
                await write(fork, 1, "while waiting ")
            assert len(await _all_runs(authority, fork)) <= runs + 1, "one per hello by hand"
        assert await ledger(centre) == before
        await eventually(lambda: _told(centre))
        person.choice = CONTINUE_OFFERED
        async with recovering(fork) as recovery:
            await eventually(recovery.finished)
            await eventually(fork.settled)
            await sound(fork)
            more = [f"fork {one}" for one in range(40)] + ["while waiting 0"] * 2
            assert await reasons(centre) == sorted([*stored, *more])


async def _told(centre: Centre) -> bool:
    return "R-REGIONAL-FORKED" in await _rules(centre)


async def _all_runs(authority: Authority, node: Node) -> list[object]:
    """The runs of a node that is switched off."""
    alone = Node(authority, node.folder, NODE, 1)
    async with running(alone):
        return list(await runs_of(alone))


async def test_a_damaged_batch_is_no_fork_once_the_node_shows_the_root_of_the_copy(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damage on the way needs no person: the node's own head at that size vouches for it."""
    centre = Centre(authority, tmp_path / "centre")
    node = Node(authority, tmp_path / "node", NODE, 0)
    async with running(centre):
        node.port = centre.port
        async with recovering(node) as recovery:
            await eventually(node.settled)
            damage = Damage(node, 1, monkeypatch)
            await write(node, 3, "once damaged ")
            await eventually(lambda: _code(node) == FORKED)

            async def mended() -> bool:
                await recovery.worker.step(node.parts.clock.wall())
                return node.settled() and not _code(node)

            await eventually(mended)
            assert damage.left == 0 and not await _branches(centre)
            assert await reasons(centre) == [f"once damaged {one}" for one in range(3)]
            assert await centre.parts.store.quarantine(NODE) is None


async def test_entries_that_are_damaged_again_after_that_wait_for_a_person(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof counts once for one copy: two sides that disagree for ever do not try for ever."""
    centre = Centre(authority, tmp_path / "centre")
    centre.decisions = person = Person()
    node = Node(authority, tmp_path / "node", NODE, 0)
    async with running(centre):
        node.port = centre.port
        async with recovering(node) as recovery:
            await eventually(node.settled)
            damage = Damage(node, 2, monkeypatch)
            await write(node, 3, "twice damaged ")
            await eventually(lambda: _waiting(recovery))
            assert damage.left == 0 and _code(node) == FORKED
            assert len(await _branches(centre)) == 1
            assert not await reasons(centre)
            person.choice = CONTINUE_OFFERED
            await eventually(recovery.finished)
            await eventually(node.settled)
            assert await reasons(centre) == [f"twice damaged {one}" for one in range(3)]


async def _says(centre: Centre, writer: Writer, **changes: object) -> tuple[Speaker, link.Welcome]:
    speaker = Speaker(centre)
    speaker.writer = writer
    await speaker.say(hello=speaker.hello(**changes))
    return speaker, (await speaker.hear("welcome")).welcome


async def _stored(centre: Centre) -> tuple[Writer, link.SessionToken]:
    """A journal whose first entry the centre holds, and the token of that session."""
    first = Speaker(centre)
    welcome = await first.welcomed()
    await first.say(regional=first.first)
    await first.stored(1)
    await first.say(goodbye=link.Goodbye())
    await first.ends_with()
    await first.stream.close()
    return first.writer, welcome.token


async def test_a_node_of_protocol_1_has_its_entries_looked_at_twice(
    authority: Authority, tmp_path: Path
) -> None:
    """It has no call that shows a root; the second contradiction makes it a fork that stays."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        writer, token = await _stored(centre)
        twin = Writer(writer.signer)
        twin.epoch = writer.epoch
        twin.batch(1)
        other = twin.batch(2)
        for _ in range(2):
            speaker, welcome = await _says(centre, twin, protocol_max=1, token=token)
            assert welcome.relation == R.HEAD_RELATION_NODE_AHEAD
            token = welcome.token
            await speaker.say(regional=other)
            assert await speaker.ends_with() == ROOT_MISMATCH
            await speaker.stream.close()
    async with running(centre):
        for protocol in (1, 2, 1):
            speaker, welcome = await _says(centre, twin, protocol_max=protocol, token=token)
            assert (welcome.relation, welcome.quarantine.code) == (R.HEAD_RELATION_FORKED, FORKED)
            await speaker.stream.close()
        assert centre.stored(NODE) == 1


async def test_a_node_of_protocol_1_goes_on_after_one_damaged_batch(
    authority: Authority, tmp_path: Path
) -> None:
    """Entries that verify are the proof; what was counted against a shorter copy counts no more."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        writer, token = await _stored(centre)
        for size in (3, 5):
            sound = writer.batch(2)
            damaged = journal_wire.EntryBatch.FromString(sound.SerializeToString())
            damaged.entries[1] += b"\x00"
            for batch in (damaged, sound):
                speaker, welcome = await _says(centre, writer, protocol_max=1, token=token)
                assert welcome.relation == R.HEAD_RELATION_NODE_AHEAD
                token = welcome.token
                await speaker.say(regional=batch)
                if batch is sound:
                    await speaker.stored(size)
                    await speaker.say(goodbye=link.Goodbye())
                assert await speaker.ends_with() == ("" if batch is sound else ROOT_MISMATCH)
                await speaker.stream.close()
        assert await centre.parts.store.quarantine(NODE) is None


async def test_the_true_holder_that_a_person_lets_in_is_not_taken_for_the_fork(
    authority: Authority, tmp_path: Path
) -> None:
    """A released clone suspect shows its entries afresh, whatever another machine's had shown."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        writer, token = await _stored(centre)
        twin = Writer(writer.signer)
        twin.epoch = writer.epoch
        twin.batch(1)
        other = twin.batch(2)
        speaker, _ = await _says(centre, twin, token=token)
        await speaker.say(regional=other)
        assert await speaker.ends_with() == ROOT_MISMATCH
        await speaker.stream.close()
        sound = writer.batch(1)
        speaker, welcome = await _says(centre, writer)  # its token is an old one now
        assert welcome.quarantine.code == "FED-2214"
        await centre.sessions.release(NODE, "the other machine is switched off")
        await speaker.ends_with()
        await speaker.stream.close()
        speaker, welcome = await _says(centre, writer)
        assert welcome.relation == R.HEAD_RELATION_NODE_AHEAD
        await speaker.say(regional=sound)
        await speaker.stored(2)
        await speaker.stream.close()
