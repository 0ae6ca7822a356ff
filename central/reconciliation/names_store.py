"""Runs by their names: which run a name means, and how a run is called among its namesakes.

Rule: what a name means is `lpse.federation.run_names`; this only finds the runs of a name. Leaves
out everything else about runs (`store`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from central.reconciliation.rows import ReconciliationRow
from lpse.federation import run_names
from lpse.federation.run_names import Place
from lpse.runtime.sqlite import Transaction


def places_in(tx: Transaction, name: str) -> list[Place]:
    """Runs whose record has this name, in the order in which the centre received them."""
    rows = tx.execute(
        "SELECT id, epoch, idx FROM reconciliations WHERE name = ? ORDER BY id",
        (run_names.parse(name).base,),
    )
    return [Place(int(key), bytes(epoch), int(index)) for key, epoch, index in rows]


def find_in(tx: Transaction, name: str) -> int:
    """The row of the run that a name means; NotFound (FED-7001) or Conflict (FED-7046)."""
    return run_names.choose(name, places_in(tx, name))


def called_in(tx: Transaction, rows: Iterable[ReconciliationRow]) -> list[ReconciliationRow]:
    """The same runs, each called by the name that finds it alone."""
    known: dict[str, list[Place]] = {}
    found = []
    for row in rows:
        if row.name not in known:
            known[row.name] = places_in(tx, row.name)
        place = Place(row.id, row.epoch, row.index)
        found.append(replace(row, name=run_names.shown(row.name, place, known[row.name])))
    return found
