"""A release arrives at a node: the ways it can end, told by the service and by the journal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.demo.bundles import build_bundle
from regional_node.upgrades.rules import Reason, State
from tests.regional_node.upgrades.world import World

GOOD = ["RECEIVED", "DOWNLOADING", "VERIFIED", "APPLYING", "CHECKING", "APPLIED"]


async def test_upgrade_from_3_0_to_3_6(world: World, bundles: dict[str, Path]) -> None:
    """A good release ends with the new version running, by its own word, every step journalled."""
    world.want(bundles["3.6"], "3.6", "3.0")
    ended = await world.settle()
    assert ended.state is State.APPLIED
    assert world.version_page() == "3.6"
    assert await world.states() == GOOD
    entries = await world.journalled()
    assert entries[-1].reported_version == "3.6"
    assert {(e.rollout, e.from_version, e.to_version) for e in entries} == {
        ("rollouts/spse-3.6", "3.0", "3.6")
    }
    assert len(world.services()) == 1


async def test_the_data_follows_the_version(world: World, bundles: dict[str, Path]) -> None:
    """The apply hook really migrates the data of the old version."""
    data = world.root / "spse" / "data" / "spse.json"
    data.write_text(json.dumps({"format": 1, "paket": [{"kode": "PKT-1"}]}))
    world.want(bundles["3.6"], "3.6", "3.0")
    await world.settle()
    assert json.loads(data.read_text()) == {
        "format": 2,
        "paket": [{"kode": "PKT-1", "zona": "WIB"}],
    }


async def test_broken_release_goes_back_by_itself(world: World, bundles: dict[str, Path]) -> None:
    """3.6.1 starts but says it is not well: the node runs 3.6 again, with 3.6's data."""
    world.want(bundles["3.6"], "3.6", "3.0")
    await world.settle()
    data = (world.root / "spse" / "data" / "spse.json").read_bytes()
    world.want(bundles["3.6.1"], "3.6.1", "3.6")
    ended = await world.settle()
    assert (ended.state, ended.reason) == (State.ROLLED_BACK, Reason.UNHEALTHY)
    assert world.version_page() == "3.6"
    assert (world.root / "spse" / "data" / "spse.json").read_bytes() == data
    last = (await world.journalled())[-1]
    assert last.reported_version == "3.6"
    assert last.detail.startswith("UNHEALTHY: ")
    assert await world.worker.step(world.now) is None, "a release that failed is not tried again"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("wrong-version", Reason.WRONG_VERSION),
        ("exits", Reason.START_FAILED),
        ("apply-fails", Reason.APPLY_FAILED),
    ],
)
async def test_every_fault_leads_back(
    world: World, tmp_path: Path, fault: str, reason: Reason
) -> None:
    """Whatever a new version does wrong, the old one runs again and the reason is told."""
    bundle = build_bundle("3.6", tmp_path, faults=[fault])
    world.want(bundle, "3.6", "3.0")
    ended = await world.settle()
    assert (ended.state, ended.reason) == (State.ROLLED_BACK, reason)
    assert world.version_page() == "3.0"


async def test_preflight_refuses_before_anything_is_touched(world: World, tmp_path: Path) -> None:
    """A failed preflight is told as failed, and the running service was never stopped."""
    before = world.services()
    world.want(build_bundle("3.6", tmp_path, faults=["preflight-fails"]), "3.6", "3.0")
    ended = await world.settle()
    assert (ended.state, ended.reason) == (State.FAILED, Reason.PREFLIGHT_FAILED)
    assert world.services() == before
    assert "APPLYING" not in await world.states()


async def test_failed_rollback_is_told_plainly(world: World, tmp_path: Path) -> None:
    """When the way back fails too the entry says so, and the one version that can run does."""
    faults = ["unhealthy", "rollback-fails"]
    bundle = build_bundle("3.6", tmp_path, faults=faults, start_timeout_seconds=4)
    world.want(bundle, "3.6", "3.0")
    ended = await world.settle()
    assert (ended.state, ended.reason) == (State.FAILED, Reason.ROLLBACK_FAILED)
    assert "UNHEALTHY" in ended.detail
    assert "rollback hook: exit status 1" in ended.detail
    assert ended.detail.endswith("running now: 3.6")
    assert len(world.services()) == 1
    assert await world.version_soon() == "3.6"


