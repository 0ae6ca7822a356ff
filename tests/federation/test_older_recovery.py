"""A centre and a node with data from before lost entries came back, run by today's code.

`older/issue3.tar.xz` was made by the programs of that time (commit 85554c8), through their own
commands and API: eight submissions of one package that is open until 2095. `saved` is a backup of
the node that was taken after three of them; three more reached the centre, two came while it was
away. Its entries have no sealed details, and its runs no inputs. `receipts.json` holds what vendors
were given. The keys in it are worth nothing elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.asking import drained, eventually, queued
from tests.faults.checker import centre_at, check_centre, check_national, check_node, node_at
from tests.faults.vendors import Submission, Vendors
from tests.faults.world import Centre, Node, call

ARCHIVE = Path(__file__).parent / "older" / "issue3.tar.xz"
SETTINGS = {"ENVIRONMENT": "exercise"}  # as the parties were founded


@pytest.fixture
def older() -> Iterator[tuple[Path, Centre, Vendors]]:
    """What was left of that time; the centre is stopped."""
    folder = Path(tempfile.mkdtemp(prefix="lpse-"))  # short: the name of a socket has 107 bytes
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    centre = Centre(folder / "centre")
    centre.environment |= {f"{centre.prefix}{key}": text for key, text in SETTINGS.items()}
    vendors = Vendors(random.Random(1))
    for key, one in json.loads((folder / "receipts.json").read_text("utf-8")).items():
        contents = tuple(map(bytes.fromhex, one["contents"]))
        vendors.keep(Submission(key, one["package"], contents), one["receipt"].encode())
    try:
        yield folder, centre, vendors
    finally:
        centre.end()
        shutil.rmtree(folder, ignore_errors=True)


def _node(folder: Path, centre: Centre) -> Node:
    node = Node("lpse-pacitan", folder, centre.ports[0], centre.ports[1])
    node.environment |= {f"{node.prefix}{key}": text for key, text in SETTINGS.items()}
    return node


@pytest.mark.timeout(240)
async def test_data_from_before_recovery_goes_on(older: tuple[Path, Centre, Vendors]) -> None:
    """Invariants 1 to 4: receipts keep their bytes, runs of that time are told, an audit agrees."""
    folder, centre, vendors = older
    node = _node(folder / "lpse-pacitan", centre)
    try:
        await node.start()  # the centre is away: an upgrade of the node alone
        assert await queued(node) == 3
        for submission, receipt in list(vendors.given.values()):
            assert await vendors.try_once(node.socket, submission), vendors.refused
            assert vendors.given[submission.key][1] == receipt
        await centre.start()
        await drained(node)
        *_, oldest = await _ask(node, "recon", "list")
        assert (await _ask(node, "recon", "get", oldest["name"]))["name"] == oldest["name"]
        await asyncio.gather(node.kill(), centre.kill())
        here, there = node_at(node.name, node.data), centre_at(centre.data)
        check_node(here, vendors.given)
        check_centre(there, here, vendors.given)
        check_national(there, here)
    finally:
        node.end()


@pytest.mark.timeout(240)
async def test_a_backup_from_before_recovery_gets_its_tail_back(
    older: tuple[Path, Centre, Vendors],
) -> None:
    """Invariant 5: entries without sealed details return, wait, and are whole by the receipts."""
    folder, centre, vendors = older
    node = _node(folder / "restored", centre)
    try:
        await asyncio.to_thread(
            call, "lpse-node", "backup", "restore", str(folder / "saved"),
            environment=node.environment,
        )  # fmt: skip
        await asyncio.gather(centre.start(), node.start())

        async def waits() -> bool:
            return len(await _ask(node, "receipt", "waiting")) == 3

        await eventually(waits, about=f"the lost entries:\n{node.tail()}")
        for one in await _ask(node, "receipt", "waiting"):
            assert not one["sealed"]
        for left, (submission, receipt) in _last(vendors, "older-b"):
            file = folder / "receipt.txt"
            file.write_bytes(receipt)
            assert (await _ask(node, "receipt", "restore", str(file)))["waiting"] == left
            assert await vendors.try_once(node.socket, submission), vendors.refused
            assert vendors.given[submission.key][1] == receipt
        for _, (submission, _) in _last(vendors, "older-c"):  # the lost disk alone had these
            del vendors.given[submission.key]
        await drained(node)
        await eventually(lambda: _has_bytes(node, vendors), about=f"the bytes:\n{node.tail()}")
        await asyncio.gather(node.kill(), centre.kill())
        here, there = node_at(node.name, node.data), centre_at(centre.data)
        check_node(here, vendors.given)
        check_centre(there, here, vendors.given)
    finally:
        node.end()


async def _has_bytes(node: Node, vendors: Vendors) -> bool:
    """Whether the sealed bytes of every submission are at the node."""
    digests = [one.hex() for submission, _ in vendors.given.values() for one in submission.digests]
    return all((node.data / "blobs" / "sha256" / one[:2] / one).exists() for one in digests)


def _last(vendors: Vendors, prefix: str) -> list[tuple[int, tuple[Submission, bytes]]]:
    """Submissions of one time, each with how many come behind it."""
    found = [one for key, one in vendors.given.items() if key.startswith(prefix)]
    return [(len(found) - place, one) for place, one in enumerate(found, 1)]


async def _ask(node: Node, *words: str) -> Any:
    return await asyncio.to_thread(call, "lpse-node", *words, environment=node.environment)
