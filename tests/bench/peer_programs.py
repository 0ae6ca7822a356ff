"""Installs and starts the peers of the uploads bench; says loudly why one cannot be had.

Owns a cache folder outside the checkout and the exact versions. Rule: a peer never gets into the
project's own environment. Leaves out our own node (`upload_node`) and everything measured.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from tests.bench.tus_client import Place

PEERS: Final = Path(__file__).parent / "peers"
NPM: Final = ("@tus/server@2.4.5", "@tus/file-store@2.1.1")
PYPI: Final = ("tuspyserver==4.4.3", "uvicorn[standard]==0.54.0")
INSTALL_SECONDS: Final = 300


class Unavailable(Exception):
    """A peer cannot be had on this machine; the text says why."""


class System(Protocol):
    """Something that takes uploads by tus."""

    name: str

    async def start(self, folder: Path) -> None:
        """Serve from `folder`; may be called again after `kill`, with the same folder."""

    async def expect(self, uploads: int) -> None:
        """Make places for so many uploads."""

    def place(self, number: int) -> Place:
        """Where the upload of this number goes."""

    def bytes_of(self, path: str, content: bytes) -> bytes | None:
        """What the system's disk holds for an upload of `content`."""

    def freeze(self) -> None:
        """Stop every thread where it is, until `kill`."""

    def kill(self) -> None:
        """`kill -9`."""


@dataclass
class Program:
    """A server in a process of its own that prints its port as JSON."""

    name: str
    command: Sequence[str]
    directory: Path | None = None
    path: str = "/files"
    folder: Path = field(default_factory=Path)
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    async def start(self, folder: Path) -> None:
        """See System."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [*self.command, str(folder)],
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Unavailable(f"{self.name} did not start")
        self.port = int(json.loads(line)["port"])

    async def expect(self, uploads: int) -> None:
        """One place is enough."""

    def place(self, number: int) -> Place:
        """See System."""
        return Place("127.0.0.1", self.port, self.path)

    def bytes_of(self, path: str, content: bytes) -> bytes | None:
        """See System."""
        file = self.folder / path.rstrip("/").rpartition("/")[2]
        return file.read_bytes() if file.is_file() else None

    def freeze(self) -> None:
        """See System."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGSTOP)

    def kill(self) -> None:
        """See System."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def ceiling() -> Program:
    """Our HTTP server with the bare steps."""
    return Program("ceiling", [sys.executable, str(PEERS / "ceiling.py")])


def tus_node_server() -> Program:
    """`@tus/server` with its file store; Unavailable where npm cannot bring it."""
    folder = cache() / "tus-node-server"
    script = folder / "tus_server.mjs"
    if not (folder / "whole").exists():
        node, npm = shutil.which("node"), shutil.which("npm")
        if not node or not npm:
            raise Unavailable("node and npm are not installed")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}', "ascii")
        _install([npm, "install", "--no-audit", "--no-fund", "--save-exact", *NPM], folder)
        (folder / "whole").touch()
    shutil.copyfile(PEERS / script.name, script)
    return Program("@tus/server", ["node", str(script)], folder)


def tuspy_server() -> Program:
    """`tuspyserver` under uvicorn; Unavailable where pip cannot bring it."""
    folder = cache() / "tuspyserver"
    python = folder / "bin" / "python"
    if not (folder / "whole").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _install([sys.executable, "-m", "venv", "--clear", str(folder)], folder)
        _install([str(python), "-m", "pip", "install", "--quiet", *PYPI], folder)
        (folder / "whole").touch()
    command = [str(python), str(PEERS / "tuspy_server.py")]
    return Program("tuspyserver", command, path="/files/")


def cache() -> Path:
    """Where peers are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "lpse-federation-bench"


def _install(command: Sequence[str], folder: Path) -> None:
    try:
        subprocess.run(
            command, cwd=folder, check=True, capture_output=True, timeout=INSTALL_SECONDS
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise Unavailable(f"{command[0]} failed: {type(error).__name__}") from error
