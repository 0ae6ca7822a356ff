"""`dev.py bench reconcile_log`: the log that people read, on a million entries.

Owns the form of the report. The log and what is measured are those of `recon_log`; it runs once,
however many rounds are asked for, because filling the log takes longest by far.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.bench import recon_log
from tests.bench.figures import Report

ENTRIES: Final = 1_000_000
QUICK: Final = 2_000
PAGE_GOAL_MILLISECONDS: Final = 200.0
_UNITS: Final = {"_ms": "ms", "_per_second": "/s", "_bytes": "B"}


async def measure(folder: Path, rounds: int, entries: int = ENTRIES) -> Report:
    """Every figure by its name; the slowest twentieth of the pages against the goal."""
    del rounds
    report = Report("reconcile_log", f"the reconciliation log on about {entries:,} entries")
    figures = await recon_log.measure(folder, entries)
    for name, value in figures.items():
        unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
        report.add(name.replace("_", " "), unit, [float(value)])
    report.compare(
        "page, 95th percentile / 200 ms",
        [float(figures["page_p95_ms"])],
        [PAGE_GOAL_MILLISECONDS],
        goal=1.0,
        at_most=True,
    )
    return report
