"""Recoveries that meet something else: intake, a second restore, a paused link, a lost centre."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.federation.rig import CLOCK, Authority, Centre, Node, eventually, running
from tests.federation.test_recovery_rewound import (
    NODE,
    Recovering,
    copy,
    first_life,
    ledger,
    own,
    reasons,
    recovering,
    same,
    sound,
    told_of_their_places,
    write,
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


async def turned(recovery: Recovering) -> bool:
    """One step; whether the new epoch is open and the lost tail is still to come."""
    await recovery.worker.step(CLOCK.wall())
    return bool((await recovery.store.state()).cause)


async def test_intake_goes_on_between_all_steps_behind_the_turn(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariants 3 and 4: whatever is accepted meanwhile reaches the centre once, at its place."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre, lost=1_200)
        before = await reasons(centre)
        old = Node(authority, tmp_path / "copy", NODE, centre.port)
        async with recovering(old) as recovery:
            await eventually(lambda: turned(recovery))
            written = 0

            async def finished() -> bool:
                nonlocal written
                await write(old, 1, f"meanwhile {written} ")
                written += 1
                await recovery.worker.step(CLOCK.wall())
                return recovery.table.told > 0 and not (await recovery.store.state()).cause

            await eventually(finished)
            await eventually(old.settled)
            found = await reasons(centre)
            assert len(found) == len(set(found)) == len(before) + written
            await eventually(lambda: same(old, centre))
            await sound(old)


async def test_a_copy_from_the_midst_of_a_recovery_is_recovered_too(
    authority: Authority, tmp_path: Path
) -> None:
    """A backup taken between the turn and the tail is a rewound node like any other."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        first = Node(authority, tmp_path / "copy", NODE, centre.port)
        await first.start()
        recovery = Recovering(first)
        await recovery.open()
        await eventually(lambda: turned(recovery))
        await first.kill()
        copy(tmp_path / "copy", tmp_path / "midst")
        async with recovering(first) as recovery:
            await eventually(recovery.finished)
            await write(first, 5, "after the first ")
            await eventually(first.settled)
        again = Node(authority, tmp_path / "midst", NODE, centre.port)
        async with recovering(again) as recovery:
            copied = again.journal.epoch  # its state says already that a tail is to come

            async def turned_again() -> bool:
                return await turned(recovery) and again.journal.epoch != copied

            await eventually(turned_again)
            await write(again, 3, "since the second ")
            await eventually(recovery.finished)
            await eventually(again.settled)
            found = await reasons(centre)
            assert len(found) == len(set(found)) == 5 + 5 + 5 + 3
            await eventually(lambda: same(again, centre))
            await told_of_their_places(again)
            await sound(again)


async def test_a_recovery_waits_out_a_paused_link(authority: Authority, tmp_path: Path) -> None:
    """Without a session nothing is asked and nothing forgotten; it goes on where it stood."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        old = Node(authority, tmp_path / "copy", NODE, centre.port)
        async with recovering(old) as recovery:
            await eventually(lambda: turned(recovery))
            session, old.state.session = old.state.session, None
            before = await own(old)
            for _ in range(3):
                assert await turned(recovery)
            await write(old, 1, "while paused ")
            assert len(await own(old)) == len(before)
            old.state.session = session
            await eventually(recovery.finished)
            await eventually(old.settled)
            await eventually(lambda: same(old, centre))


async def test_a_session_of_the_epoch_that_was_left_is_asked_nothing_more(
    authority: Authority, tmp_path: Path
) -> None:
    """However long its end takes, the turn is not made twice and the tail is not asked for yet."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        old = Node(authority, tmp_path / "copy", NODE, centre.port)
        async with recovering(old) as recovery:
            await eventually(lambda: old.state.session is not None)
            left = old.state.session
            await old.worker.pause("the turn's own session is put back by hand")
            await eventually(lambda: old.state.session is None)
            old.state.session = left
            assert await turned(recovery)
            present = await own(old)
            for _ in range(3):
                await recovery.worker.step(CLOCK.wall())
            assert await own(old) == present
            old.state.session = None
            await old.worker.resume()
            await eventually(recovery.finished)
            await eventually(lambda: same(old, centre))


async def test_what_came_back_before_the_centre_lost_it_is_not_thrown_away(
    authority: Authority, tmp_path: Path
) -> None:
    """A centre that was restored in the midst shows less: that is taken, the rest is kept."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        old = Node(authority, tmp_path / "copy", NODE, centre.port)
        async with recovering(old) as recovery:
            await eventually(lambda: turned(recovery))
            (listed, *_) = await recovery.engine.listed()
            head = listed.head
            rows = (await ledger(centre))[head.epoch]
            beyond = [
                rows[-1],
                rows[-2],
            ]  # entries of a time that the centre does not know any more
            have = (await recovery.store.sizes()).get(head.epoch, 0)
            await recovery.store.stage(head.epoch, have, [*rows[have:], *beyond])
            await eventually(recovery.finished)
            await eventually(old.settled)
            await eventually(lambda: same(old, centre))
            assert await recovery.store.staged(head.epoch, head.size) == head.size + 2
