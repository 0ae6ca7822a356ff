"""`dev.py faults`: hundreds of faults against a federation at work, and one table at the end.

Owns the long run: how many campaigns, which faults, what is printed. Rules: every campaign has a
seed that is printed, and `--seed` with that number draws the same faults again; the exit status is
1 if a promise was broken and 2 for a wrong flag; what this machine cannot do is said first and
left out. Leaves out what a campaign is (`campaign`).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.faults.blows import ALL, POWER, Blow, name_of
from tests.faults.campaign import Outcome, campaign, order
from tests.faults.checker import Fault
from tests.faults.disks import impossible
from tests.faults.foundings import EXERCISE
from tests.faults.world import Founding

ROUNDS = 200
ROUNDS_PER_CAMPAIGN = 10


def main(arguments: list[str] | None = None) -> int:
    """Run until enough rounds are done or the time is over; 1 if a promise was broken."""
    asked = _parser().parse_args(arguments)
    blows = [one for one in ALL if not asked.only or name_of(one) in asked.only]
    why = impossible()
    if why:
        print(f"POWER CUTS AND FULL DISKS ARE NOT TESTED HERE: {why}", flush=True)
        blows = [one for one in blows if one not in POWER and not name_of(one).startswith("fill")]
    if not blows:
        print("nothing that was asked for is possible here", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="lpse-founding-") as folder:
        founding = Founding(Path(folder) / "founding", EXERCISE)
        outcomes = _run(founding, asked, blows, disks=not why)
    return _report(outcomes)


def _run(
    founding: Founding, asked: argparse.Namespace, blows: list[Blow], *, disks: bool
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    begun, left, seed = time.monotonic(), asked.rounds, asked.seed
    while left > 0 and (not asked.minutes or time.monotonic() - begun < asked.minutes * 60):
        rounds = min(left, ROUNDS_PER_CAMPAIGN)
        wanted = replace(order(seed, rounds, blows, disks=disks), say=_say, keep=asked.keep)
        outcome = asyncio.run(campaign(founding, wanted))
        outcomes.append(outcome)
        _say(_line(outcome))
        left, seed = left - rounds, seed + 1
        if not outcome.ok:
            print(_details(outcome), flush=True)
            if asked.stop:
                break
    return outcomes


def _report(outcomes: list[Outcome]) -> int:
    """The table; every row but the first ones must say 0."""
    blows = sum((one.blows for one in outcomes), Counter[str]())
    rows = [("campaigns", len(outcomes)), ("rounds", blows.total()), *sorted(blows.items())]
    rows += [
        ("receipts", sum(one.receipts for one in outcomes)),
        ("proofs of attempts", sum(one.proofs for one in outcomes)),
        ("handed over to SPSE", sum(one.handed_over for one in outcomes)),
        ("resumable files", sum(one.files for one in outcomes)),
        ("sealed MB", sum(one.sealed_bytes for one in outcomes) // 1_000_000),
        *((kind.value, sum(one.count(kind) for one in outcomes)) for kind in Fault),
        ("campaigns that did not end", sum(bool(one.trouble) for one in outcomes)),
    ]
    print()
    for name, count in rows:
        print(f"{name:<28}{count:>9,}")
    failed = [one.seed for one in outcomes if not one.ok]
    if failed:
        print(f"\nBROKEN with seed {', '.join(map(str, failed))}; --seed N repeats one", flush=True)
    return 1 if failed or not outcomes else 0


def _line(outcome: Outcome) -> str:
    verdict = "every promise held" if outcome.ok else "BROKEN"
    return (
        f"seed {outcome.seed}: {outcome.receipts} receipts, {outcome.proofs} proofs, "
        f"{outcome.handed_over} handed over, {outcome.files} files: {verdict}"
    )


def _details(outcome: Outcome) -> str:
    lines = [f"  {one.fault}: {one.text}" for one in outcome.findings]
    return "\n".join([*lines, outcome.trouble])


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="faults in all")
    parser.add_argument("--seed", type=int, default=1, help="of the first campaign")
    parser.add_argument("--minutes", type=float, default=0, help="begin no campaign after that")
    parser.add_argument(
        "--only", nargs="+", choices=[name_of(one) for one in ALL], help="these faults alone"
    )
    parser.add_argument("--keep", type=Path, help="folder for the state of what failed")
    parser.add_argument("--stop", action="store_true", help="end at the first broken promise")
    return parser


if __name__ == "__main__":
    sys.exit(main())
