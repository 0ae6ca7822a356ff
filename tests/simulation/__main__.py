"""`dev.py simulate`: one run of the country, and what it came to.

Owns the command's flags and its report: node-days per second, memory, the trace hash, promises and
errors; and the doors to scenarios (`--scenario FILE`, `--replay FILE`), to drawn faults (`--faults
drawn`) and to bundles of seeds (`--bundle ci|long`). Rules: without a fixed hash seed it starts
itself again with one, so that a seed is a run; exit status 0 when everything settled and no checker
spoke, 1 otherwise. Leaves out what is judged (`checkers`) and how (`runs`).
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.simulation import bundle
from tests.simulation.drawing import draw
from tests.simulation.observe import settled, unsettled
from tests.simulation.plan import SCENARIOS, Scenario
from tests.simulation.planted import PLANTED
from tests.simulation.runs import play
from tests.simulation.settings import Options
from tests.simulation.vendors import Vendors
from tests.simulation.world import World

HASH_SEED: Final = "0"
# From so many nodes on: how coarse timers are, and submissions per node and day, unless given.
SIZES: Final = ((500, 43_200.0, 1.0), (100, 14_400.0, 2.0), (20, 600.0, 6.0), (0, 60.0, 6.0))
SETTLE_SECONDS: Final = 6 * 3600.0


def main(arguments: list[str]) -> int:
    """Run once and report."""
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        os.environ["PYTHONHASHSEED"] = HASH_SEED
        words = [sys.executable, "-m", "tests.simulation", *arguments]
        os.execv(sys.executable, words)
    flags = _parser().parse_args(arguments)
    if flags.bundle == "ci":
        return bundle.ci()
    if flags.bundle == "long":
        return bundle.long(flags.minutes, flags.seed or 1, flags.save)
    if flags.scenario or flags.replay:
        return _play(_scenario(flags.scenario or flags.replay, flags.seed))
    seed = 1 if flags.seed is None else flags.seed
    grain, submissions = next(one[1:] for one in SIZES if flags.nodes >= one[0])
    options = Options(
        nodes=flags.nodes,
        days=flags.days,
        grain=flags.grain or grain,
        vendors_per_day=submissions if flags.submissions is None else flags.submissions,
        packages=flags.packages,
    )
    if flags.faults == "drawn":
        return _play(_drawn(seed, options))
    return _run(seed, options)


def _scenario(name: str, seed: int | None) -> Scenario:
    """From a file or, for "-", from standard input; a given seed takes the place of its own."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
        scenario = Scenario.from_json(text)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{name} is no scenario that can be read: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    return scenario if seed is None else replace(scenario, seed=seed)


def _drawn(seed: int, options: Options) -> Scenario:
    return draw(
        Scenario(
            seed,
            options.nodes,
            options.days,
            options.grain,
            options.vendors_per_day,
            options.packages,
        )
    )


def _play(scenario: Scenario) -> int:
    """One scenario, judged; the bug that it was made for is planted."""
    bug = PLANTED.get(scenario.planted)
    outcome = play(scenario, bug) if bug else play(scenario)
    happened = " ".join(f"{kind} {count}" for kind, count in sorted(outcome.happened.items()))
    print(
        f"{scenario.nodes} nodes, {scenario.days:g} days, {outcome.receipts} receipts,"
        f" {outcome.seconds:.1f} s; {happened or 'no faults'}; trace {outcome.trace[:16]};"
        f" {'sound' if outcome.sound else 'NOT SOUND'}"
    )
    if bug is not None:
        caught = scenario.expect in outcome.names()
        print(f"planted: {scenario.planted}; {'caught' if caught else 'NOT CAUGHT'}")
        return 0 if caught else 1
    for finding in outcome.findings[:20]:
        print(f"  {finding}")
    if not outcome.sound:
        for line in outcome.errors[-10:]:
            print(f"  error {line}")
    return 0 if outcome.sound else 1


def _run(seed: int, options: Options) -> int:
    begin, work = time.perf_counter(), time.process_time()
    with World(seed, options) as world:
        world.build()
        built = time.perf_counter()
        vendors = Vendors(world)
        vendors.begin()
        world.run_days(options.days)
        took = time.perf_counter() - built
        work = time.process_time() - work
        ends_well = world.until(lambda: settled(world), SETTLE_SECONDS + 8 * options.grain)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        node_days = options.nodes * options.days
        promises = vendors.promises
        print(
            f"seed {seed}: {options.nodes} nodes, {options.days:g} days, grain {options.grain:g} s"
        )
        print(f"built in {built - begin:.1f} s, ran in {took:.1f} s, {memory:.0f} MB at most")
        print(f"{work:.1f} s of the CPU in all")
        print(f"{node_days / took:.1f} node-days per second, {world.loop.handles_run} turns")
        print(f"events {world.trace.counts}")
        print(
            f"receipts {len(promises.receipts)}, refused {len(promises.refused)}, given up"
            f" {len(promises.given_up)}, opened {len(promises.opened)} of {len(promises.tenders)}"
        )
        for line in [*world.errors][-10:]:
            print(f"error {line}")
        for line in world.loop.complaints[:10]:
            print(f"complaint {line}")
        for one in unsettled(world)[:10]:
            print(f"not settled: {one}")
        print(f"trace {world.trace.hash}")
        print("settled" if ends_well else "NOT SETTLED")
        return 0 if ends_well else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py simulate", description="A simulated country.")
    parser.add_argument("--seed", type=int, help="default 1; the first one of a long bundle")
    parser.add_argument("--nodes", type=int, default=5)
    parser.add_argument("--days", type=float, default=3.0)
    parser.add_argument("--grain", type=float, default=0.0, help="seconds; 0: chosen by size")
    parser.add_argument("--submissions", type=float, help="per node and day; default by size")
    parser.add_argument("--packages", type=int, default=3, help="per node")
    parser.add_argument("--faults", choices=("none", "drawn"), default="none", help="by seed")
    parser.add_argument("--scenario", default="", help='a scenario file to play; "-": stdin')
    parser.add_argument("--replay", default="", help="the same, under another name")
    parser.add_argument("--bundle", choices=("ci", "long"), help="many seeds with drawn faults")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long the long bundle goes")
    parser.add_argument("--save", type=Path, default=SCENARIOS, help="where failures are kept")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
