"""The programs of the federation as a person would call them: commands, JSON out, errors told.

Owns running one command of `lkpp-central`, `lkppctl` or `lpse-node` as a process of its own, with
`-o json`. Rule: an unexpected exit status stops the demonstration with the program's own words.
Leaves out which commands are called.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.demo.processes import DemoFailed

_BIN: Final = Path(sys.executable).parent
_COMMAND_SECONDS: Final = 60.0
_AT_ONCE: Final = 4  # start-up is bound by the processors; more only wait for each other


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said and how it ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """Its standard output as JSON."""
        return json.loads(self.stdout)


class Tools:
    """Runs commands; a few at a time."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._room = asyncio.Semaphore(_AT_ONCE)
        self.calls = 0

    @staticmethod
    def command(program: str, *words: str) -> list[str]:
        """The argument vector of a program of this environment."""
        return [str(_BIN / program), *words]

    async def ask(
        self,
        program: str,
        *words: str,
        more: Mapping[str, str] | None = None,
        stdin: str = "",
        expect: tuple[int, ...] = (0,),
    ) -> Answer:
        """Run one command to its end."""
        async with self._room:
            self.calls += 1
            process = await asyncio.create_subprocess_exec(
                *self.command(program, *words),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**self._environment, **(more or {})},
                start_new_session=True,
            )
            try:
                said = await asyncio.wait_for(process.communicate(stdin.encode()), _COMMAND_SECONDS)
            except TimeoutError:
                raise DemoFailed(f"{_told(program, words)} did not end") from None
            finally:
                if process.returncode is None:
                    process.kill()
        answer = Answer(process.returncode or 0, said[0].decode(), said[1].decode())
        if answer.status not in expect:
            told = answer.stderr.strip() or answer.stdout.strip()
            raise DemoFailed(f"{_told(program, words)} ended with {answer.status}: {told}")
        return answer


def error_code(words: str) -> str:
    """The code that an error names; "–" where it names none."""
    found = re.search(r"FED-[0-9]{4}", words)
    return found[0] if found else "–"


def _told(program: str, words: tuple[str, ...]) -> str:
    return " ".join([program, *words])
