"""The simulated disk under the real SQLite and the real `Database`: what it keeps and what not."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from lpse.runtime.sqlite import Database, StorageFailed, StorageFull, Transaction
from tests.simulation.disk import Fault, SimDisk
from tests.simulation.kernel import Life, SimLoop
from tests.simulation.sql import SimGround, SimVfs
from tests.simulation.trace import Trace

PATH = Path("node.db")


class Scene:
    """One machine with one table."""

    def __init__(self, migrations: Path) -> None:
        self.loop = SimLoop(1, Trace())
        self.vfs = SimVfs(self.loop, 1)
        self.migrations = migrations
        self.lives = 0
        self.disk = SimDisk("m.0", self.watch)
        self.vfs.attach(self.disk)

    def watch(self, kind: str, words: str) -> None:
        """Into the trace."""
        self.loop.trace.event(self.loop.time(), kind, words)

    async def open(self, disk: SimDisk | None = None) -> Database:
        """The database, in a new life; on what a cut or a kill left, if that is given."""
        if disk is not None:
            self.vfs.detach(self.disk)
            self.disk = disk
            self.vfs.attach(disk)
        self.life = Life("m")
        self.lives += 1
        ground = SimGround(self.loop, self.life, self.disk)
        return await Database.open(PATH, self.migrations, readers=1, ground=ground)


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """A scene that leaves no VFS behind."""
    (folder / "0010_things.sql").write_text("CREATE TABLE things (name TEXT NOT NULL UNIQUE);\n")
    made = Scene(folder)
    try:
        yield made
    finally:
        made.vfs.close()
        made.loop.close()


def put(name: str) -> Callable[[Transaction], int]:
    """A unit of work."""
    return lambda tx: tx.run("INSERT INTO things VALUES (?)", (name,))


def names(tx: Transaction) -> list[str]:
    """What is there."""
    return [name for (name,) in tx.execute("SELECT name FROM things ORDER BY name")]


def test_what_was_answered_survives_a_cut_and_what_was_not_may_go(tmp_path: Path) -> None:
    """SQLite's own recovery runs over what the disk kept, whatever the dice did to the rest."""
    with scene(tmp_path) as made:

        async def run() -> None:
            database = await made.open()
            for number in range(30):
                await database.write(put(f"{number:02}"))
            for seed in range(20):
                copy = made.disk.after_cut(f"m.{seed}", random.Random(seed))
                copy.faults = []
                again = await made.open(copy)
                found = await again.read(names)
                assert found[:30] == [f"{number:02}" for number in range(30)]
                await again.write(put(f"after {seed}"))

        made.loop.run_until_complete(run())


def test_unsynced_writes_are_lost_when_the_power_goes(tmp_path: Path) -> None:
    """A commit whose fsync never came is gone; a mere kill of the program keeps its bytes."""
    with scene(tmp_path) as made:
        disk = made.disk
        file = disk.open("plain", create=True)
        assert file is not None
        file.write(b"durable", 0)
        disk.synced(file)
        file.write(b"DURABLE and more", 0)
        file.truncate(9)
        assert bytes(disk.after_kill("a").files["plain"].data) == b"DURABLE a"
        assert bytes(disk.after_cut("b", None).files["plain"].data) == b"durable"


@pytest.mark.parametrize("operation", ["write", "sync"])
def test_a_failing_disk_ends_acknowledgements(tmp_path: Path, operation: str) -> None:
    """EIO arrives as production sees it: FED-1102, and nothing is answered any more."""
    with scene(tmp_path) as made:

        async def run() -> None:
            database = await made.open()
            made.disk.faults.append(Fault(operation, "EIO"))
            with pytest.raises(StorageFailed):
                await database.write(put("lost"))
            assert database.failed.is_set()

        made.loop.run_until_complete(run())


def test_a_full_disk_refuses_a_commit_and_goes_on(tmp_path: Path) -> None:
    """ENOSPC arrives as FED-1101; when there is room again the same database writes."""
    with scene(tmp_path) as made:

        async def run() -> None:
            database = await made.open()
            made.disk.full = True
            with pytest.raises(StorageFull):
                await database.write(put("refused"))
            made.disk.full = False
            await database.write(put("kept"))
            assert await database.read(names) == ["kept"]

        made.loop.run_until_complete(run())


def test_old_handles_reach_nobody(tmp_path: Path) -> None:
    """What the connection of an ended life still writes does not touch the next life's files."""
    with scene(tmp_path) as made:

        async def run() -> None:
            old = await made.open()
            await old.write(put("before"))
            new = await made.open(made.disk.after_kill("m.1"))
            with pytest.raises(StorageFailed):
                await old.write(put("ghost"))
            await new.write(put("after"))
            assert await new.read(names) == ["after", "before"]

        made.loop.run_until_complete(run())


def test_a_temporary_file_remembers_no_writes(tmp_path: Path) -> None:
    """SQLite keeps such files open for the life of a program: their past would only grow."""
    with scene(tmp_path) as made:
        handle = made.vfs.xOpen(None, [apsw.SQLITE_OPEN_READWRITE, 0])
        for number in range(100):
            handle.xWrite(bytes([number]) * 4096, 0)
        handle.xTruncate(1)
        assert handle.xRead(4096, 0) == bytes([99])
        assert handle.unsynced == 0
        made.disk.open("lasting", create=True)
        lasting = made.vfs.xOpen("m.0/lasting", [apsw.SQLITE_OPEN_READWRITE, 0])
        lasting.xWrite(b"until it is synced", 0)
        assert lasting.unsynced == 1
