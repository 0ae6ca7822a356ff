"""Runs the hooks of a bundle: one at a time, within their time, never through a shell.

Owns the variables that a hook and the service are given, and the rule that no hook outlives its
step: a hook left over from a killed daemon is ended before the next one starts, and so is anything
that a hook leaves running behind it. Output goes to a file of the node and nowhere else, because
nobody knows what SPSE prints.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lpse.federation.bundles import Hook
from lpse.federation.errors import Unavailable
from lpse.runtime.clock import Clock
from regional_node.upgrades.host import MACHINE, Host
from regional_node.upgrades.processes import Command
from regional_node.upgrades.slots import Slot

_POLL_SECONDS: Final = 0.02
_GRACE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every program of a bundle is told about the node."""

    data: Path
    port: int
    log: Path
    host: Host = MACHINE  # where programs run

    def variables(self, slot: Slot, from_version: str, attempt: int) -> Mapping[str, str]:
        """The whole environment: nothing of the daemon's own but PATH gets through."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "LPSE_SLOT": str(slot.path),
            "LPSE_DATA": str(self.data),
            "LPSE_PORT": str(self.port),
            "LPSE_FROM_VERSION": from_version,
            "LPSE_TO_VERSION": str(slot.manifest.version),
            "LPSE_ATTEMPT": str(attempt),
        }


class HookRunner:
    """Runs one hook after another on one lock."""

    def __init__(self, lock: Path, surroundings: Surroundings, clock: Clock) -> None:
        self._process = surroundings.host.process(lock, clock)
        self._surroundings = surroundings
        self._clock = clock

    async def run(self, name: str, slot: Slot, from_version: str, attempt: int) -> str:
        """Empty when the hook succeeded, else what went wrong in words safe for the journal."""
        hook: Hook = slot.manifest.hooks[name]
        program, *rest = hook.arguments
        command = Command(
            arguments=[str(slot.path / program), *rest],
            label=f"{name} hook",
            folder=slot.path,
            environment=self._surroundings.variables(slot, from_version, attempt),
            log=self._surroundings.log,
        )
        try:
            await self._process.start(command)
            status = await self._wait(hook.timeout_seconds)
            await self.stop()
        except Unavailable as error:
            return f"{name} hook: {error.message}"
        except BaseException:
            self._process.kill_child()
            raise
        if status is None:
            return f"{name} hook: not finished within {hook.timeout_seconds} s"
        return f"{name} hook: exit status {status}" if status else ""

    async def stop(self) -> None:
        """End a hook that still runs, whoever started it."""
        if self._process.is_held():
            await self._process.stop(_GRACE_SECONDS)

    async def _wait(self, seconds: float) -> int | None:
        give_up = self._clock.monotonic() + seconds
        while (status := self._process.exit_status()) is None:
            if self._clock.monotonic() >= give_up:
                return None
            await self._clock.sleep(_POLL_SECONDS)
        return status
