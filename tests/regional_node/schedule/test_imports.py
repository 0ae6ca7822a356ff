"""Imports of packages: whole or not at all, harmless when repeated, never against a decision."""

from __future__ import annotations

import json

import pytest

from lpse.federation.errors import Conflict, FederationError, NotFound, Refused
from lpse.federation.rule_sets import built_in
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import packages_pb2 as api
from regional_node.schedule.imports import Defaults, read_packages
from regional_node.schedule.service import PackagesService
from tests.regional_node.schedule.world import UPLOAD, World, at, by_day, package

CSV = (
    "code,name,zone,rule_set,stage,start,end\n"
    "P1,Jembatan,Asia/Makassar,perka-1-2015,Upload Dokumen Penawaran,"
    "2015-03-20 08:00,2015-03-27 10.00\n"
    ",,,,Pembukaan Dokumen Penawaran,2015-03-27T10:01:00+08:00,2015-03-27T12:00:00+08:00\n"
)


def test_csv_and_json_say_the_same() -> None:
    """One row per stage, local times in the package's zone, is the same package as the JSON."""
    (from_csv,) = read_packages(CSV.encode(), Defaults("Asia/Jakarta"))
    document = {
        "code": "P1",
        "name": "Jembatan",
        "zone": "Asia/Makassar",
        "rule_set": "perka-1-2015",
        "stages": [
            {
                "name": "Upload Dokumen Penawaran",
                "start": "2015-03-20T08:00:00+08:00",
                "end": "2015-03-27T10:00:00+08:00",
            },
            {
                "name": "Pembukaan Dokumen Penawaran",
                "start": "2015-03-27T10:01:00+08:00",
                "end": "2015-03-27T12:00:00+08:00",
            },
        ],
    }
    (from_json,) = read_packages(json.dumps(document).encode(), Defaults("Asia/Jakarta"))
    assert from_csv == from_json


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"code,stage,start\nP1,a,b\n",
        b"code,stage,start,end,colour\n",
        b"code,stage,start,end\nP1,Upload,2015-03-27,2015-03-28\n",
        b"code,stage,start,end\nP1,Upload,2015-03-27 10:00\n",
        b'code,stage,start,end\nP1,"Upload,2015-03-27 10:00,2015-03-27 11:00\n',
        json.dumps(package("a/b c", "2015-03-27 10:00")).encode(),
    ],
)
def test_wrong_files_are_refused_with_a_code(data: bytes) -> None:
    """Bad input gets a clear error and nothing half-read."""
    with pytest.raises(FederationError, match=r"FED-4\d{3}"):
        read_packages(data, Defaults("Asia/Jakarta"))


async def test_importing_again_is_harmless_and_new_dates_are_a_revision(world: World) -> None:
    """Invariant 3: the same file twice is one revision; other dates are the next one."""
    first = package("P1", "2015-03-31 10:00")
    assert [one.changed for one in await world.load(first)] == [True]
    assert [one.changed for one in await world.load(first)] == [False]
    (again,) = await world.load(package("P1", "2015-04-02 10:00"))
    assert (again.revision, again.changed) == (2, True)
    assert await world.deadline("P1") == at("2015-04-02 10:00")
    assert (await world.kinds()).count("package.scheduled") == 2


async def test_import_is_taken_whole_or_not_at_all(world: World) -> None:
    """One package that is refused takes the others back."""
    await world.load(package("P1", "2015-03-31 10:00"))
    with pytest.raises(Conflict, match="FED-4103"):
        await world.load(
            package("P2", "2015-03-31 10:00"),
            package("P1", "2015-03-31 10:00", rule_set="perka-9-2099"),
        )
    with pytest.raises(NotFound, match="FED-4101"):
        await world.case("P2")


async def test_checking_an_import_changes_nothing(world: World) -> None:
    """`validate_only` answers as if, and leaves neither row nor entry."""
    data = json.dumps(package("P1", "2015-03-31 10:00")).encode()
    given = read_packages(data, Defaults("Asia/Jakarta"))
    size = world.journal.head.size
    (result,) = await world.packages.import_packages(
        given, built_in, world.clock.now(), validate_only=True
    )
    assert result.changed and world.journal.head.size == size
    with pytest.raises(NotFound, match="FED-4101"):
        await world.case("P1")
    await world.load(package("P2", "2015-03-31 10:00"))
    assert (await world.kinds()).count("package.scheduled") == 1


