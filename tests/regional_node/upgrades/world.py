"""A node's upgrade part with everything real but the link and the schedule.

Real SQLite files, journal, hooks and service processes on a loopback port. The fetcher and the
guard are small implementations of the ports. Crash points are kills of the own process, placed on
the test's side: in a journal or store that wraps the real one, or in an audit hook of Python.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import socket
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from lpse.federation.desired_rollouts import DesiredRelease
from lpse.federation.entries import decode_entry
from lpse.federation.errors import Unavailable
from lpse.federation.notes import Signer
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import SystemClock, SystemEntropy
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.journal import Journal
from regional_node.upgrades.processes import Command, ExclusiveProcess
from regional_node.upgrades.rules import FINAL, Attempt
from regional_node.upgrades.store import Step, UpgradeStore
from regional_node.upgrades.worker import UpgradeSettings, UpgradeWorker

MIGRATIONS = Path(__file__).parents[3] / "regional_node" / "migrations"
NOW = datetime(2015, 3, 20, 3, 0, tzinfo=UTC)


@dataclass
class Guard:
    """A schedule with at most one compensable end."""

    end: datetime | None = None

    async def next_guarded_end(self, now: datetime) -> datetime | None:
        return self.end


@dataclass
class Shelf:
    """A fetcher that finds blobs by digest on a shelf, or says that the road is closed."""

    folder: Path
    open: bool = True
    blobs: dict[bytes, Path] = field(default_factory=dict)

    def put(self, bundle: Path) -> bytes:
        digest = hashlib.sha256(bundle.read_bytes()).digest()
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = self.folder / digest.hex()
        shutil.copyfile(bundle, kept)
        self.blobs[digest] = kept
        return digest

    async def fetch(self, digest: bytes, size: int) -> Path:
        if not self.open:
            raise Unavailable("FED-2299", "the link is cut")
        return self.blobs[digest]


class World:
    """One node; `root` survives the process, so another World can go on from there."""

    def __init__(self, root: Path, port: int, crash: str = "") -> None:
        self.root = root
        self.port = port
        self.crash = crash
        self.guard = Guard()
        self.shelf = Shelf(root / "shelf")
        self.desired: DesiredRelease | None = None
        self.now = NOW

    async def open(self) -> World:
        self.root.mkdir(parents=True, exist_ok=True)
        migrations = self.root / "migrations"
        migrations.mkdir(exist_ok=True)
        for name in ("0010_journal.sql", "0040_upgrades.sql"):
            shutil.copyfile(MIGRATIONS / name, migrations / name)
        self.database = await Database.open(self.root / "node.db", migrations)
        signer = Signer.from_seed("lpse-uji", b"\7" * 32)
        self.journal = Journal(self.database, signer, SystemClock(), SystemEntropy())
        await self.journal.open()
        self.store = CrashingStore(
            self.database, CrashingSink(self.journal, self.crash), self.crash
        )
        settings = UpgradeSettings(
            root=self.root / "spse",
            service_port=self.port,
            expected_seconds=600,
            soak_seconds=0.1,
            poll_seconds=0.05,
            reserve_bytes=0,
        )
        self.worker = UpgradeWorker(
            settings, self.store, lambda: self.desired, self.guard, self.shelf, SystemClock()
        )
        return self

    async def close(self) -> None:
        await self.worker.stop_service()
        await self.database.close()

    def want(self, bundle: Path, version: str, *from_versions: str, **changes: Any) -> None:
        """Publish `bundle` as the release that the fold wants here."""
        values: dict[str, Any] = {
            "version": version,
            "from_versions": from_versions,
            "bundle_digest": self.shelf.put(bundle),
            "bundle_bytes": bundle.stat().st_size,
            "manifest_digest": b"",
            "rollout": f"rollouts/spse-{version}",
            "wave": "canary",
            "wave_open": True,
            "state": directives.ROLLOUT_STATE_RUNNING,
            "guard_window_seconds": 86_400,
            "emergency_override": False,
            "soak_seconds": 0,
            "withdrawn": False,
            "national_index": 7,
        }
        self.desired = DesiredRelease(**{**values, **changes})

    async def settle(self, steps: int = 60) -> Attempt:
        """Step until the wanted release came to an end and nothing new begins."""
        for _ in range(steps):
            await self.worker.step(self.now)
            assert len(self.services()) <= 1, "two services at once"
            latest = await self.store.latest(1)
            if latest and latest[0].state in FINAL and await self.worker.step(self.now) is None:
                return latest[0]
        raise AssertionError(f"not settled: {await self.store.latest(3)}")

    async def step_until(self, *states: str, steps: int = 60) -> Attempt:
        for _ in range(steps):
            attempt = await self.worker.step(self.now)
            if attempt is not None and attempt.state in states:
                return attempt
        raise AssertionError(f"never {states}: {await self.store.latest(3)}")

    def services(self) -> list[int]:
        """Every process on this machine that runs a service out of this node's slots."""
        wanted = f"LPSE_SLOT={self.root}/spse/slots/".encode()
        return [pid for pid, env, words in _processes() if wanted in env and b"service.py" in words]

    def programs(self) -> list[int]:
        """Every process that came out of this node's slots: services and hooks."""
        wanted = f"LPSE_SLOT={self.root}/spse/slots/".encode()
        return [pid for pid, env, _ in _processes() if wanted in env]

    def version_page(self) -> str:
        """What the service itself answers now."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"GET /version HTTP/1.0\r\n\r\n")
            answer = b""
            while part := connection.recv(4096):
                answer += part
        return answer.rpartition(b'"version": "')[2].partition(b'"')[0].decode()

    async def version_soon(self) -> str:
        for _ in range(200):
            try:
                return self.version_page()
            except OSError:
                await asyncio.sleep(0.05)
        raise AssertionError("no service answers")

    async def journalled(self) -> list[records.UpgradeStepped]:
        """The upgrade entries of the journal, as any reader would see them."""
        rows = await self.database.read(
            lambda tx: tx.execute(
                "SELECT bytes FROM journal_entries WHERE kind = 'upgrade.stepped' ORDER BY idx"
            )
        )
        return [
            records.UpgradeStepped.FromString(decode_entry(_bytes(row[0])).payload) for row in rows
        ]

    async def states(self) -> list[str]:
        return [
            records.UpgradeState.Name(entry.state).removeprefix("UPGRADE_STATE_")
            for entry in await self.journalled()
        ]

    def later(self, **span: float) -> datetime:
        return self.now + timedelta(**span)


class CrashingSink:
    """The real journal; the process is killed instead of appending the step `before:<STATE>`."""

    def __init__(self, journal: Journal, crash: str) -> None:
        self._journal = journal
        self._crash = crash

    def append_in(self, tx: Transaction, record: Message) -> int:
        index = self._journal.append_in(tx, record)
        assert isinstance(record, records.UpgradeStepped)
        if self._crash == f"before:{records.UpgradeState.Name(record.state)[14:]}":
            die()
        return index


class CrashingStore(UpgradeStore):
    """The real store; the process is killed once the step `after:<STATE>` is durable."""

    def __init__(self, database: Database, journal: CrashingSink, crash: str) -> None:
        super().__init__(database, journal)
        self._crash = crash

    async def move(self, attempt: Attempt, step: Step, now: datetime) -> Attempt:
        moved = await super().move(attempt, step, now)
        if self._crash == f"after:{step.state.value}":
            die()
        return moved


def crash_on_event(crash: str) -> None:
    """Kill this process when Python is about to do `event:<name>:<part of an argument>`."""
    kind, _, rest = crash.partition(":")
    event, _, part = rest.partition(":")
    if kind != "event":
        return

    def watch(name: str, arguments: tuple[object, ...]) -> None:
        if name == event and part in str(arguments):
            die()

    sys.addaudithook(watch)


def crash_after_spawn(crash: str) -> None:
    """Kill this process right after it forked `spawned:<part of a label>`, before any record."""
    kind, _, part = crash.partition(":")
    if kind != "spawned":
        return
    spawn = ExclusiveProcess._spawn

    def spawn_and_die(self: ExclusiveProcess, command: Command) -> Any:
        child = spawn(self, command)
        if part in command.label:
            die()
        return child

    ExclusiveProcess._spawn = spawn_and_die  # type: ignore[method-assign] # the crash point


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _processes() -> list[tuple[int, bytes, bytes]]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            env = (folder / "environ").read_bytes()
            found.append((int(folder.name), env, (folder / "cmdline").read_bytes()))
        except OSError:
            continue
    return found


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value
