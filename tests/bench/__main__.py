"""`deploy/dev.py bench [NAME …] [-o text|json] [--rounds N] [--directory D]`.

Owns the list of benchmarks and their output: data on stdout, progress on stderr. Leaves out what
each one measures.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import logging
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import structlog

from tests.bench.figures import ROUNDS_MIN, Report

BENCHES: Final = {
    "intake": "commits/s of the accept path against a raw group commit",
    "fanout": "one national entry to 700 mTLS streams against a bare fan-out",
    "drain": "queue drain MB/s against the same steps done locally",
    "reconcile": "reconnects, one difference, a storm, the ledger, against an id list",
    "reconcile_log": "pages, counts and exports of the reconciliation log on 10⁶ entries",
    "uploads": "uploads over HTTP beside tus servers and rsync, and what a crash leaves of them",
}


def main() -> None:
    """Run what was named, or all."""
    arguments = _arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    reports = []
    for name in arguments.name or BENCHES:
        print(f"bench: {name}, {arguments.rounds} rounds …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.directory) as folder:
            module = importlib.import_module(f"tests.bench.{name}")
            more = (module.QUICK,) if arguments.quick and hasattr(module, "QUICK") else ()
            report: Report = asyncio.run(module.measure(Path(folder), arguments.rounds, *more))
        reports.append(report)
        if arguments.output == "text":
            print(report.text(), flush=True)
    if arguments.output == "json":
        print(json.dumps(_document(reports), indent=2))


def _arguments() -> Any:
    listed = "\n".join(f"  {name:<13} {text}" for name, text in BENCHES.items())
    parser = argparse.ArgumentParser(
        prog="dev.py bench",
        description=f"Measure, and print medians and ratios of this run.\n\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="*", choices=[*BENCHES, []], help="all when none is named")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.add_argument("--rounds", type=_rounds, default=ROUNDS_MIN, metavar="N")
    parser.add_argument("--quick", action="store_true", help="small, where a bench knows how")
    parser.add_argument("--directory", type=Path, help="on the disk to be measured")
    return parser.parse_args()


def _rounds(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1 round")
    return number


def _document(reports: list[Report]) -> dict[str, Any]:
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    return {"machine": machine, "benches": [report.document() for report in reports]}


if __name__ == "__main__":
    main()