async def test_rules_are_fixed_at_the_announcement(world: World) -> None:
    """An unknown rule set is refused at first; later the announced one stays."""
    with pytest.raises(NotFound, match="FED-4042"):
        await world.load(package("P1", "2015-03-31 10:00", rule_set="perka-9-2099"))
    unnamed = package("P1", "2015-03-31 10:00")
    del unnamed["rule_set"]
    with pytest.raises(Refused, match="FED-4118"):
        await world.load(unnamed)
    await world.load(package("P1", "2015-03-31 10:00"))
    (again,) = await world.load(unnamed)
    assert not again.changed


async def test_old_export_does_not_take_a_decision_back(world: World) -> None:
    """Monotone: SPSE's old dates neither shorten nor undo what the Pokja decided."""
    old = package("P3", "2015-03-31 12:00")
    await world.load(old)
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-31 09:00"))
    await world.decide("P3", records.DECISION_ACCEPT)
    (same,) = await world.load(old)
    assert not same.changed
    with pytest.raises(Conflict, match="FED-4107"):
        await world.load(package("P3", "2015-04-01 12:00"))
    assert await world.deadline("P3") == at("2015-04-06 12:00")


async def test_changed_end_is_a_floor_for_imports(world: World) -> None:
    """Monotone: what a Pokja gave by an own decision is not taken back by an import either."""
    await world.load(package("P3", "2015-03-31 12:00"))
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-31 09:00"))
    await world.decide("P3", records.DECISION_CHANGE, changes={UPLOAD: at("2015-04-08 12:00")})
    await world.load(package("P3", "2015-04-10 12:00"))
    with pytest.raises(Conflict, match="FED-4107"):
        await world.load(package("P3", "2015-04-07 12:00"))
    assert await world.deadline("P3") == at("2015-04-10 12:00")


async def test_no_import_moves_what_is_held_opened_or_past(world: World) -> None:
    """Invariant 6: an import is no way around a hold, and ends nothing in the past."""
    await world.load(package("P1", "2015-03-27 10:00"), package("P4", "2015-04-01 16:00"))
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-30 09:00"))
    with pytest.raises(Conflict, match="FED-4106"):
        await world.load(package("P1", "2015-04-27 10:00"))
    with pytest.raises(Conflict, match="FED-4107"):
        await world.load(package("P4", "2015-03-28 10:00"))
    world.opened.add("P4")
    with pytest.raises(Conflict, match="FED-4107"):
        await world.load(package("P4", "2015-04-20 10:00"))


async def test_no_import_brings_the_deadline_of_bids_forward(world: World) -> None:
    """Invariant 6: an early end by import would open bids before the published deadline."""
    await world.load(package("P4", "2015-04-01 16:00"))
    with pytest.raises(Conflict, match="FED-4107"):
        await world.load(package("P4", "2015-03-31 16:00"))
    assert await world.deadline("P4") == at("2015-04-01 16:00")


async def test_package_is_told_with_everything_that_happened_to_it(world: World) -> None:
    """What SPSE and people ask: old and new ends, holds, revisions, state of every stage."""
    service = PackagesService(
        world.packages,
        world.proposals,
        world.effective,
        world.national,
        world.clock,
        zone="Asia/Jakarta",
    )
    await world.load(package("P1", "2015-03-27 10:00"), package("P2", "2015-03-30 10:00"))
    world.national.receive(by_day("2015-03-27", "2015-03-31"))
    await world.step(at("2015-03-30 09:00"))
    effective = await service.GetEffectiveSchedule(
        api.GetEffectiveScheduleRequest(name="packages/P1"),
        None,  # type: ignore[arg-type] # the handler reads no context
    )
    assert effective.held and effective.stages[0].state == api.STAGE_STATE_HELD
    assert effective.stages[0].HasField("proposed_end_time")
    await world.decide("P1", records.DECISION_ACCEPT)
    answer = await service.GetPackage(
        api.GetPackageRequest(name="packages/P1"),
        None,  # type: ignore[arg-type] # the handler reads no context
    )
    told = answer.package
    assert told.original_deadline_time.ToDatetime() == at("2015-03-27 10:00").replace(tzinfo=None)
    assert told.deadline_time.ToDatetime() == at("2015-03-31 10:00").replace(tzinfo=None)
    assert [one.origin for one in told.revisions] == ["import", "decision 1"]
    assert {one.end_reason for one in told.holds} == {"decided"}
    assert told.stages[0].stage == UPLOAD
    page = await service.ListPackages(
        api.ListPackagesRequest(page_size=1),
        None,  # type: ignore[arg-type] # the handler reads no context
    )
    assert (page.packages[0].code, page.next_page_token) == ("P1", "P1")
