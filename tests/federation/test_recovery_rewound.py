"""A node that came back from an old copy gets its lost tail from the centre, and loses nothing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lpse.federation.v1 import records_pb2 as records
from lpse.runtime import tls
from lpse.runtime.channels import open_channel
from lpse.runtime.sqlite import Transaction
from lpse.storage.journal_check import check_journal_in
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.recovery.client import RecoveryClient
from regional_node.recovery.engine import Engine
from regional_node.recovery.store import RecoveryStore
from regional_node.recovery.worker import RecoveryWorker
from regional_node.restored import MissingBlob, RestoredEntry
from tests.federation.rig import CLOCK, LOG, Authority, Centre, Node, eventually, running

NODE = "lpse-pacitan"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


class Table:
    """The port `Rebuilding` with a table: what is restored twice is seen."""

    def __init__(self) -> None:
        self.told = 0

    def open_in(self, tx: Transaction) -> None:
        tx.run(
            "CREATE TABLE IF NOT EXISTS test_restored (entry_id BLOB PRIMARY KEY, epoch BLOB,"
            " idx INTEGER, moved INTEGER)"
        )

    def restore_in(self, tx: Transaction, entry: RestoredEntry) -> Sequence[MissingBlob]:
        row = (entry.entry_id, entry.epoch, entry.index)
        tx.run("INSERT INTO test_restored VALUES (?, ?, ?, 0)", row)
        return ()

    def moved_in(self, tx: Transaction, entry: RestoredEntry) -> None:
        row = (entry.entry_id, entry.epoch, entry.index)
        tx.run("INSERT INTO test_restored VALUES (?, ?, ?, 1)", row)

    def told_in(self, tx: Transaction) -> Sequence[records.ReconciliationEntry]:
        return []

    def restored(self) -> None:
        self.told += 1


class Recovering:
    """The recovery worker of one rig node."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.table = Table()

    async def open(self) -> None:
        node = self.node
        await node.database.write(self.table.open_in)
        signer = node.authority.nodes[node.node_id]
        self.store = RecoveryStore(node.database)
        self.client = RecoveryClient(
            lambda: open_channel(
                f"127.0.0.1:{node.port}",
                tls.client_credentials(node.identity),
                server_name=tls.CENTRE_SERVER_NAME,
            ),
            signer.verifier,
            frozenset(),
        )
        self.engine = Engine(self.store, node.journal, signer, self.client, self.table, LOG)
        heads = (lambda: node.state.stored_head, lambda: node.national.head)
        runs = DecidedRuns(node.database, node.journal, CLOCK, heads, software_version="test")
        self.worker = RecoveryWorker(
            node.state,
            node.journal,
            (self.store, self.engine, runs),
            (self.table, _nothing_is_missing),
            CLOCK,
            LOG,
        )

    async def finished(self) -> bool:
        """One step; whether recovery is over and both sides are equal."""
        await self.worker.step(CLOCK.wall())
        over = self.table.told > 0 and not (await self.store.state()).cause
        return over and self.node.settled()


async def _nothing_is_missing(digest: bytes) -> None:
    raise AssertionError("no blob was named")


@asynccontextmanager
async def recovering(node: Node) -> AsyncIterator[Recovering]:
    """A running node with its recovery; the test steps it."""
    async with running(node):
        one = Recovering(node)
        await one.open()
        yield one


def copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.lock"))


async def write(node: Node, count: int, name: str = "") -> None:
    """Append, each entry with its own words."""
    await node.journal.append(*(records.HoldEnded(reason=f"{name}{one}") for one in range(count)))