async def test_the_centre_can_bring_the_old_version_back(
    world: World, bundles: dict[str, Path]
) -> None:
    """A downgrade is a release like any other, and needs no second download of a kept slot."""
    world.want(bundles["3.6"], "3.6", "3.0")
    await world.settle()
    world.want(bundles["3.0"], "3.0", "3.6")
    world.shelf.open = False
    ended = await world.settle()
    assert ended.state is State.APPLIED
    assert world.version_page() == "3.0"


async def test_service_that_dies_is_started_again(world: World) -> None:
    """The node keeps its service running, and only one of it."""
    [pid] = world.services()
    os.kill(pid, signal.SIGKILL)
    for _ in range(200):
        await world.worker.step(world.now)
        if world.services() not in ([], [pid]):
            break
        world.worker._supervisor._started_at = None  # the pause between starts is not waited for
    assert await world.version_soon() == "3.0"
    assert len(world.services()) == 1


async def test_service_outlives_the_daemon_and_is_adopted(world: World) -> None:
    """A node that starts again takes over the running service instead of a second one."""
    before = world.services()
    await world.database.close()
    again = await World(world.root, world.port).open()
    world.database, world.worker = again.database, again.worker
    await again.worker.step(again.now)
    assert again.services() == before
    assert (await again.worker.present()).running


async def test_first_installation_twice_is_harmless(world: World, bundles: dict[str, Path]) -> None:
    """Installing the first version again changes neither version nor process."""
    before = world.services()
    version = await world.worker.install_first(bundles["3.6"])
    assert str(version) == "3.0"
    assert world.services() == before


async def test_cut_link_keeps_the_download_waiting(world: World, bundles: dict[str, Path]) -> None:
    """Losing the centre rolls nothing back (Invariant 4): the fetch goes on when the road does."""
    world.shelf.open = False
    world.want(bundles["3.6"], "3.6", "3.0")
    await world.step_until("DOWNLOADING")
    for _ in range(3):
        attempt = await world.worker.step(world.now)
    assert attempt is not None
    assert attempt.state is State.DOWNLOADING
    world.shelf.open = True
    assert (await world.settle()).state is State.APPLIED


async def test_deadline_holds_and_the_end_of_it_releases(
    world: World, bundles: dict[str, Path]
) -> None:
    """Invariant 7: in the guard window a node holds with reason and time, once, then goes on."""
    end = world.later(hours=20)
    world.guard.end = end
    world.want(bundles["3.6"], "3.6", "3.0")
    held = await world.step_until("HELD")
    assert (held.reason, held.hold_until) == (Reason.DEADLINE, end)
    await world.worker.step(world.now)
    assert await world.states() == ["RECEIVED", "HELD"], "the same hold is journalled once"
    world.now = end + timedelta(seconds=1)
    world.guard.end = None
    assert (await world.settle()).state is State.APPLIED
    assert (await world.states())[1:3] == ["HELD", "DOWNLOADING"]


async def test_probes_see_what_people_see(world: World, bundles: dict[str, Path]) -> None:
    """The node asks its service for version and health, and knows when an upgrade is the reason."""
    report = await world.worker.report()
    assert (str(report.version), report.healthy) == ("3.0", True)
    (world.root / "spse" / "data" / "GANGGUAN").touch()
    assert not (await world.worker.report()).healthy
    assert await world.worker.complaint(2.0) == "the service answered with status 503"
    (world.root / "spse" / "data" / "GANGGUAN").unlink()
    assert await world.worker.complaint(2.0) == ""
    world.want(bundles["3.6"], "3.6", "3.0")
    await world.step_until("VERIFIED")
    assert not await world.worker.is_upgrading()
    await world.settle()
    assert str((await world.worker.present()).version) == "3.6"


