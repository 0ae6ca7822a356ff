"""A centre and nodes as real processes over mTLS on loopback, to be killed and cut by tests.

Owns founding (once per session, by the programs' own commands), copies of that state, starting,
killing and ending processes by their ids. Rule: every process that was started is ended, also when
a test fails. Leaves out vendors (`vendors`) and proof (`checker`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

BIN: Final = Path(sys.executable).parent
ROOT: Final = Path(__file__).resolve().parents[2]
NODES: Final = {"lpse-pacitan": ("ID-JI", "Asia/Jakarta")}
PACKAGES: Final = ("7781013", "7781014")
STAGE: Final = "Upload Dokumen Penawaran"
PORTS: Final = (10_000, 32_000)
READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 45.0


P = TypeVar("P", bound="Party")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, all different.

    Below those that the kernel lends to outgoing connections: a party that was killed must find
    its port free again.
    """
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            one = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", random.randrange(*PORTS)))
                found.append(int(one.getsockname()[1]))
        return found


def call(
    program: str,
    *words: str,
    environment: Mapping[str, str],
    stdin: str = "",
    expect: int = 0,
) -> Any:
    """Run one command to its end; its JSON, or None where it prints none."""
    ran = subprocess.run(
        [str(BIN / program), *words, "-o", "json"],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**base_environment(), **environment},
        check=False,
    )
    assert ran.returncode == expect, (program, words, ran.returncode, ran.stderr)
    return json.loads(ran.stdout) if ran.stdout.strip() else None


def base_environment() -> dict[str, str]:
    """Nothing of the developer's own machine but the way to the tools."""
    return {
        "PATH": f"{BIN}:{os.environ.get('PATH', os.defpath)}",
        "LANG": "C.UTF-8",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}",  # the programs of this very checkout
    }


