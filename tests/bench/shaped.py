"""Two hosts and a slow line between them, made of network namespaces for as long as a bench runs.

Owns the namespaces, their pair of interfaces and the token bucket at both ends; everything is
removed by name at the end, also after a failure. Rule: needs root and says so; the machine's own
network is never touched. Leaves out what is sent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

# A bucket of a few packets and a queue of a quarter of a second: a line, not a burst.
BURST_BYTES: Final = 16_000
QUEUE_MILLISECONDS: Final = 250
ADDRESSES: Final = ("10.77.0.1", "10.77.0.2")


class NoNamespaces(Exception):
    """This process may not make network namespaces; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Line:
    """Two namespaces; side 0 and side 1 reach each other by `ADDRESSES` and nothing else."""

    names: tuple[str, str]

    def on(self, side: int, command: Sequence[str]) -> list[str]:
        """The command as it is started on a side."""
        return ["ip", "netns", "exec", self.names[side], *command]

    def shape(self, bits_per_second: int) -> None:
        """Both directions at this rate from now on."""
        for name, device in zip(self.names, ("veth0", "veth1"), strict=True):
            words = f"rate {bits_per_second}bit burst {BURST_BYTES} latency {QUEUE_MILLISECONDS}ms"
            _ip("netns", "exec", name, "tc", "qdisc", "replace", "dev", device, "root", "tbf",
                *words.split())  # fmt: skip


@contextmanager
def line() -> Iterator[Line]:
    """An unshaped line; NoNamespaces where it cannot be made."""
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("tc"):
        raise NoNamespaces("root, ip and tc are needed for a shaped line")
    names = (f"lpse-bench-{os.getpid()}-a", f"lpse-bench-{os.getpid()}-b")
    try:
        for name in names:
            _ip("netns", "add", name)
        _ip("link", "add", "veth0", "netns", names[0], "type", "veth", "peer", "name", "veth1",
            "netns", names[1])  # fmt: skip
        for name, device, address in zip(names, ("veth0", "veth1"), ADDRESSES, strict=True):
            _ip("-n", name, "addr", "add", f"{address}/30", "dev", device)
            _ip("-n", name, "link", "set", device, "up")
            _ip("-n", name, "link", "set", "lo", "up")
        yield Line(names)
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _ip(*words: str) -> None:
    try:
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        raise NoNamespaces(error.stderr.strip() or "ip failed") from error