async def first_life(authority: Authority, tmp_path: Path, centre: Centre, lost: int = 5) -> None:
    """A node that handed five entries over, left a copy, and then handed over `lost` more."""
    node = Node(authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await write(node, 5, "first ")
        await eventually(node.settled)
    copy(tmp_path / "node", tmp_path / "copy")
    async with running(node):
        for start in range(0, lost, 1000):
            await write(node, min(1000, lost - start), f"lost {start} ")
        await eventually(node.settled)


async def reasons(centre: Centre) -> list[str]:
    """Every hold that the centre projected, in order."""
    return sorted(one.reason for one in await centre.recorder.seen(records.HoldEnded))


async def own(node: Node) -> dict[bytes, list[bytes]]:
    """The node's journal by epoch, as stored."""
    return {
        row.epoch: [one.data for one in await node.journal.entries(0, 1 << 20, epoch=row.epoch)]
        for row in await node.journal.epochs()
    }


async def ledger(centre: Centre) -> dict[bytes, list[bytes]]:
    """The centre's copy by epoch."""
    found: dict[bytes, list[bytes]] = {}
    for position in centre.ledger.positions(NODE):
        rows = await centre.ledger.received.entries(NODE, position.epoch, 0, 1 << 20)
        found[position.epoch] = [row.data for row in rows]
    return found


async def same(node: Node, centre: Centre) -> bool:
    """Whether both hold the same entries; a run that is told at the end may be on its way still."""
    return await own(node) == await ledger(centre)


async def sound(node: Node) -> None:
    """The whole journal makes its signed heads."""
    verifier = node.authority.nodes[node.node_id].verifier
    await node.database.read(lambda tx: check_journal_in(tx, verifier))


async def runs_of(node: Node) -> list[records.ReconciliationRecorded]:
    """Newest first."""
    return [one.record for one in await node.runs.store.page(before=1 << 40, limit=50)]


async def told_of_their_places(node: Node) -> None:
    """Whoever was told of an entry that moved was told the place where it stands now."""
    moved = await node.database.read(
        lambda tx: tx.execute("SELECT epoch, idx, entry_id FROM test_restored WHERE moved = 1")
    )
    assert moved
    for epoch, index, entry_id in moved:
        (row,) = await node.journal.entries(index, index + 1, epoch=epoch)
        assert row.entry_id == entry_id


async def test_an_old_copy_started_again_gets_its_tail_back_without_a_person(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 5: the lost entries return verbatim, a new epoch continues the stored head."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        old = Node(authority, tmp_path / "copy", NODE, centre.port)
        async with recovering(old) as recovery:
            await eventually(recovery.finished)
            await eventually(old.settled)
            await eventually(lambda: same(old, centre))
            await sound(old)
            assert len(await old.journal.epochs()) == 2
            told = [one.rule for run in await runs_of(old) for one in run.entries]
            assert "R-TAIL-RETURNED/1" in told and "R-EPOCH-CONTINUED/1" in told
            assert await centre.parts.store.quarantine(NODE) is None


async def test_what_was_written_since_is_kept_and_written_again(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariants 2 and 3: entries written while recovery is decided count once, none is lost."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        before = await reasons(centre)
        old = Node(authority, tmp_path / "copy", NODE, centre.port)
        async with recovering(old) as recovery:
            await eventually(lambda: old.state.session is not None)
            engine, left = recovery.engine, old.state.session
            listed = await engine.listed()
            agreed = await engine.agreed(listed)
            await write(old, 7, "since ")  # between the look and the turn
            await engine.turn(listed, agreed)
            await eventually(lambda: old.state.session not in (left, None))
            await eventually(recovery.finished)
            await eventually(old.settled)
            since = [f"since {one}" for one in range(7)]
            assert await reasons(centre) == sorted([*before, *since])
            kept = await old.database.read(recovery.store.branched_in)
            assert kept >= 7
            await told_of_their_places(old)
            await sound(old)


async def test_a_long_tail_comes_back_in_pieces(authority: Authority, tmp_path: Path) -> None:
    """Thousands of entries return in bounded pieces and bounded units."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre, lost=3_000)
        old = Node(authority, tmp_path / "copy", NODE, centre.port)
        async with recovering(old) as recovery:
            await eventually(recovery.finished)
            rows = await old.database.read(
                lambda tx: tx.execute("SELECT count(*) FROM test_restored WHERE moved = 0")
            )
            assert rows[0][0] >= 3_000
            await sound(old)


async def test_killed_between_any_two_steps_it_goes_on(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 1: whatever step was the last one before a crash, the next start ends it."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre, lost=1_200)
        old = Node(authority, tmp_path / "copy", NODE, centre.port)
        for _ in range(60):
            await old.start()
            recovery = Recovering(old)
            await recovery.open()
            try:
                await eventually(lambda: old.state.session is not None)
                await recovery.worker.step(CLOCK.wall())
                over = (await recovery.store.state()).cause == "" and recovery.table.told > 0
            finally:
                await old.kill()
            if over:
                break
        else:
            raise AssertionError("recovery does not end")
        async with running(old):
            await eventually(old.settled)
            await eventually(lambda: same(old, centre))
            await sound(old)


async def test_a_second_restore_of_a_copy_that_never_reached_the_centre(
    authority: Authority, tmp_path: Path
) -> None:
    """A restored node whose new epoch was never sent may be restored again, even before a hello."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        for round_ in range(2):
            again = Node(authority, tmp_path / "copy", NODE, 1)  # nobody listens there
            again.restored = True
            async with running(again):
                await write(again, 3, f"round {round_} ")
            await asyncio.sleep(0)
        last = Node(authority, tmp_path / "copy", NODE, centre.port)
        async with recovering(last) as recovery:
            await recovery.store.want("backup")
            await eventually(recovery.finished)
            await eventually(last.settled)
            found = await reasons(centre)
            assert len(found) == len(set(found)) == 5 + 5 + 6
            await sound(last)
