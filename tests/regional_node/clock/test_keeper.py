"""A clock that is set is noticed, journalled and told; what was read stays as it was read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from lpse.federation.entries import decode_entry, moment
from lpse.federation.kinds import record_of
from lpse.federation.limits import CLOCK_SEEN_SECONDS, CLOCK_STEPS_KEPT_MAX
from lpse.federation.notes import Signer
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import SystemEntropy
from lpse.runtime.sqlite import Database
from lpse.storage.journal import Journal
from regional_node.clock.keeper import ClockKeeper
from regional_node.clock.messages import trust_message
from regional_node.clock.store import ClockStore
from regional_node.clock.worker import ClockWorker
from tests.regional_node.clock.driven import DrivenMachine
from tests.regional_node.intake.node import MIGRATIONS


@dataclass
class Run:
    """One run of the daemon, as far as its clock goes."""

    machine: DrivenMachine
    database: Database
    journal: Journal
    keeper: ClockKeeper
    worker: ClockWorker

    async def look(self) -> bool:
        return await self.worker.step(self.machine.monotonic())

    async def contact(self, delay: float = 0.01) -> None:
        sent = self.machine.monotonic()
        self.machine.advance(delay)
        await self.keeper.measured(sent, self.machine.right)

    @property
    def error(self) -> float:
        return self.keeper.moment().error_seconds

    def holds_right_time(self) -> bool:
        now = self.keeper.moment()
        return now.earliest <= self.machine.right + self.machine.legal_offset <= now.latest

    async def steps(self) -> list[records.ClockStepped]:
        found = []
        for row in await self.journal.entries(0, self.journal.head.size):
            entry = decode_entry(row.data)
            record = record_of(entry.kind, entry.payload)
            if isinstance(record, records.ClockStepped):
                found.append(record)
        return found


@asynccontextmanager
async def running(
    folder: Path, machine: DrivenMachine, *, restored: bool = False
) -> AsyncIterator[Run]:
    """Start in `folder`, as the daemon does; a stop says nothing to the clock."""
    signer = Signer.from_seed("lpse-pacitan", bytes(range(32)))
    database = await Database.open(folder / "node.db", MIGRATIONS)
    journal = Journal(database, signer, machine, SystemEntropy())
    await journal.open()
    log = structlog.get_logger()
    keeper = ClockKeeper(ClockStore(database, journal), machine, log)
    await keeper.open(restored=restored)
    yield Run(machine, database, journal, keeper, ClockWorker(keeper, log))
    await database.close()


async def test_set_backwards_while_running(tmp_path: Path) -> None:
    """A step is journalled once with both times, logged, and widens until the next contact."""
    machine = DrivenMachine()
    async with running(tmp_path, machine) as run:
        await run.contact()
        assert not await run.look()
        machine.advance(10)
        expected = machine.wall()
        machine.set_wall(-3_600)
        assert run.error > 3_600, "wide before anybody has looked"
        with capture_logs() as logs:
            assert await run.look()
            assert not await run.look()
        assert [line["event"] for line in logs] == ["clock.stepped"]
        (step,) = await run.steps()
        assert moment(step.before_time) == expected
        assert moment(step.after_time) == expected - timedelta(hours=1)
        assert step.before_boot_id == step.after_boot_id == machine.boot_id()
        assert step.found == records.CLOCK_STEP_FOUND_RUNNING
        assert run.error > 3_600
        assert run.holds_right_time()
        await run.contact(2.0)
        assert run.error < 1.1
        assert run.holds_right_time()


async def test_set_forwards_while_running(tmp_path: Path) -> None:
    """A leap forwards is a step like one backwards."""
    machine = DrivenMachine()
    async with running(tmp_path, machine) as run:
        await run.contact()
        machine.set_wall(7_200)
        assert await run.look()
        assert run.error > 7_200
        assert run.holds_right_time()


async def test_a_contact_right_after_a_step_does_not_hide_it(tmp_path: Path) -> None:
    """The centre's answer narrows the interval; the step is on record all the same."""
    machine = DrivenMachine()
    async with running(tmp_path, machine) as run:
        await run.contact()
        machine.set_wall(-50)
        await run.contact()
        assert len(await run.steps()) == 1
        assert run.error < 0.1
        assert run.holds_right_time()