async def test_bundle_of_another_version_than_released_is_refused(
    world: World, bundles: dict[str, Path]
) -> None:
    """A release that names the wrong bundle fails before anything is touched, and says why."""
    world.want(bundles["3.6.1"], "3.6", "3.0")
    ended = await world.settle()
    assert (ended.state, ended.reason) == (State.FAILED, Reason.BUNDLE_REFUSED)
    assert "FED-6109" in (await world.journalled())[-1].detail
    assert world.version_page() == "3.0"


async def test_release_that_cannot_be_read_leaves_the_service_in_care(
    world: World, bundles: dict[str, Path]
) -> None:
    """Invariant 10: a poisoned directive does not keep the node from looking after its service."""
    world.want(bundles["3.6"], "3.6 or so", "3.0")
    assert await world.worker.step(world.now) is None
    assert (await world.worker.present()).running


async def test_deadline_that_appears_during_the_download_still_holds(
    world: World, bundles: dict[str, Path]
) -> None:
    """Invariant 7: the schedule is asked again right before the service would be touched."""
    world.want(bundles["3.6"], "3.6", "3.0")
    await world.step_until("VERIFIED")
    world.guard.end = world.later(hours=2)
    assert (await world.step_until("HELD")).reason is Reason.DEADLINE
    world.want(bundles["3.6"], "3.6", "3.0", emergency_override=True)
    assert (await world.settle()).state is State.APPLIED


async def test_wave_that_closes_during_the_download_stops_the_node(
    world: World, bundles: dict[str, Path]
) -> None:
    """A halted rollout really halts: a node that has not begun does not begin."""
    world.want(bundles["3.6"], "3.6", "3.0")
    await world.step_until("VERIFIED")
    world.want(bundles["3.6"], "3.6", "3.0", wave_open=False)
    held = await world.step_until("HELD")
    assert held.reason is Reason.ROLLOUT
    assert world.version_page() == "3.0"


async def test_newer_release_takes_the_place_of_one_that_waits(
    world: World, bundles: dict[str, Path], tmp_path: Path
) -> None:
    """A node that waits for one release follows the next one instead."""
    world.want(bundles["3.6"], "3.6", "3.0", wave_open=False)
    await world.step_until("HELD")
    world.want(build_bundle("3.6.1", tmp_path, faults=[]), "3.6.1", "3.0")
    ended = await world.settle()
    assert (ended.state, str(ended.version)) == (State.APPLIED, "3.6.1")
    first = (await world.store.latest(2))[1]
    assert first.state is State.WITHDRAWN


async def test_disk_without_room_holds(
    world: World, bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is a hold with a time, not a failure; nothing of the bundle is left behind."""
    monkeypatch.setattr(world.worker._slots, "_reserve_bytes", 1 << 60)
    world.want(bundles["3.6"], "3.6", "3.0")
    held = await world.step_until("HELD")
    assert held.reason is Reason.NO_SPACE
    assert held.hold_until is not None
    assert len(list((world.root / "spse" / "slots").iterdir())) == 1
    monkeypatch.setattr(world.worker._slots, "_reserve_bytes", 0)
    early = await world.worker.step(world.now)
    assert early is not None
    assert early.state is State.HELD
    world.now = held.hold_until
    assert (await world.settle()).state is State.APPLIED


async def test_the_loop_goes_on_until_told(world: World, bundles: dict[str, Path]) -> None:
    """`run` brings the node to the release by itself and ends when asked, service still running."""
    world.want(bundles["3.6"], "3.6", "3.0")
    stop = asyncio.Event()
    running = asyncio.create_task(world.worker.run(stop, 0.01))
    while not [a for a in await world.store.latest(1) if a.state is State.APPLIED]:
        await asyncio.sleep(0.02)
    stop.set()
    await running
    assert world.version_page() == "3.6"
