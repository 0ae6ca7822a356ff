"""Many runs: the fixed seeds of CI, and the long run that goes on over failures.

Owns `ci` and `long`. Rules: each run is a process of its own, two at a time, so that one seed is
one run whatever ran before; a failure is shrunk and saved as a scenario file, which the suite
replays for ever; the numbers that count are printed. Leaves out one run (`runs`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.simulation.drawing import draw
from tests.simulation.plan import SCENARIOS, Scenario
from tests.simulation.runs import Outcome, play
from tests.simulation.shrink import Shrinker

AT_ONCE: Final = 2
# Small countries of one day: many faults, few seconds.
CI_SEEDS: Final = (1, 3, 5, 9, 12, 20, 21, 22, 24, 33, 35, 39, 40, 47, 59, 63)
CI_SCENARIO: Final = Scenario(seed=0, nodes=3, days=0.5, grain=600.0, submissions=16.0)
LONG_SIZES: Final = ((3, 1.0, 300.0), (5, 2.0, 600.0), (12, 3.0, 1_800.0), (2, 0.5, 60.0))
_SECONDS_MAX: Final = 3_600


def of_seed(seed: int, like: Scenario = CI_SCENARIO) -> Scenario:
    """The run of a seed with its plan of faults."""
    words = {**json.loads(like.to_json()), "seed": seed}
    return draw(Scenario.from_json(json.dumps(words)))


def ci() -> int:
    """The fixed seeds; 0 when all of them are sound."""
    begin, failed = time.perf_counter(), 0
    for scenario, sound, words in _each([of_seed(seed) for seed in CI_SEEDS]):
        failed += not sound
        print(f"seed {scenario.seed}: {words}")
    print(f"{len(CI_SEEDS)} seeds in {time.perf_counter() - begin:.0f} s, {failed} failed")
    return 1 if failed else 0


def long(minutes: float, first: int, folder: Path = SCENARIOS) -> int:
    """Seed after seed until the time is over; failures are shrunk, saved and told."""
    end, failed, done, days = time.monotonic() + minutes * 60, 0, 0, 0.0

    def seeds() -> Iterator[Scenario]:
        seed = first
        while time.monotonic() < end:
            nodes, of_days, grain = LONG_SIZES[seed % len(LONG_SIZES)]
            yield of_seed(seed, Scenario(seed=seed, nodes=nodes, days=of_days, grain=grain))
            seed += 1

    for scenario, sound, words in _each(seeds()):
        done, days = done + 1, days + scenario.nodes * scenario.days
        print(f"seed {scenario.seed}: {words}", flush=True)
        if not sound:
            failed += 1
            path = shrunk(scenario, play(scenario)).save(f"seed-{scenario.seed}", folder)
            print(f"seed {scenario.seed}: saved as {path.name}", flush=True)
    print(f"{done} seeds, {days:g} node-days, {failed} failed")
    return 1 if failed else 0


def shrunk(
    scenario: Scenario, outcome: Outcome, run: Callable[[Scenario], Outcome] = play
) -> Scenario:
    """The smallest scenario found in which the same checker speaks."""
    names = outcome.names()

    def fails(smaller: Scenario) -> bool:
        return bool(names & run(smaller).names())

    return Shrinker(scenario, fails).shrink() if names else scenario


def _each(scenarios: Iterable[Scenario]) -> Iterator[tuple[Scenario, bool, str]]:
    """Each in a process of its own, two at a time, told in order."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        waiting = []
        for scenario in scenarios:
            waiting.append((scenario, threads.submit(_apart, scenario)))
            if len(waiting) >= AT_ONCE:
                first, answer = waiting.pop(0)
                yield first, *answer.result()
        for first, answer in waiting:
            yield first, *answer.result()


def _apart(scenario: Scenario) -> tuple[bool, str]:
    words = [sys.executable, "-W", "ignore", "-m", "tests.simulation", "--scenario", "-"]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    ran = subprocess.run(  # our own module
        words,
        input=scenario.to_json(),
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
    )
    told = ran.stdout.strip() or ran.stderr.strip()[-2_000:]
    return ran.returncode == 0, told