@dataclass
class Party:
    """One daemon with its folder; may be started again and again."""

    prefix: ClassVar[str] = ""

    name: str
    data: Path
    command: Sequence[str]
    http_port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    log_folder: Path | None = None  # beside the data where none is given

    @property
    def log(self) -> Path:
        """What the daemon says."""
        return (self.log_folder or self.data.parent) / f"{self.name}.log"

    def launch(self) -> None:
        """Start without waiting."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(BIN / self.command[0]), *self.command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**base_environment(), **self.environment},
                start_new_session=True,
            )

    async def start(self) -> None:
        """Start, and return when its readiness page says so."""
        self.launch()
        await self.ready()

    async def ready(self) -> None:
        """Wait until the readiness page says so."""
        give_up = time.monotonic() + READY_SECONDS
        while not await asyncio.to_thread(self._is_ready):
            assert self.process is not None
            assert self.process.poll() is None, f"{self.name} ended:\n{self.tail()}"
            assert time.monotonic() < give_up, f"{self.name} is not ready:\n{self.tail()}"
            await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """`kill -9`: no goodbye, no flush."""
        assert self.process is not None
        self.process.kill()
        await asyncio.to_thread(self.process.wait)

    def pause(self) -> None:
        """Stand still, so that nothing more leaves for the disk (SIGSTOP)."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self.process is not None and self.process.poll() is None

    async def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.terminate()
        return await asyncio.to_thread(self.process.wait, STOP_SECONDS)

    def tail(self, lines: int = 15) -> str:
        """The last words of the daemon."""
        text = self.log.read_text("utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def end(self) -> None:
        """Whatever state it is in, it is gone afterwards."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.http_port}/readyz", timeout=2
            ) as answer:
                return int(answer.status) == 200
        except (OSError, urllib.error.URLError):
            return False


class Centre(Party):
    """`lkpp-central serve`."""

    prefix = "LKPP_CENTRAL__"

    def __init__(self, data: Path) -> None:
        self.ports = free_ports(4)
        listen = dict(zip(("NODES", "ENROLMENT", "OPERATORS", "HTTP"), self.ports, strict=True))
        environment = {
            "LKPP_CENTRAL__DATA": str(data),
            "LKPP_CENTRAL__LINK__HEARTBEAT_SECONDS": "1",
            "LKPP_CENTRAL__LINK__LEASE_SECONDS": "10",
            "LKPP_CENTRAL__BEACON_SECONDS": "5",
        }
        for name, port in listen.items():
            environment[f"LKPP_CENTRAL__LISTEN__{name}"] = f"127.0.0.1:{port}"
            if name != "HTTP":
                environment[f"LKPP_CENTRAL__PUBLIC__{name}"] = f"127.0.0.1:{port}"
        super().__init__("centre", data, ["lkpp-central", "serve"], self.ports[3], environment)


class Node(Party):
    """`lpse-node run`; its road to the centre leads to `road`."""

    prefix = "LPSE_NODE__"

    def __init__(self, node_id: str, data: Path, road: int, enrolment: int = 0) -> None:
        http, service, self.upload_port = free_ports(3)
        environment = {
            "LPSE_NODE__DATA": str(data),
            "LPSE_NODE__LINK__NODES": f"127.0.0.1:{road}",
            "LPSE_NODE__LINK__RECONNECT_FIRST_SECONDS": "0.2",
            "LPSE_NODE__LINK__RECONNECT_MAX_SECONDS": "1",
            "LPSE_NODE__HTTP__LISTEN": f"127.0.0.1:{http}",
            "LPSE_NODE__UPLOAD__LISTEN": f"127.0.0.1:{self.upload_port}",
            "LPSE_NODE__SERVICE__PORT": str(service),
            "LPSE_NODE__SERVICE__PROBE_SECONDS": "60",
        }
        if enrolment:
            environment["LPSE_NODE__LINK__ENDPOINT"] = f"127.0.0.1:{enrolment}"
        super().__init__(node_id, data, ["lpse-node", "run"], http, environment)

    @property
    def socket(self) -> Path:
        """The local API."""
        return self.data / "intake.sock"

    @property
    def address(self) -> str:
        """The listener for vendors."""
        return f"http://127.0.0.1:{self.upload_port}"


class Founding:
    """A centre with two persons and an enrolled node that knows two packages; all stopped."""

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None) -> None:
        """Made now, or found whole in `folder`; only one process at a time may ask.

        `more` are settings of all parties, without the prefix of their program.
        """
        self.folder = folder
        self._more = dict(more or {})
        if not (folder / "whole").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            asyncio.run(self._found())
            (folder / "whole").touch()

    def copy(self, folder: Path, road: int = 0) -> tuple[Centre, dict[str, Node]]:
        """The same parties in another folder; nodes' roads lead to `road`, or to the centre."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        centre = self._set(Centre(folder / "centre"))
        nodes = {
            name: self._set(Node(name, folder / name, road or centre.ports[0], centre.ports[1]))
            for name in NODES
        }
        return centre, nodes

    def _set(self, party: P) -> P:
        party.environment |= {f"{party.prefix}{key}": text for key, text in self._more.items()}
        return party

    async def _found(self) -> None:
        centre = self._set(Centre(self.folder / "centre"))
        made: list[Party] = [centre]
        try:
            invited = call(
                "lkpp-central", "init", "--operator", "sri", "--approver", "budi",
                "--public-host", "127.0.0.1", "--listen-host", "127.0.0.1",
                environment=centre.environment,
            )  # fmt: skip
            await centre.start()
            home = {"LKPPCTL_HOME": str(self.folder / "sri")}
            code = next(one["code"] for one in invited if one["subject"] == "sri")
            budi = next(one["code"] for one in invited if one["subject"] == "budi")
            (self.folder / "budi.code").write_text(budi, "utf-8")
            enrolment = f"127.0.0.1:{centre.ports[1]}"
            words = ("context", "create", "sri", "--enrolment", enrolment, "--code", "-")
            call("lkppctl", *words, environment=home, stdin=f"{code}\n")
            for name, (province, zone) in NODES.items():
                words = ("enrol", "create", name, "--province", province, "--zone", zone)
                code = call("lkppctl", *words, environment=home)["code"]
                made.append(await self._join(name, centre, code))
            for node in made[1:]:
                assert await node.stop() == 0, node.tail()
            assert await centre.stop() == 0, centre.tail()
        finally:
            for party in made:
                party.end()

    async def _join(self, name: str, centre: Centre, code: str) -> Node:
        node = self._set(Node(name, self.folder / name, centre.ports[0], centre.ports[1]))
        words = ("enrol", "--endpoint", f"127.0.0.1:{centre.ports[1]}", "--code", "-")
        call("lpse-node", *words, environment=node.environment, stdin=f"{code}\n")
        await node.start()
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps([package(code) for code in PACKAGES]), "utf-8")
        call("lpse-node", "package", "import", str(file), environment=node.environment)
        return node


def package(code: str, *, due_days: int = 7) -> dict[str, Any]:
    """A package whose bids are due in a week, or in so many days."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    due = 1 + due_days
    stages = [(STAGE, 0, due), ("Pembukaan Dokumen Penawaran", due, due + 1)]
    return {
        "code": code,
        "name": "Pembangunan jembatan",
        "zone": "Asia/Jakarta",
        "rule_set": "perka-1-2015",
        "stages": [
            {
                "name": name,
                "start": (start + timedelta(days=first)).isoformat(),
                "end": (start + timedelta(days=last)).isoformat(),
            }
            for name, first, last in stages
        ],
    }
