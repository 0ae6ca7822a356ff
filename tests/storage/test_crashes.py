"""kill -9 at any moment: what was acknowledged is there, whole, after the restart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from lpse.federation.entries import decode_entry, verify_batch
from lpse.federation.merkle import CompactRange
from lpse.federation.v1 import records_pb2 as records
from lpse.storage.blobs import BlobStore
from tests.storage.crash_writer import SIGNER, open_journal

ROOT = Path(__file__).parents[2]
WRITER = Path(__file__).with_name("crash_writer.py")


def run_until_killed(mode: str, folder: Path, lines: int) -> list[list[str]]:
    """Acknowledgements of a writer that was killed after it had given `lines` of them."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto'}"}
    command = [sys.executable, str(WRITER), mode, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    return [line.split() for line in said if line.endswith("\n")]


@pytest.mark.parametrize("lines", [1, 40, 333])
async def test_acknowledged_entries_survive_a_kill(tmp_path: Path, lines: int) -> None:
    """Invariants 1 and 2: every acknowledged entry is at its index, and the tree is sound."""
    (tmp_path / "migrations").mkdir()
    source = ROOT / "regional_node" / "migrations" / "0010_journal.sql"
    (tmp_path / "migrations" / source.name).write_bytes(source.read_bytes())
    said: list[list[str]] = []
    for _ in range(2):  # the second life appends to what the first one left
        said += run_until_killed("journal", tmp_path, lines)
    database, journal = await open_journal(tmp_path)
    tree, stored = CompactRange(), []
    while batch := await journal.batch(tree.size):
        tree = verify_batch(tree, SIGNER.verifier, batch, SIGNER.name, journal.epoch).tree
        stored += [decode_entry(data).payload for data in batch.entries]
    await database.close()
    assert len(said) >= 2 * lines
    for index, commitment in said:
        record = records.UploadAccepted.FromString(stored[int(index)])
        assert record.commitment.hex() == commitment


@pytest.mark.parametrize("lines", [1, 30, 100])
async def test_acknowledged_bytes_survive_a_kill(tmp_path: Path, lines: int) -> None:
    """Invariant 1: acknowledged offsets hold their bytes, and every name holds its content."""
    said = run_until_killed("blobs", tmp_path, lines)
    assert len(said) >= lines
    named = {name: bytes.fromhex(digest) for kind, name, digest, _ in said if kind == "blob"}
    durable = {
        name: (int(size), digest)
        for kind, name, size, digest in said
        if kind == "part" and name not in named
    }
    store = BlobStore(tmp_path / "blobs")
    report = await store.sweep({name: size for name, (size, _) in durable.items()})
    assert await store.missing(list(named.values())) == []
    for path in (tmp_path / "blobs" / "sha256").glob("*/*"):
        assert sha256(path.read_bytes()).hexdigest() == path.name
    completed = 0
    for name, (size, digest) in durable.items():
        path = store.part_path(name)
        if not path.exists():  # named, but killed before it could say so
            completed += 1
            continue
        part = await store.begin(name, 50_000, durable_size=size)
        assert part.written_size == size
        assert sha256(path.read_bytes()).hexdigest() == digest
    assert report.parts_lost == completed
