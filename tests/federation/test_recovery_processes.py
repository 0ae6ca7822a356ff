"""Real daemons: an old copy, a backup and a new machine end with everything that was written."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from pathlib import Path

import pytest

from lpse.federation.receipts import verify_receipt
from regional_node.identity.history import former_verifiers
from tests.faults.asking import drained, eventually, status
from tests.faults.checker import centre_at, check_node, node_at
from tests.faults.conftest import Copy, copy, founding  # noqa: F401 - fixtures
from tests.faults.vendors import Vendors
from tests.faults.world import Centre, Node, call

NODE = "lpse-pacitan"
pytestmark = pytest.mark.timeout(300)  # real processes, on a machine that may be slow


async def _whole(node: Node, centre: Centre) -> None:
    """Nothing is to be recovered any more, and everything is handed over."""

    async def quiet() -> bool:
        answer = await status(node)
        return answer is not None and not answer.HasField("recovery")

    await eventually(quiet, about=f"the end of the recovery:\n{node.tail()}")
    await drained(node)
    await asyncio.gather(node.kill(), centre.kill())
    here, there = node_at(node.name, node.data), centre_at(centre.data)
    _, copied = there.copy_of("ledger", node.name)
    own = here.own()
    assert set(own) == set(copied)
    for epoch, entries in copied.items():
        assert own[epoch][: len(entries)] == entries


async def test_an_old_copy_of_the_data_folder_is_started_again(copy: Copy) -> None:  # noqa: F811 - the fixture
    """The lost submissions are back at the node, with their receipts, and no person was needed."""
    centre, nodes = copy(0)
    node = nodes[NODE]
    vendors = Vendors(random.Random(5))
    await asyncio.gather(centre.start(), node.start())
    await vendors.hand_in(node.socket, vendors.plan(4, prefix="a"))
    await drained(node)
    await node.kill()
    saved = node.data.with_name("saved")
    shutil.copytree(node.data, saved, ignore=shutil.ignore_patterns("*.lock", "*.sock"))
    await node.start()
    await vendors.hand_in(node.socket, vendors.plan(4, prefix="b"))
    await drained(node)
    left = await _epoch(node)
    await node.kill()
    shutil.rmtree(node.data)
    saved.rename(node.data)

    await node.start()
    await _came_back(node, left)
    await vendors.hand_in(node.socket, vendors.plan(2, prefix="c"))
    await _whole(node, centre)
    check_node(node_at(node.name, node.data), vendors.given)


async def test_a_restored_backup_gets_what_was_written_after_it(copy: Copy) -> None:  # noqa: F811 - the fixture
    """A backup is restored and the rest comes from the centre; receipts of both are the same."""
    centre, nodes = copy(0)
    node = nodes[NODE]
    vendors = Vendors(random.Random(6))
    await asyncio.gather(centre.start(), node.start())
    await vendors.hand_in(node.socket, vendors.plan(4, prefix="a"))
    saved = node.data.with_name("saved")
    words = ("backup", "create", str(saved))
    await asyncio.to_thread(call, "lpse-node", *words, environment=node.environment)
    await vendors.hand_in(node.socket, vendors.plan(4, prefix="b"))
    await drained(node)
    left = await _epoch(node)
    await node.kill()
    shutil.rmtree(node.data)
    words = ("backup", "restore", str(saved))
    await asyncio.to_thread(call, "lpse-node", *words, environment=node.environment)

    await node.start()
    await vendors.hand_in(node.socket, vendors.plan(2, prefix="c"))
    await _came_back(node, left)
    await _whole(node, centre)
    check_node(node_at(node.name, node.data), vendors.given)


async def test_a_new_machine_takes_the_place_of_a_lost_one(copy: Copy) -> None:  # noqa: F811 - the fixture
    """Two persons agree, one code, an empty folder: the node is back with all its submissions."""
    centre, nodes = copy(0)
    node = nodes[NODE]
    vendors = Vendors(random.Random(7))
    await asyncio.gather(centre.start(), node.start())
    await vendors.hand_in(node.socket, vendors.plan(4, prefix="a"))
    await drained(node)
    left = await _epoch(node)
    paper = node.data.with_name("paper")
    told = call("lpse-node", "recovery-code", "show", "--yes", environment=node.environment)
    paper.write_text(told["recovery_code"], "utf-8")
    await node.kill()
    shutil.rmtree(node.data)

    code = await asyncio.to_thread(_agreed_code, centre)
    enrolment = f"127.0.0.1:{centre.ports[1]}"
    words: tuple[str, ...] = ("enrol", "--recover", "--endpoint", enrolment, "--code", "-")
    words += ("--recovery-code-file", str(paper))
    await asyncio.to_thread(
        call, "lpse-node", *words, environment=node.environment, stdin=f"{code}\n"
    )
    await node.start()
    await _came_back(node, left)
    await vendors.hand_in(node.socket, vendors.plan(2, prefix="c"))
    await _whole(node, centre)
    here = node_at(node.name, node.data)
    assert len(here.heads()) == 2, "the lost machine's epoch verifies with its own key"
    former = former_verifiers(node.data / "identity")
    rows = {row.key: row.signed for row in here.submissions()}
    assert set(rows) == set(vendors.given)
    for key, (submission, receipt) in vendors.given.items():
        assert rows[key] == receipt
        contents = list(zip(map(len, submission.contents), submission.digests, strict=True))
        signer = here.verifier if key.startswith("fault-c") else former[0]
        assert verify_receipt(receipt, signer, contents).accepted
        assert all(here.blob_facts(digest) == (size, digest) for size, digest in contents)


async def test_two_machines_with_one_identity_end_as_two_nodes(
    copy: Copy,  # noqa: F811 - the fixture
) -> None:
    """Both take bids, two persons decide, the other machine goes on as a new node with its bids."""
    centre, nodes = copy(0)
    node = nodes[NODE]
    vendors, others = Vendors(random.Random(8)), Vendors(random.Random(9))
    await asyncio.gather(centre.start(), node.start())
    await vendors.hand_in(node.socket, vendors.plan(2, prefix="a"))
    await drained(node)
    await node.kill()
    saved = node.data.with_name("saved")
    shutil.copytree(node.data, saved, ignore=shutil.ignore_patterns("*.lock", "*.sock"))
    await node.start()
    await vendors.hand_in(node.socket, vendors.plan(2, prefix="b"))
    await drained(node)
    await asyncio.gather(node.kill(), centre.kill())
    shutil.rmtree(node.data)
    saved.rename(node.data)
    await node.start()
    await others.hand_in(node.socket, others.plan(3, prefix="f"))
    await centre.start()

    async def advised(advice: str) -> bool:
        answer = await status(node)
        return answer is not None and answer.recovery.advice == advice

    await eventually(lambda: advised("WAIT"), about=f"the branch:\n{node.tail()}")
    await _decide(centre, "CONTINUE_STORED")
    await eventually(lambda: advised("REIMPORT"), about=f"the decision:\n{node.tail()}")
    await node.kill()
    sri = {"LKPPCTL_HOME": str(Path(centre.data).parent / "sri")}
    words: tuple[str, ...] = (
        "enrol",
        "create",
        "lpse-dua",
        "--province",
        "ID-JI",
        "--zone",
        "Asia/Jakarta",
    )
    code = call("lkppctl", *words, environment=sri)["code"]
    enrolment = f"127.0.0.1:{centre.ports[1]}"
    words = ("enrol", "--reimport", "--endpoint", enrolment, "--code", "-")
    call("lpse-node", *words, environment=node.environment, stdin=f"{code}\n")
    await node.start()
    await drained(node)
    await asyncio.gather(node.kill(), centre.kill())
    here, there = node_at("lpse-dua", node.data), centre_at(centre.data)
    here.heads()  # every epoch verifies, the old ones with the old key
    rows = {row.key: row.signed for row in here.submissions()}
    (former,) = former_verifiers(node.data / "identity")
    _, copied = there.copy_of("ledger", "lpse-dua")
    entries = b"".join(entry for listed in copied.values() for entry in listed)
    for key, (_, receipt) in others.given.items():
        assert rows[key] == receipt
        assert verify_receipt(receipt, former).commitment in entries


async def _decide(centre: Centre, choice: str, branch: str = "branches/1") -> None:
    """Planned by sri about the run in which the centre tells of the branch; approved by budi."""
    sri, budi = await asyncio.to_thread(_persons, centre)
    about: tuple[str, int] | None = None

    async def told() -> bool:
        nonlocal about
        listed = await asyncio.to_thread(call, "lkppctl", "recon", "list", environment=sri)
        for one in listed:
            objects = [entry["object"] for entry in one["record"]["entries"]]
            if branch in objects:
                about = one["name"], objects.index(branch)
        return about is not None

    await eventually(told, about=f"the centre's word about {branch}")
    assert about is not None
    words: tuple[str, ...] = ("recon", "resolve", about[0], "--entry", str(about[1]))
    words += ("--choice", choice)
    words += ("--reason", "two machines")
    plan = (await asyncio.to_thread(call, "lkppctl", *words, environment=sri))["name"]
    words = ("recon", "approve", "--plan", plan, "--yes")
    await asyncio.to_thread(call, "lkppctl", *words, environment=budi)
    words = ("recon", "apply", "--plan", plan, "--yes", "--expect-nodes", "1")
    await asyncio.to_thread(call, "lkppctl", *words, environment=sri)


async def _came_back(node: Node, left: bytes) -> None:
    """The node is in another epoch than the one it `left`, and nothing is on its way back."""

    async def back() -> bool:
        answer = await status(node)
        if answer is None or answer.HasField("recovery"):
            return False
        return answer.own_head.epoch != left

    await eventually(back, about=f"the end of the recovery:\n{node.tail()}")


async def _epoch(node: Node) -> bytes:
    answer = await status(node)
    assert answer is not None
    return answer.own_head.epoch


def _persons(centre: Centre) -> tuple[dict[str, str], dict[str, str]]:
    """The operator sri and the approver budi, each with a context for this very centre."""
    folder = Path(centre.data).parent
    sri, budi = ({"LKPPCTL_HOME": str(folder / name)} for name in ("sri", "budi"))
    invitation = (folder / "budi.code").read_text("utf-8")
    enrolment = f"127.0.0.1:{centre.ports[1]}"
    words = ("context", "create", "budi", "--enrolment", enrolment, "--code", "-")
    call("lkppctl", *words, environment=budi, stdin=f"{invitation}\n")
    for file in (folder / "sri").rglob("context.json"):  # the founding's ports are others
        known = json.loads(file.read_text("utf-8"))
        known["endpoint"] = f"127.0.0.1:{centre.ports[2]}"
        file.write_text(json.dumps(known), "utf-8")
    return sri, budi


def _agreed_code(centre: Centre) -> str:
    """Planned by sri, approved by budi, made into a code by sri."""
    sri, budi = _persons(centre)
    plan = call("lkppctl", "enrol", "create", NODE, "--recover", "fire", environment=sri)["name"]
    call("lkppctl", "enrol", "create", NODE, "--plan", plan, environment=sri, expect=4)
    call("lkppctl", "enrol", "approve", "--plan", plan, "--yes", environment=budi)
    words = ("enrol", "apply", "--plan", plan, "--yes", "--expect-nodes", "1")
    call("lkppctl", *words, environment=sri)
    made = call("lkppctl", "enrol", "create", NODE, "--plan", plan, environment=sri)
    return str(made["code"])
