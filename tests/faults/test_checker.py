"""The checker catches every kind of broken promise: each is planted into sound disks, and found.

A checker that never complains proves nothing. So a small federation works once, its disks are
copied for every test, and one thing is broken in each copy.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.asking import drained
from tests.faults.checker import (
    Fault,
    Finding,
    centre_at,
    examine_centre,
    examine_lying,
    examine_national,
    examine_node,
    node_at,
)
from tests.faults.load import half
from tests.faults.tus_vendors import File, TusVendor
from tests.faults.vendors import Submission, Vendors
from tests.faults.world import PACKAGES, Founding

NODE = "lpse-pacitan"


@dataclass
class Disks:
    """What is left of a federation at rest, and what vendors hold of it."""

    folder: Path
    vendors: Vendors

    def copy(self, folder: Path) -> Disks:
        """The same on other disks."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("*.sock"))
        return Disks(folder, self.vendors)

    @property
    def node(self) -> Path:
        """Data of the node."""
        return self.folder / NODE

    @property
    def centre(self) -> Path:
        """Data of the centre."""
        return self.folder / "centre"

    @property
    def key(self) -> str:
        """A submission with bytes."""
        return next(key for key, (one, _) in self.vendors.given.items() if len(one.contents[0]))

    @property
    def part(self) -> Path:
        """The file of an upload that was left in the middle."""
        return next((self.node / "blobs" / "incoming").glob("*.part"))

    def examine(self) -> list[Finding]:
        """Everything the checker says."""
        here, there = node_at(NODE, self.node), centre_at(self.centre)
        given = self.vendors.given
        return [
            *examine_node(here, given, self.vendors.proofs),
            *examine_centre(there, here, given),
            *examine_national(there, here),
            *examine_lying(here, self.vendors.lying),
        ]

    def blob(self, data: Path) -> Path:
        """The file of the first sealed bytes, at the node or the centre."""
        digest = self.vendors.given[self.key][0].digests[0].hex()
        return data / "blobs" / "sha256" / digest[:2] / digest


@pytest.fixture(scope="module")
def sound(founding: Founding, tmp_path_factory: pytest.TempPathFactory) -> Disks:
    """A federation that worked and rests."""
    folder = tmp_path_factory.mktemp("sound")
    vendors = Vendors(random.Random(21))
    asyncio.run(_work(founding, folder, vendors))
    return Disks(folder, vendors)


@pytest.fixture
def disks(sound: Disks, tmp_path: Path) -> Disks:
    """A copy to break."""
    return sound.copy(tmp_path / "disks")


async def _work(founding: Founding, folder: Path, vendors: Vendors) -> None:
    centre, nodes = founding.copy(folder)
    node = nodes[NODE]
    try:
        await asyncio.gather(centre.start(), node.start())
        await vendors.hand_in(node.socket, vendors.plan(5, bytes_max=60_000))
        broken = Submission("fault-broken", PACKAGES[0], (b"half of it is missing" * 1_000,))
        assert not await vendors.try_once(node.socket, broken, half(broken))
        assert vendors.proofs, "a broken stream left no proof of the attempt"
        vendor = TusVendor(node, vendors, PACKAGES, "sound")
        _, base = await vendor.ask_for_grant(PACKAGES[0], "sound")
        file = File(vendors.chance.randbytes(60_000))
        await vendor.create(base, file)
        await vendor.send(file, until=30_000)
        vendors.lying[file.file_id] = file
        await drained(node)
    finally:
        for party in (node, centre):
            party.end()


@contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """Statements that no program of ours would run."""
    connection = sqlite3.connect(path)
    try:
        yield connection
        connection.commit()
    finally:
        connection.close()


