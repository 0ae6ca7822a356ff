"""Parties that come back from a backup: they say so, and overwrite nothing.

The backups are made by the programs themselves, beside the running daemons.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from lpse.federation.entries import decode_entry
from tests.faults.asking import drained, eventually, status
from tests.faults.checker import centre_at, check_node, node_at
from tests.faults.conftest import Copy
from tests.faults.vendors import Vendors
from tests.faults.world import Centre, Node, call


async def test_node_restored_from_an_old_backup_opens_a_new_epoch(copy: Copy) -> None:
    """Invariant 5: the node goes on in a new epoch and gets the rest of the old one back."""
    centre, nodes = copy(0)
    node = nodes["lpse-pacitan"]
    vendors = Vendors(random.Random(3))
    await asyncio.gather(centre.start(), node.start())
    await vendors.hand_in(node.socket, vendors.plan(6, prefix="a"))
    saved = node.data.with_name("saved")
    await _backup(node, saved)
    await vendors.hand_in(node.socket, vendors.plan(6, prefix="b"))
    await drained(node)
    await node.kill()
    lost = node_at(node.name, node.data).own()

    restored = _moved(node)
    await _restore(restored, saved)
    await restored.start()
    late = vendors.plan(3, prefix="c")
    await vendors.hand_in(restored.socket, late)
    await eventually(lambda: _whole(restored), about=f"the lost entries:\n{restored.tail()}")
    await drained(restored)
    await asyncio.gather(restored.kill(), centre.kill())

    here = node_at(node.name, restored.data)
    check_node(here, vendors.given)
    _, copied = centre_at(centre.data).copy_of("ledger", node.name)
    (old,) = lost
    assert copied[old] == lost[old][: len(copied[old])], "the old epoch was overwritten"
    assert here.own()[old] == copied[old], "the tail that only the centre had did not come back"
    (new,) = set(here.own()) - {old}
    assert copied[new] == here.own()[new][: len(copied[new])]
    assert decode_entry(here.own()[new][0]).kind == "epoch.opened"
    there = centre_at(centre.data)
    missing = [
        (submission.key, len(content))
        for submission, _ in vendors.given.values()
        for content, digest in zip(submission.contents, submission.digests, strict=True)
        if there.blob(digest) != content
    ]
    assert not missing


async def _whole(node: Node) -> bool:
    """Nothing of the node's journal is on its way back any more."""
    answer = await status(node)
    return answer is not None and not answer.HasField("recovery")


async def test_centre_restored_from_an_older_copy_gets_its_entries_back(copy: Copy) -> None:
    """Invariant 5: what a node has seen comes back, and nothing is appended before."""
    centre, nodes = copy(0)
    centre.environment["LKPP_CENTRAL__BEACON_SECONDS"] = "0.5"
    node = nodes["lpse-pacitan"]
    await asyncio.gather(centre.start(), node.start())
    saved = centre.data.with_name("saved")
    await asyncio.to_thread(
        call, "lkpp-central", "backup", "create", str(saved), environment=centre.environment
    )
    known = await _national_size(node)
    await eventually(lambda: _beyond(node, known + 3), about="beacons after the backup")
    await centre.kill()
    seen = await _national_size(node)

    restored = _centre_again(centre)
    await asyncio.to_thread(
        call, "lkpp-central", "restore", str(saved), environment=restored.environment
    )
    (epoch, before), *_ = centre_at(restored.data).own().items()
    await restored.start()
    vendors = Vendors(random.Random(4))
    await vendors.hand_in(node.socket, vendors.plan(3))
    await eventually(lambda: _beyond(node, seen + 2), about="new beacons of the restored centre")
    await asyncio.gather(node.kill(), restored.kill())

    here = node_at(node.name, node.data)
    check_node(here, vendors.given)
    _, copied = here.copy_of("national", "lkpp")
    now, original = centre_at(restored.data).own()[epoch], centre_at(centre.data).own()[epoch]
    assert len(before) < seen, "the backup was to be older"
    assert now[:seen] == original[:seen], "an index that a node had seen was used again"
    assert copied[epoch] == now[: len(copied[epoch])], "the node's copy was overwritten"
    kinds = [decode_entry(one).kind for rows in here.own().values() for one in rows]
    assert kinds.count("centre.contradicted") == 1


