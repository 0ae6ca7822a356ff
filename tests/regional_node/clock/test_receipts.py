"""What intake says while its clock is doubtful: receipts show it, and no order is repaired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from lpse.federation.entries import decode_entry, moment
from lpse.federation.kinds import record_of
from lpse.federation.receipts import verify_receipt
from lpse.federation.v1.records_pb2 import UploadAccepted, Verdict
from regional_node.clock.keeper import ClockKeeper
from regional_node.clock.store import ClockStore
from tests.regional_node.clock.driven import DrivenMachine
from tests.regional_node.intake.node import DEADLINE, Clocks, Node, journalled, serve, start_node
from tests.regional_node.intake.uploads import Answers, Stub, begin, requests, upload


class DrivenClocks(Clocks, DrivenMachine):
    """Intake's clock over a machine whose wall clock can be set."""

    def __init__(self) -> None:
        Clocks.__init__(self, DEADLINE)
        DrivenMachine.__init__(self, DEADLINE - timedelta(hours=3))

    now = DrivenMachine.now
    wall = DrivenMachine.wall
    monotonic = DrivenMachine.monotonic
    boot_id = DrivenMachine.boot_id
    advance = DrivenMachine.advance


@dataclass
class Desk:
    """A node that measures its clock for real, and its machine."""

    node: Node
    machine: DrivenClocks
    keeper: ClockKeeper
    stub: Stub

    async def contact(self) -> None:
        await self.keeper.measured(self.machine.monotonic(), self.machine.right)

    async def bid(self, number: int) -> Answers:
        return await upload(self.stub, requests(first=begin(key=f"key-{number:08}")))

    def document(self, answers: Answers) -> dict[str, Any]:
        return dict(verify_receipt(answers.receipt, self.node.signer.verifier).document)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    machine = DrivenClocks()
    async with start_node(tmp_path, clock=machine) as node, serve(node) as stub:
        store = ClockStore(node.database, node.journal)
        machine.keeper = ClockKeeper(store, machine, structlog.get_logger())
        await machine.keeper.open()
        yield Desk(node, machine, machine.keeper, stub)


async def test_receipts_show_the_wider_interval(desk: Desk) -> None:
    """After a step back receipts carry the reading as it was and the error as it is."""
    never = desk.document(await desk.bid(1))
    assert (never["clock_basis"], never["clock_measure_time"]) == ("UNMEASURED", None)
    await desk.contact()
    good = desk.document(await desk.bid(2))
    assert good["clock_basis"] == "MEASURED"
    assert good["clock_error_seconds"] < 0.1
    desk.machine.set_wall(-3_600)
    doubtful = desk.document(await desk.bid(3))
    assert doubtful["clock_error_seconds"] > 3_600
    assert doubtful["accept_time"] < good["accept_time"]
    await desk.contact()
    after = desk.document(await desk.bid(4))
    assert after["clock_error_seconds"] < 0.1
    assert after["clock_offset_seconds"] == pytest.approx(3_600)
    assert after["accept_time"] < good["accept_time"], "the reading stays a reading"


async def test_a_clock_set_back_cannot_make_a_late_bid_timely(desk: Desk) -> None:
    """Half an hour late by the right time, half an hour early by the clock: people decide."""
    await desk.contact()
    desk.machine.advance(3.5 * 3_600)
    desk.machine.set_wall(-3_600)
    late = await desk.bid(1)
    assert late.accepted is not None
    assert late.accepted.verdict == Verdict.VERDICT_UNDETERMINED
    await desk.contact()
    refused = await desk.bid(2)
    assert refused.code == "FED-5011"


async def test_the_order_of_the_journal_is_never_repaired(desk: Desk) -> None:
    """Acceptance times go back with the clock, entries stay in the order in which they came."""
    await desk.contact()
    for number, step in enumerate((0, -3_600, 7_200, -1_800)):
        desk.machine.set_wall(step)
        await desk.keeper.look(keep=True)
        desk.machine.advance(1)
        await desk.bid(number)
    times, commitments = [], []
    for record in await journalled(desk.node, "upload.accepted"):
        assert isinstance(record, UploadAccepted)
        times.append(moment(record.accept_time))
        commitments.append(record.commitment)
    assert times != sorted(times)
    stored = [await desk.node.store.submission(f"key-{number:08}") for number in range(4)]
    assert commitments == [one.commitment.digest for one in stored if one]
    assert [one.accept_time for one in stored if one] == times
    assert len(await journalled(desk.node, "clock.stepped")) == 3
    entries = await desk.node.journal.entries(0, desk.node.journal.head.size)
    kinds = [decode_entry(entry.data).kind for entry in entries]
    assert kinds.index("clock.stepped") > kinds.index("upload.accepted")
    assert record_of("clock.stepped", b"") is not None