def flip(path: Path) -> None:
    """One bit of a file changes."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def lose_row(disks: Disks) -> None:
    with database(disks.node / "node.db") as rows:
        rows.execute("DELETE FROM intake_submissions WHERE intake_key = ?", (disks.key,))


def double_row(disks: Disks) -> None:
    with database(disks.node / "node.db") as rows:
        columns = [row[1] for row in rows.execute("PRAGMA table_info(intake_submissions)")]
        names = [one for one in columns if one not in ("submission", "intake_key")]
        listed = ", ".join(names)
        rows.execute(
            f"INSERT INTO intake_submissions (intake_key, {listed}) "
            f"SELECT 'another-key', {listed} FROM intake_submissions WHERE intake_key = ?",
            (disks.key,),
        )


def change_receipt(disks: Disks) -> None:
    with database(disks.node / "node.db") as rows:
        rows.execute(
            "UPDATE intake_submissions SET receipt = CAST(replace(receipt, '2', '3') AS BLOB) "
            "WHERE intake_key = ?",
            (disks.key,),
        )


def swap_receipt_for_proof(disks: Disks) -> None:
    proof = next(iter(next(iter(disks.vendors.proofs.values()))))
    with database(disks.node / "node.db") as rows:
        rows.execute(
            "UPDATE intake_submissions SET receipt = ? WHERE intake_key = ?", (proof, disks.key)
        )


def lose_proof(disks: Disks) -> None:
    with database(disks.node / "node.db") as rows:
        rows.execute("DELETE FROM intake_attempts")


def change_entry(disks: Disks) -> None:
    with database(disks.node / "node.db") as rows:
        rows.execute(
            "UPDATE journal_entries SET bytes = CAST(bytes || x'00' AS BLOB) WHERE idx = 3"
        )


def lose_entry(disks: Disks) -> None:
    with database(disks.node / "node.db") as rows:
        rows.execute(
            "DELETE FROM journal_entries WHERE idx = (SELECT MAX(idx) FROM journal_entries)"
        )


def double_entry(disks: Disks) -> None:
    with database(disks.node / "node.db") as rows:
        rows.execute(
            "INSERT INTO journal_entries SELECT epoch, (SELECT MAX(idx) + 1 FROM journal_entries), "
            "randomblob(16), kind, bytes, leaf_hash FROM journal_entries "
            "WHERE kind = 'upload.accepted' LIMIT 1"
        )


def lose_blob(disks: Disks) -> None:
    disks.blob(disks.node).unlink()


def flip_blob(disks: Disks) -> None:
    flip(disks.blob(disks.node))


def truncate_blob(disks: Disks) -> None:
    path = disks.blob(disks.node)
    path.write_bytes(path.read_bytes()[:-1])


def lose_part(disks: Disks) -> None:
    disks.part.unlink()


def cut_part(disks: Disks) -> None:
    disks.part.write_bytes(disks.part.read_bytes()[:29_999])


def flip_part(disks: Disks) -> None:
    flip(disks.part)


def forget_offset(disks: Disks) -> None:
    with database(disks.node / "node.db") as rows:
        rows.execute("UPDATE tus_files SET offset_bytes = 0")


def lose_blob_at_centre(disks: Disks) -> None:
    disks.blob(disks.centre).unlink()


def flip_blob_at_centre(disks: Disks) -> None:
    flip(disks.blob(disks.centre))


def lose_entry_at_centre(disks: Disks) -> None:
    with database(disks.centre / "central.db") as rows:
        rows.execute("DELETE FROM ledger_entries WHERE idx = (SELECT MAX(idx) FROM ledger_entries)")


def double_entry_at_centre(disks: Disks) -> None:
    with database(disks.centre / "central.db") as rows:
        rows.execute(
            "INSERT INTO ledger_entries SELECT journal, (SELECT MAX(idx) + 1 FROM ledger_entries), "
            "bytes, leaf_hash FROM ledger_entries WHERE (journal, idx) = "
            "(SELECT journal, MAX(idx) - 1 FROM ledger_entries)"
        )


def change_entry_at_centre(disks: Disks) -> None:
    with database(disks.centre / "central.db") as rows:
        rows.execute("UPDATE ledger_entries SET bytes = CAST(bytes || x'00' AS BLOB) WHERE idx = 3")


def change_national_copy(disks: Disks) -> None:
    with database(disks.node / "node.db") as rows:
        rows.execute(
            "UPDATE national_entries SET bytes = CAST(bytes || x'00' AS BLOB) WHERE idx = 1"
        )


PLANTED: dict[Callable[[Disks], None], set[Fault]] = {
    lose_row: {Fault.LOST, Fault.UNFOUNDED},
    double_row: {Fault.DOUBLED},
    change_receipt: {Fault.CORRUPTED, Fault.UNFOUNDED},
    swap_receipt_for_proof: {Fault.CORRUPTED, Fault.UNFOUNDED},
    lose_proof: {Fault.LOST, Fault.UNFOUNDED},
    change_entry: {Fault.CORRUPTED},
    lose_entry: {Fault.CORRUPTED},
    double_entry: {Fault.CORRUPTED, Fault.DOUBLED},
    lose_blob: {Fault.LOST},
    flip_blob: {Fault.CORRUPTED},
    truncate_blob: {Fault.CORRUPTED},
    lose_part: {Fault.LOST},
    cut_part: {Fault.LOST},
    flip_part: {Fault.CORRUPTED},
    forget_offset: {Fault.LOST},
    lose_blob_at_centre: {Fault.LOST},
    flip_blob_at_centre: {Fault.CORRUPTED},
    lose_entry_at_centre: {Fault.LOST},
    double_entry_at_centre: {Fault.CORRUPTED},
    change_entry_at_centre: {Fault.CORRUPTED},
    change_national_copy: {Fault.CORRUPTED},
}


def test_sound_disks_have_no_finding(sound: Disks) -> None:
    """Invariants 1 to 3: what worked undisturbed is whole on both sides."""
    assert sound.examine() == []


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_planted_violation_is_found(disks: Disks, plant: Callable[[Disks], None]) -> None:
    """Invariants 1 to 3: whatever is lost, doubled, changed or unfounded is named as that."""
    plant(disks)
    found = disks.examine()
    assert {one.fault for one in found} >= PLANTED[plant], found


def test_receipt_without_a_trace_is_found(disks: Disks) -> None:
    """Invariant 1: a receipt in a vendor's hand for which the node has nothing is a loss."""
    stranger = Vendors(random.Random(1), given=dict(disks.vendors.given))
    submission, receipt = stranger.given[disks.key]
    stranger.given["fault-ghost"] = (submission, receipt)
    disks.vendors = stranger
    assert {one.fault for one in disks.examine()} == {Fault.LOST}


def test_bytes_that_are_not_the_vendors_are_found(disks: Disks) -> None:
    """Invariant 2: a receipt for other bytes than the vendor sent is a corruption."""
    changed = Vendors(random.Random(1), given=dict(disks.vendors.given))
    submission, receipt = changed.given[disks.key]
    other = Submission(submission.key, submission.package, (b"other", *submission.contents[1:]))
    changed.given[disks.key] = (other, receipt)
    disks.vendors = changed
    assert Fault.CORRUPTED in {one.fault for one in disks.examine()}
