"""Room that is held back for the day on which the disk is full.

Owns one allocated file beside the database. Rules: it is given up when a commit meets a full disk,
or shortly before, so that receipts, refusals, openings and acknowledgements still commit while
intake refuses (intake asks for far more free space than the ballast has); it is made again by
itself when there is room. Leaves out what is refused meanwhile (`blobs`).
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from structlog.typing import FilteringBoundLogger

from lpse.federation.limits import (
    BALLAST_FREE_BYTES_MIN,
    BALLAST_LOOK_SECONDS,
    BALLAST_REMADE_FREE_BYTES_MIN,
)
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite.errors import StorageFailed, StorageFull
from lpse.storage import blob_files as files

NAME: Final = "ballast"


@dataclass(frozen=True, slots=True)
class BallastState:
    """What is held now, of what should be."""

    held_bytes: int
    wanted_bytes: int

    @property
    def given_up(self) -> bool:
        """Whether the room was needed and could not be taken back yet."""
        return self.held_bytes < self.wanted_bytes


class Ballast:
    """See the module's first lines; `wanted_bytes` 0 holds nothing."""

    def __init__(self, folder: Path, wanted_bytes: int, log: FilteringBoundLogger) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._wanted = wanted_bytes
        self._log = log
        self._lock = Lock()  # the writer's loop gives up, the worker's thread makes again

    @property
    def state(self) -> BallastState:
        """As the disk has it."""
        return BallastState(ballast_bytes(self._folder), self._wanted)

    def give_up(self) -> bool:
        """Free the room durably; False where none was held."""
        with self._lock:
            if not ballast_bytes(self._folder):
                return False
            files.remove([self._path])
        self._log.error("ballast.given_up", code="FED-1111", size_bytes=self._wanted)
        return True

    def take(self) -> bool:
        """Hold the room again if enough stays free beside it; whether it is held now."""
        with self._lock:
            missing = self._wanted - ballast_bytes(self._folder)
            if missing <= 0:
                return True
            if files.free_bytes(self._folder) < missing + BALLAST_REMADE_FREE_BYTES_MIN:
                return False
            return self._make()

    def step(self) -> None:
        """Give up before a commit must fail, or make again where there is room."""
        if files.free_bytes(self._folder) < BALLAST_FREE_BYTES_MIN:
            self.give_up()
        elif self.state.given_up and self.take():
            self._log.info("ballast.held", size_bytes=self._wanted)

    async def run(self, clock: Clock) -> None:
        """Look at the free space for ever."""
        while True:
            with suppress(StorageFull):  # taken by somebody else while it was made
                await asyncio.to_thread(self.step)
            await clock.sleep(BALLAST_LOOK_SECONDS)

    def _make(self) -> bool:
        draft = self._path.with_suffix(".new")
        try:
            descriptor = files.open_part(draft, 0)
            try:
                with files.disk_errors():
                    files.disk.allocate(descriptor, self._wanted)
                files.sync_file(descriptor)
            finally:
                os.close(descriptor)
            files.move_into_place([(draft, self._path)])
        except StorageFull:
            with suppress(StorageFull, StorageFailed):
                files.remove([draft])
            return False
        return True


def ballast_bytes(folder: Path) -> int:
    """Bytes of the ballast in a data folder; it has its name only when it is allocated whole."""
    try:
        return (folder / NAME).stat().st_size
    except FileNotFoundError:
        return 0