def _partial(program: str, party: Centre | Node) -> None:
    """A file that rotted ends no backup: whoever makes, checks or restores one is told (exit 7)."""
    rotten = party.data / "blobs" / "sha256" / "ab" / ("ab" * 32)
    rotten.parent.mkdir(parents=True, exist_ok=True)
    rotten.write_bytes(b"other bytes")
    saved, fresh = party.data.with_name("partial"), party.data.with_name("from-partial")
    elsewhere = {**party.environment, f"{_prefix(party)}DATA": str(fresh)}
    for words, environment in (
        (("create", str(saved)), party.environment),
        (("verify", str(saved)), party.environment),
        (("restore", str(saved)), elsewhere),
    ):
        told = call(program, "backup", *words, environment=environment, expect=7)
        assert told["left_out"] == 1
    assert (fresh / "identity").is_dir(), "nothing but the rotten file may be missing"
    rotten.unlink()


@pytest.mark.parametrize("program", ["lpse-node", "lkpp-central"])
async def test_backup_beside_a_daemon_is_whole_and_private(copy: Copy, program: str) -> None:
    """A backup verifies, holds every key with mode 0600, and is restored by its own kind only."""
    centre, nodes = copy(0)
    party = centre if program == "lkpp-central" else nodes["lpse-pacitan"]
    other = nodes["lpse-pacitan"] if party is centre else centre
    saved = party.data.with_name("saved")
    await party.start()
    try:
        words = ("backup", "create", str(saved))
        told = await asyncio.to_thread(call, program, *words, environment=party.environment)
        assert told["party"] == ("lkpp" if party is centre else party.name)
        again = await asyncio.to_thread(
            call, program, *words, environment=party.environment, expect=4
        )
        assert again is None
        await asyncio.to_thread(
            call, program, "backup", "verify", str(saved), environment=party.environment
        )
        await asyncio.to_thread(_partial, program, party)
    finally:
        await party.kill()
    assert not (saved / "national.head").exists()
    assert (saved / "identity" / "signing.key").stat().st_mode & 0o777 == 0o600
    assert saved.stat().st_mode & 0o077 == 0
    foreign = {**other.environment, f"{_prefix(other)}DATA": str(saved.with_name("fresh"))}
    call(other.command[0], "backup", "restore", str(saved), environment=foreign, expect=1)
    call(program, "backup", "restore", str(saved), environment=party.environment, expect=4)


def _prefix(party: Centre | Node) -> str:
    return "LKPP_CENTRAL__" if isinstance(party, Centre) else "LPSE_NODE__"


def _moved(node: Node) -> Node:
    """The same node with an empty data folder."""
    again = Node(node.name, node.data.with_name(f"{node.name}-2"), 0)
    again.environment = {**node.environment, "LPSE_NODE__DATA": str(again.data)}
    again.http_port = node.http_port
    return again


def _centre_again(centre: Centre) -> Centre:
    """The same centre with an empty data folder."""
    again = Centre(centre.data.with_name("centre-2"))
    again.environment = {**centre.environment, "LKPP_CENTRAL__DATA": str(again.data)}
    again.ports, again.http_port = centre.ports, centre.http_port
    return again


async def _backup(node: Node, saved: Path) -> None:
    await asyncio.to_thread(
        call, "lpse-node", "backup", "create", str(saved), environment=node.environment
    )


async def _restore(node: Node, saved: Path) -> None:
    await asyncio.to_thread(
        call, "lpse-node", "backup", "restore", str(saved), environment=node.environment
    )


async def _national_size(node: Node) -> int:
    now = await status(node)
    return int(now.national_head.size) if now is not None else 0


async def _beyond(node: Node, size: int) -> bool:
    return await _national_size(node) > size
