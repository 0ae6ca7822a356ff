"""Runs of two histories with one name: each is listed, told and decided alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from central.ledger.ports import Source
from central.reconciliation.log_store import NEWEST, LogStore
from central.reconciliation.store import ReconciliationStore
from central.reconciliation.tokens import query_of
from lpse.federation.errors import Conflict, NotFound
from lpse.federation.v1 import recon_log_pb2 as log
from tests.central.reconciliation.test_resolutions import NODE, RUN, Centre, _run

OLD, NEW = f"{RUN}@00000000", f"{RUN}@abababab"


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    world = await Centre(tmp_path).open()
    yield world
    await world.database.close()


async def give_again(centre: Centre) -> ReconciliationStore:
    """The node counts its runs anew, in another epoch."""
    runs = ReconciliationStore(centre.database)
    source = Source(NODE, b"\xab" * 16, 3, centre.clock.now(), bytes(16))
    await centre.database.write(lambda tx: runs.apply_in(tx, source, _run()))
    return runs


async def test_each_of_two_runs_is_listed_by_a_name_that_finds_it(centre: Centre) -> None:
    """The short name is refused and tells both; the list's names find run, entries and entry."""
    runs = await give_again(centre)
    rows = await runs.page(before=NEWEST, limit=9)
    assert [row.name for row in rows] == [NEW, OLD]
    assert [(await runs.get(row.name)).id for row in rows] == [row.id for row in rows]
    with pytest.raises(Conflict, match=f"FED-7046.*{OLD}.*{NEW}"):
        await runs.get(RUN)
    with pytest.raises(NotFound, match="FED-7001"):
        await runs.get(f"{RUN}@cdcdcdcd")
    store = LogStore(centre.database)
    for name, epoch in ((OLD, bytes(16)), (NEW, b"\xab" * 16)):
        one = await store.entry(name, 0)
        page = await store.page(query_of(log.LogFilter(run=name)), before=NEWEST, limit=9)
        assert one is not None and one.line in [row.line for row in page]
        assert {(row.line.run, row.line.epoch) for row in page} == {(name, epoch)}


async def test_a_decision_is_about_one_of_two_runs(centre: Centre) -> None:
    """An answer from before the name was given again stays; the other run is decided by itself."""
    first = await centre.resolve()
    await give_again(centre)
    with pytest.raises(Conflict, match="FED-7046"):
        await centre.ask()
    with pytest.raises(Conflict, match="FED-7016"):
        await centre.resolve(run=OLD)
    second = await centre.resolve(run=NEW)
    third = await centre.resolve(run=f"{RUN}@0000", corrects=first, choice="CONTINUE_OFFERED")
    named = [one.run for one in await centre.published()]
    assert named == [RUN, NEW, OLD]
    listed = await centre.store.page(99, 9, run=RUN)
    assert [one.name for one in listed] == [third, second, first]