@pytest.mark.parametrize("look", [True, False])
async def test_set_backwards_between_two_runs(tmp_path: Path, look: bool) -> None:
    """A wall clock earlier than what the last run saw is noticed at the start."""
    machine = DrivenMachine()
    async with running(tmp_path, machine) as run:
        await run.contact()
        if look:
            machine.advance(CLOCK_SEEN_SECONDS)
            await run.look()
        seen = machine.wall()
    machine.reboot()
    machine.set_wall(-3_600)
    async with running(tmp_path, machine) as run:
        (step,) = await run.steps()
        assert moment(step.before_time) == seen
        assert (step.before_boot_id, step.after_boot_id) == ("boot-1", "boot-2")
        assert step.found == records.CLOCK_STEP_FOUND_BETWEEN_RUNS
        assert run.keeper.moment().basis == "OTHER_BOOT"
        assert run.error > 3_500
        await run.contact()
        assert run.error < 0.1
        assert run.holds_right_time()
    async with running(tmp_path, machine) as run:
        assert len(await run.steps()) == 1, "noticed once"


async def test_set_while_the_daemon_was_stopped_in_one_boot(tmp_path: Path) -> None:
    """Monotonic time goes on while the daemon is away: steps both ways show at its start."""
    machine = DrivenMachine()
    async with running(tmp_path, machine) as run:
        await run.contact()
    machine.advance(100)
    machine.set_wall(900)
    async with running(tmp_path, machine) as run:
        (step,) = await run.steps()
        assert step.found == records.CLOCK_STEP_FOUND_RUNNING
        assert run.keeper.moment().basis == "MEASURED"
        assert run.error > 900
        assert run.holds_right_time()


async def test_a_measurement_outlives_a_restart(tmp_path: Path) -> None:
    """In the same boot it goes on by monotonic time, after another boot with a larger error."""
    machine = DrivenMachine()
    machine.set_wall(-7)
    async with running(tmp_path, machine) as run:
        assert run.keeper.moment().basis == "UNMEASURED"
        await run.contact()
    async with running(tmp_path, machine) as run:
        now = run.keeper.moment()
        assert (now.basis, round(now.offset_seconds)) == ("MEASURED", 7)
        assert run.holds_right_time()
        assert await run.steps() == []
    machine.reboot()
    async with running(tmp_path, machine) as run:
        now = run.keeper.moment()
        assert now.basis == "OTHER_BOOT"
        assert now.measure_time is not None
        assert 2.0 < now.error_seconds < 2.1
        assert run.holds_right_time()
        assert await run.steps() == []


async def test_a_backup_brings_no_measurement_along(tmp_path: Path) -> None:
    """A restored node may stand on another machine: it is unmeasured until the next contact."""
    machine = DrivenMachine()
    async with running(tmp_path, machine) as run:
        await run.contact()
    machine.reboot()
    machine.set_wall(-3_600)
    async with running(tmp_path, machine, restored=True) as run:
        assert run.keeper.moment().basis == "UNMEASURED"
        assert await run.steps() == []
        await run.contact()
        assert run.holds_right_time()


async def test_legal_time_of_an_exercise_is_no_wall_clock(tmp_path: Path) -> None:
    """Stepping legal time in an exercise is no step of the clock and widens nothing."""
    machine = DrivenMachine()
    async with running(tmp_path, machine) as run:
        await run.contact()
        machine.legal_offset = timedelta(days=-4)
        assert not await run.look()
        assert run.error < 0.1
        assert run.holds_right_time()
        assert await run.steps() == []


async def test_people_are_told(tmp_path: Path) -> None:
    """The status tells basis, offset, error, and the step noticed last, over restarts."""
    machine = DrivenMachine()
    async with running(tmp_path, machine) as run:
        assert trust_message(run.keeper.status()).basis == "UNMEASURED"
        assert not trust_message(run.keeper.status()).HasField("measure_time")
        await run.contact()
        machine.set_wall(-3_600)
        await run.look()
    async with running(tmp_path, machine) as run:
        told = trust_message(run.keeper.status())
        assert told.basis == "MEASURED"
        assert told.shift_seconds == -3_600
        assert moment(told.step_after_time) == machine.wall()


async def test_only_the_newest_steps_are_kept_beside_the_journal(tmp_path: Path) -> None:
    """Invariant 12: a clock that jumps all day fills the table to its limit only."""
    machine = DrivenMachine()
    async with running(tmp_path, machine) as run:
        for number in range(CLOCK_STEPS_KEPT_MAX + 5):
            machine.set_wall(10 if number % 2 else -10)
            assert await run.look()
        rows = await run.database.read(lambda tx: tx.execute("SELECT count(*) FROM clock_steps"))
        assert rows[0][0] == CLOCK_STEPS_KEPT_MAX
        assert len(await run.steps()) == CLOCK_STEPS_KEPT_MAX + 5
