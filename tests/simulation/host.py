"""The local service of a simulated node: one process per lock, and pages that say a version.

Owns the port `Host` of upgrades. Rules: a hook takes virtual seconds and ends as the world wants;
the service says the version of the slot that it was started from; it outlives the daemon, as in
production, and dies with the power. `trouble` makes it unwell. Leaves out bundles (`people`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from lpse.runtime.clock import Clock
from regional_node.upgrades.processes import Command, Holder


@dataclass
class SimHost:
    """The operating system of one node, as upgrades see it."""

    clock: Clock
    trouble: str = ""  # "": well; "silent": no answer; "unwell": status 503
    failing_hooks: set[str] = field(default_factory=set)  # "apply hook", …: exit status 1
    hook_seconds: float = 0.0  # how long a hook takes
    processes: dict[str, SimProcess] = field(default_factory=dict)  # by name of the lock
    pids: int = 1000

    def process(self, lock: Path, clock: Clock) -> SimProcess:
        """The one process of a lock; the same one after a restart of the daemon."""
        found = self.processes.get(lock.name)
        if found is None:
            found = self.processes[lock.name] = SimProcess(self, lock.name)
        return found

    async def page(self, port: int, path: str, *, with_body: bool) -> bytes:
        """What the service answers; ConnectionRefusedError where none runs."""
        service = self.processes.get("service.lock")
        if self.trouble == "silent" or (service and service.gone):
            raise ConnectionRefusedError("no service listens")
        if self.trouble == "unwell":
            return b"HTTP/1.0 503 Unwell\r\n\r\n"
        # Before the first bundle an SPSE that other hands installed answers, without a version.
        body = json.dumps({"version": service.version if service else ""}).encode()
        return b"HTTP/1.0 200 OK\r\n\r\n" + body

    def power_cut(self) -> None:
        """Nothing runs any more."""
        for process in self.processes.values():
            process.end()


class SimProcess:
    """At most one process."""

    def __init__(self, host: SimHost, lock: str) -> None:
        self._host = host
        self._lock = lock
        self._until: float | None = None
        self._status: int | None = None
        self.running: Holder | None = None
        self.version = ""
        self.started: list[tuple[str, str]] = []  # label and version, for checkers

    @property
    def gone(self) -> bool:
        """Whether something ran once and nothing runs now."""
        return bool(self.started) and self.running is None

    def holder(self) -> Holder | None:
        """Who runs, or None."""
        self._look()
        return self.running

    def is_held(self) -> bool:
        """Whether something runs."""
        return self.holder() is not None

    async def start(self, command: Command) -> Holder:
        """Start at once."""
        self.end()
        host = self._host
        host.pids += 1
        self.version = command.environment.get("LPSE_TO_VERSION", "")
        self.started.append((command.label, self.version))
        self._status = None
        if self._lock != "service.lock":
            self._until = host.clock.monotonic() + host.hook_seconds
            self._fails = command.label in host.failing_hooks
        self.running = Holder(host.pids, host.pids, command.label)
        return self.running

    def exit_status(self) -> int | None:
        """How it ended; None while it runs."""
        self._look()
        return self._status

    async def stop(self, grace_seconds: float) -> None:
        """End it."""
        self.end()

    def kill_child(self) -> None:
        """End it at once."""
        if self._lock != "service.lock":
            self.end()

    def end(self) -> None:
        """Nothing runs any more."""
        if self.running is not None:
            self.running, self._status, self._until = None, 143, None

    def _look(self) -> None:
        if self._until is not None and self._host.clock.monotonic() >= self._until:
            self.running, self._until = None, None
            self._status = 1 if self._fails else 0
