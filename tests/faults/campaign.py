"""One campaign: a fresh federation under load, fault after fault, and the proof at its end.

Owns the order: faults while vendors work, a deadline that passes in the middle, healing, draining,
the opening of the package whose deadline passed, then everything is killed and the disks are read
by the one checker. Rule: a seed draws the same faults and the same bids; the moments at which they
meet are the machine's. Leaves out how many campaigns there are (`__main__`).
"""

from __future__ import annotations

import asyncio
import random
import shutil
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from tests.faults.asking import drained
from tests.faults.blows import ERRORS, MESSAGES, POWER, Blow, name_of
from tests.faults.checker import (
    Fault,
    Finding,
    centre_at,
    examine_centre,
    examine_lying,
    examine_national,
    examine_node,
    node_at,
)
from tests.faults.handover import examine_handover, take_over
from tests.faults.load import DirectVendor, Load, Vendor
from tests.faults.scene import CLOSES, STAYS, Scene, Wishes
from tests.faults.tus_vendors import TusVendor
from tests.faults.vendors import Vendors
from tests.faults.world import Founding

DIRECT: Final = 2
RESUMING: Final = 3
BETWEEN_SECONDS: Final = (0.05, 0.8)
SETTLE_SECONDS: Final = 90.0
STEP: Final = timedelta(days=2)


@dataclass
class Outcome:
    """What one campaign came to."""

    seed: int
    blows: Counter[str] = field(default_factory=Counter)
    receipts: int = 0
    proofs: int = 0
    handed_over: int = 0
    files: int = 0  # brought over HTTP, resumable
    sealed_bytes: int = 0
    findings: list[Finding] = field(default_factory=list)
    trouble: str = ""

    @property
    def ok(self) -> bool:
        """Whether every promise held."""
        return not self.findings and not self.trouble

    def count(self, fault: Fault) -> int:
        """Findings of one kind."""
        return sum(one.fault is fault for one in self.findings)


@dataclass(frozen=True)
class Order:
    """What a campaign is asked to do."""

    seed: int
    rounds: int
    blows: Sequence[Blow]
    wishes: Wishes
    say: Callable[[str], None] = lambda _: None
    keep: Path | None = None  # where the state of a failed campaign is put


def order(seed: int, rounds: int, blows: Sequence[Blow], *, disks: bool) -> Order:
    """What a seed asks for, of that which is possible here."""
    chance = random.Random(f"wishes {seed}")
    wishes = Wishes(
        disks=disks,
        journal=chance.random() < 0.5,
        messenger=any(one in MESSAGES for one in blows) and chance.random() < 0.4,
        erring=any(one in ERRORS for one in blows) and chance.random() < 0.4,
    )
    fitting = _fitting(blows, wishes)
    if not fitting:  # what was asked for alone needs what chance denied
        wishes = replace(
            wishes,
            messenger=any(one in MESSAGES for one in blows),
            erring=any(one in ERRORS for one in blows),
        )
        fitting = _fitting(blows, wishes)
    return Order(seed, rounds, fitting, wishes)


def _fitting(blows: Sequence[Blow], wishes: Wishes) -> list[Blow]:
    return [
        one
        for one in blows
        if (wishes.messenger or one not in MESSAGES)
        and (wishes.erring or one not in ERRORS)
        and (wishes.disks or one not in POWER)
    ]


async def campaign(founding: Founding, asked: Order) -> Outcome:
    """Run it to its end, whatever happens on the way."""
    outcome = Outcome(asked.seed)
    chance = random.Random(asked.seed)
    scene = Scene(founding, asked.wishes, chance)
    vendors = Vendors(random.Random(asked.seed))
    load = Load([])
    try:
        await scene.open()
        load = Load(_vendors(scene, vendors, asked.seed))
        load.start()
        await _storm(scene, load, asked, outcome)
        await _prove(scene, load, vendors, outcome)
    except Exception:  # reported with its seed, and the next campaign begins
        outcome.trouble = "".join(traceback.format_exc())
    finally:
        load.cancel()
        if not outcome.ok and asked.keep is not None:
            _keep(scene, asked.keep / f"seed-{asked.seed}")
        await scene.close()
    return outcome


async def _storm(scene: Scene, load: Load, asked: Order, outcome: Outcome) -> None:
    for number in range(asked.rounds):
        await asyncio.sleep(scene.chance.uniform(*BETWEEN_SECONDS))
        if number == asked.rounds // 2:
            await scene.step_legal_time(STEP)
        blow = scene.chance.choice(asked.blows)
        asked.say(f"seed {asked.seed}: round {number + 1} of {asked.rounds}: {name_of(blow)}")
        outcome.blows[name_of(blow)] += 1
        await blow(scene)
        load.check()


async def _prove(scene: Scene, load: Load, vendors: Vendors, outcome: Outcome) -> None:
    """Heal, let everybody end, drain, open, kill, and read the disks."""
    await scene.heal()
    await load.finish(SETTLE_SECONDS)
    await drained(scene.node)
    taken = await take_over(scene.node, CLOSES)
    await drained(scene.node)
    await asyncio.gather(*(party.kill() for party in scene.parties))
    there, here = centre_at(scene.centre.data), node_at(scene.node.name, scene.node.data)
    outcome.findings += examine_node(here, vendors.given, vendors.proofs)
    outcome.findings += examine_lying(here, vendors.lying)
    outcome.findings += examine_centre(there, here, vendors.given)
    outcome.findings += examine_national(there, here)
    outcome.findings += examine_handover(taken, vendors.given, CLOSES)
    outcome.receipts = len(vendors.given)
    outcome.proofs = sum(map(len, vendors.proofs.values()))
    outcome.handed_over = len(taken)
    outcome.files = len(here.resumable())
    outcome.sealed_bytes = sum(
        len(content) for one, _ in vendors.given.values() for content in one.contents
    )


def _vendors(scene: Scene, vendors: Vendors, seed: int) -> list[Vendor]:
    node, packages = scene.node, (STAYS, CLOSES)
    direct = [DirectVendor(node, vendors, packages, f"{seed}-d{one}") for one in range(DIRECT)]
    return [
        *direct,
        *(TusVendor(node, vendors, packages, f"{seed}-t{one}") for one in range(RESUMING)),
    ]


def _keep(scene: Scene, place: Path) -> None:
    """Everything a person needs to find the cause."""
    for party in scene.parties:
        party.end()
        target = place / party.name
        shutil.copytree(
            party.data, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock")
        )
        if party.log.exists():
            shutil.copy(party.log, place / f"{party.name}.log")
