"""A small country: what is promised at the ports of the simulator, over the real programs."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

import grpc
import pytest

from lpse.federation.errors import Unavailable
from lpse.federation.receipts import verify_receipt
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
from lpse.runtime.channels import error_from
from tests.simulation.disk import Fault
from tests.simulation.observe import settled, sight
from tests.simulation.operators import Operators
from tests.simulation.plan import Event, Scenario
from tests.simulation.runs import Run
from tests.simulation.settings import Options
from tests.simulation.vendors import Vendors
from tests.simulation.world import World

HOUR = 3_600.0
SWAPS = {"one_in": 1_000_000.0, "seconds": 600.0}
SMALL = Options(nodes=3, days=0.5, grain=600.0, vendors_per_day=12)


def a_run(seed: int) -> str:
    """The fingerprint of a short run with a few faults."""
    with World(seed, SMALL) as world:
        world.build()
        vendors = Vendors(world)
        vendors.begin()
        nodes = list(world.nodes.values())
        world.later(2 * HOUR, nodes[0].cut_power)
        world.later(3 * HOUR, lambda: world.cut(nodes[1]))
        world.later(5 * HOUR, lambda: world.heal(nodes[1]))
        world.later(6 * HOUR, world.centre.kill)
        world.run(12 * HOUR)
        assert world.until(lambda: settled(world), 6 * HOUR)
        assert not world.loop.complaints
        assert vendors.promises.receipts
        assert not vendors.promises.doubled
        return world.trace.hash


def test_a_seed_is_a_run_in_one_process() -> None:
    """Twice the same seed: the same events in the same order; another seed: others."""
    first = a_run(11)
    assert a_run(11) == first
    assert a_run(12) != first


def test_a_seed_is_a_run_in_two_processes() -> None:
    """The command gives the same fingerprint whenever and wherever it runs."""
    words = [sys.executable, "-m", "tests.simulation", "--seed", "5", "--nodes", "2"]
    words += ["--days", "0.3", "--grain", "600"]
    traces = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        ran = subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=120, check=True
        )
        traces |= {line for line in ran.stdout.splitlines() if line.startswith("trace ")}
    assert len(traces) == 1, traces


def test_receipts_are_the_nodes_own_and_reach_the_centre() -> None:
    """Vendors hold receipts that parse; both sides hold the same journals at the end."""
    with World(2, SMALL) as world:
        world.build()
        vendors = Vendors(world)
        vendors.begin()
        world.run(12 * HOUR)
        assert world.until(lambda: settled(world), 2 * HOUR)
        receipts = vendors.promises.receipts
        assert len(receipts) > 10
        for wish, receipt, _ in receipts.values():
            verify_receipt(receipt, world.nodes[wish.node].signer.verifier)
        for node in world.nodes.values():
            seen = sight(world, node)
            assert seen.own is not None
            assert seen.own.size == seen.at_centre > 1


def test_a_killed_node_answers_nobody_and_comes_back() -> None:
    """A call under way is UNAVAILABLE; the service manager starts the program again."""
    with World(3, SMALL) as world:
        world.build()
        node = world.nodes["lpse-000"]

        async def ask() -> wire.ListQueueResponse:
            answer: wire.ListQueueResponse = await SubmissionsStub(node.local()).ListQueue(
                wire.ListQueueRequest()
            )
            return answer

        world.run_until(ask())
        world.run(1.0)
        node.kill()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            world.run_until(ask())
        assert isinstance(error_from(caught.value), Unavailable)
        assert world.until(lambda: node.running and node.node is not None, 60.0)
        world.run_until(ask())
        assert node.ends == ["killed"]


def test_a_crash_inside_a_commit_loses_nothing_that_was_answered() -> None:
    """The machine dies in the middle of an fsync, again and again; every receipt stays."""
    with World(4, Options(nodes=1, days=0.3, grain=60.0, vendors_per_day=100)) as world:
        world.build()
        vendors = Vendors(world)
        vendors.begin()
        node = world.nodes["lpse-000"]
        for number in range(6):
            fault = Fault("sync", "CRASH", after=number * 3, file="node.db")
            world.later(600.0 * (number + 1), partial(node.disk.faults.append, fault))
        world.run(7.2 * HOUR)
        assert node.ends.count("killed") >= 5
        assert world.until(lambda: settled(world), 2 * HOUR)
        machine = node.node.machine if node.node else None
        assert machine is not None
        keys = world.run_until(
            machine.database.read(
                lambda tx: tx.execute("SELECT intake_key FROM intake_submissions")
            )
        )
        assert {key for (key,) in keys} >= set(vendors.promises.receipts)


def test_an_ordered_upgrade_reaches_the_local_service() -> None:
    """Release, plan, approval, rollout, bundle over the link, hooks, switch, new version."""
    with World(6, Options(nodes=2, days=1, grain=600.0, packages=0)) as world:
        world.build()
        operators = Operators(world)
        world.run(HOUR)
        world.run_until(operators.add_release("3.6"))
        world.run_until(operators.roll_out("3.6", [["lpse-000"], ["lpse-001"]]))
        hosts = [node.host for node in world.nodes.values()]
        assert world.until(
            lambda: all(host.processes["service.lock"].version == "3.6" for host in hosts),
            12 * HOUR,
        )


def test_a_clone_is_noticed() -> None:
    """Two machines with one identity: one of them is put under quarantine, none is believed."""
    with World(7, SMALL) as world:
        world.build()
        node = world.nodes["lpse-001"]
        world.run(HOUR)
        twin = world.clone(node)
        twin.start()
        assert world.until(
            lambda: (
                bool(sight(world, node).quarantine or sight(world, twin).quarantine)
                or not (sight(world, node).present and sight(world, twin).present)
            ),
            2 * HOUR,
        )
        assert not (sight(world, node).present and sight(world, twin).present)


def test_a_hand_that_keeps_frames_back_leaves_with_the_call() -> None:
    """No transport loses a frame and goes on: what was kept back breaks its call when it ends."""
    with World(8, SMALL) as world:
        world.build()
        run = Run(world, Scenario(8).with_events([Event(60.0, "reordered", "lpse-000", SWAPS)]))
        run.begin()
        road = world.roads.between("lpse-000", "lkpp")
        world.run(60.0 + SWAPS["seconds"] - 1.0)
        calls = set(road.calls)
        assert calls
        world.run(2.0)
        assert road.meddler is None
        assert not calls & set(road.calls)
