"""A choice between two histories is taken only where the second one is here to be chosen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from central.ledger.ports import Source
from central.reconciliation.store import ReconciliationStore
from lpse.federation.errors import Conflict
from lpse.federation.reconciliation_rules import entry, evidence
from lpse.federation.v1 import records_pb2 as records
from tests.central.reconciliation.test_resolutions import NODE, Centre


class Waiting(Centre):
    """A centre that heard of a fork; the other machine's history has not come."""

    offers = False


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Waiting]:
    world = Waiting(tmp_path)
    await world.open()
    yield world
    await world.database.close()


async def test_a_history_that_has_not_come_cannot_be_chosen(centre: Waiting) -> None:
    """The refusal says what is missing and what to do; half a history is none."""
    for choice in ("CONTINUE_STORED", "CONTINUE_OFFERED"):
        with pytest.raises(Conflict, match=f"FED-7032.*{NODE}") as refused:
            await centre.ask(choice=choice, validate_only=choice == "CONTINUE_STORED")
        assert "start the machine that waits" in refused.value.remedy
    await centre.offered(whole=False)
    with pytest.raises(Conflict, match="FED-7032"):
        await centre.ask()
    await centre.offered()
    assert await centre.resolve() == "resolutions/1"


async def test_a_machine_that_never_comes_is_acknowledged(centre: Waiting) -> None:
    """Only the choice between histories needs both: nobody is stuck behind a lost machine."""
    assert await centre.resolve(choice="ACKNOWLEDGE") == "resolutions/1"


async def test_with_several_histories_the_entry_must_name_one(centre: Waiting) -> None:
    """An answer about the whole journal would decide about none of them."""
    first, second = await centre.offered(b"b"), await centre.offered(b"c")
    with pytest.raises(Conflict, match=f"FED-7033.*{first}, {second}"):
        await centre.ask()
    told = records.ReconciliationRecorded(
        run=f"recon/{NODE}/8",
        entries=[entry("R-EPOCH-OLD", first, evidence(size=9), evidence(size=8), "", 1)],
    )
    told.begin_time.FromDatetime(centre.clock.now())
    told.legal_time.CopyFrom(told.begin_time)
    runs = ReconciliationStore(centre.database)
    source = Source(NODE, bytes(16), 4, centre.clock.now(), bytes(16))
    await centre.database.write(lambda tx: runs.apply_in(tx, source, told))
    assert await centre.resolve(run=told.run) == "resolutions/1"
    assert await centre.resolve() == "resolutions/2", "a single one is left"


async def test_a_history_that_comes_between_approval_and_act_stops_the_act(
    centre: Waiting,
) -> None:
    """What two persons reviewed spoke of one other history; now there are two."""
    await centre.offered(b"b")
    plan = await centre.ask()
    await centre.approve(plan)
    await centre.offered(b"c")
    with pytest.raises(Conflict, match="FED-7033"):
        await centre.apply(plan, "recon.resolve")
    assert await centre.published() == []
