"""What a person reads: who did what at which legal time, and which promises held.

Owns the lines (legal time, who, what), the promises and their verdicts, in Indonesian or English by
LANG. Rule: a broken promise names itself on standard error at once and is never taken back. Leaves
out the JSON document.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TextIO

from lpse.terminal.words import date_text, say

_WHEN: Final = 27
_WHO: Final = 20
_WIDTH: Final = 118


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing that must hold, and what was seen."""

    name: str
    kept: bool
    seen: str


@dataclass
class Story:
    """Lines on one stream, in the order in which things happened."""

    stream: TextIO
    zone: str
    legal: datetime
    promises: list[Promise] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every promise held so far."""
        return all(promise.kept for promise in self.promises)

    def title(self, text: str) -> None:
        """A new part of the story."""
        self._write("")
        self._write(text)
        self._write("─" * len(text))

    def tell(self, who: str, text: str, /, **fields: object) -> None:
        """One event; `text` is an English message id."""
        lines = textwrap.wrap(say(text, **fields), _WIDTH - _WHEN - _WHO - 4) or [""]
        when = date_text(self.legal, self.zone)
        self._write(f"{when:<{_WHEN}}  {who:<{_WHO}}  {lines[0]}")
        for line in lines[1:]:
            self._write(f"{'':<{_WHEN}}  {'':<{_WHO}}  {line}")

    def quote(self, text: str) -> None:
        """What a program itself printed, set in."""
        for line in text.rstrip().splitlines():
            self._write(f"{'':<{_WHEN}}  | {line}")

    def promise(self, name: str, kept: bool, text: str, /, **fields: object) -> None:
        """Judge one promise by what was seen; `text` is an English message id."""
        seen = say(text, **fields)
        self.promises.append(Promise(name, kept, seen))
        self._write(f"{'':<{_WHEN}}  {'✓' if kept else '✗'} {name}: {seen}")
        if not kept:
            print(say("BROKEN PROMISE {name}: {seen}", name=name, seen=seen), file=sys.stderr)

    def table(self, titles: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Columns as wide as they need."""
        cells = [[say(title) for title in titles], *[[str(c) for c in row] for row in rows]]
        widths = [max(len(row[n]) for row in cells) for n in range(len(titles))]
        for number, row in enumerate(cells):
            self._write("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
            if number == 0:
                self._write("  ".join("─" * width for width in widths))

    def _write(self, line: str) -> None:
        print(line, file=self.stream, flush=True)
