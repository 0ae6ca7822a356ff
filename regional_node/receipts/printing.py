"""Prints of receipts: made in a process of their own, few at a time, kept for the next reader.

Owns the turns, the time limit and the memory of prints made. Rules: a print that fails or takes too
long is FED-5113 and harms nothing (the signed text is the receipt); the process gets its data over
a pipe, never on a command line, and inherits no environment. Leaves out the layout (`typesetting`).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from lpse.federation.errors import Unavailable
from lpse.federation.limits import (
    PRINT_BYTES_MAX,
    PRINT_SECONDS_MAX,
    PRINT_WAIT_SECONDS_MAX,
    PRINTS_KEPT_BYTES_MAX,
    PRINTS_MAX,
)
from lpse.terminal.words import Words
from regional_node.receipts.print_data import print_data
from regional_node.receipts.views import Paper

_MODULE: Final = "regional_node.receipts.typesetting"
_COMMAND: Final = (sys.executable, "-I", "-m", _MODULE)
RETRY_SECONDS: Final = 30.0


class Printer:
    """See the module's first lines."""

    def __init__(
        self,
        words: Mapping[str, Words],
        command: tuple[str, ...] = _COMMAND,
        *,
        seconds_max: float = PRINT_SECONDS_MAX,
        wait_seconds_max: float = PRINT_WAIT_SECONDS_MAX,
    ) -> None:
        self._words = words
        self._command = command
        self._seconds_max = seconds_max
        self._wait_seconds_max = wait_seconds_max
        self._turns = asyncio.Semaphore(PRINTS_MAX)
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    async def pdf(self, paper: Paper) -> bytes:
        """The receipt as PDF/A; Unavailable FED-5113 where it cannot be made now."""
        key = (paper.digest, paper.public_url)
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return kept
        asked = {"moment": paper.text["accept_time"], "data": print_data(paper, self._words)}
        try:
            async with asyncio.timeout(self._wait_seconds_max):
                await self._turns.acquire()
        except TimeoutError as error:
            raise _failed("others are being printed") from error
        try:
            made = await self._run(json.dumps(asked).encode())
        finally:
            self._turns.release()
        self._keep(key, made)
        return made

    async def _run(self, data: bytes) -> bytes:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # its words would quote the receipt
                env={},
            )
        except OSError as error:
            raise _failed("its program could not be started") from error
        try:
            async with asyncio.timeout(self._seconds_max):
                made, _ = await process.communicate(data)
        except TimeoutError as error:
            raise _failed("it took too long") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0 or not made.startswith(b"%PDF-"):
            raise _failed("its program failed")
        if len(made) > PRINT_BYTES_MAX:
            raise _failed("it is too large")
        return made

    def _keep(self, key: tuple[str, str], made: bytes) -> None:
        self._kept[key] = made
        while sum(map(len, self._kept.values())) > PRINTS_KEPT_BYTES_MAX:
            self._kept.popitem(last=False)


def _failed(cause: str) -> Unavailable:
    error = Unavailable(
        "FED-5113",
        f"this receipt cannot be set in print now: {cause}",
        remedy="take the signed text, which is complete, and ask for the print again",
    )
    error.retry_after_seconds = RETRY_SECONDS
    return error
