"""What the log of this node's runs is read from: runs, resolutions, files of opened packages.

Rule: a package's files are known here only once it was opened, so that a filter by package finds
nothing before (Invariant 6). Leaves out what a filter means (`lpse.federation.recon_log`).
"""

from __future__ import annotations

from lpse.federation import run_names
from lpse.federation.commitments import read_details
from lpse.runtime.sqlite import Database, Transaction
from regional_node.reconciliation.store import ReconciliationStore, RunRow, places_in

_STEP = 200  # runs read in one step


class LogStore:
    """Reads of the log; see the module's first lines."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._runs = ReconciliationStore(database)

    async def page(self, before: int, *, with_difference: bool = False) -> list[RunRow]:
        """Some runs below `before`, newest first."""
        return await self._runs.page(before=before, limit=_STEP, with_difference=with_difference)

    async def run(self, number: int) -> RunRow | None:
        """One run."""
        return await self._runs.get(number)

    async def find(self, name: str) -> RunRow:
        """The run that a name means; NotFound (FED-7001) or Conflict (FED-7046)."""
        return await self._runs.find(name)

    async def resolutions(self) -> dict[tuple[int, int], str]:
        """By number of the run and place of the entry: the newest resolution by an officer."""

        def work(tx: Transaction) -> dict[tuple[int, int], str]:
            found = {}
            for run, entry, number, epoch in tx.execute(
                "SELECT run, entry, number, epoch FROM recon_resolutions ORDER BY number"
            ):
                meant = run_names.meant(run, places_in(tx, run), bytes(epoch))
                if meant is not None:
                    found[meant, int(entry)] = f"resolutions/{number}"
            return found

        return await self._database.read(work)

    async def equal_after(self, number: int) -> int | None:
        """The first later run that ended with equal heads."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT min(number) FROM recon_runs"
                " WHERE number > ? AND heads_equal = 1 AND finished = 1",
                (number,),
            )
        )
        found = rows[0][0]
        return None if found is None else int(found)

    async def finished_above(self, base: int) -> tuple[list[int], int]:
        """Finished runs above `base`, and the number below which all are finished."""

        def work(tx: Transaction) -> tuple[list[int], int]:
            rows = tx.execute(
                "SELECT number, finished FROM recon_runs WHERE number > ? ORDER BY number", (base,)
            )
            waiting = [int(number) for number, finished in rows if not finished]
            finished = [int(number) for number, finished in rows if finished]
            newest = int(rows[-1][0]) if rows else base
            return finished, (waiting[0] - 1 if waiting else newest)

        return await self._database.read(work)

    async def opened_files(self, package: str) -> set[bytes]:
        """Digests of the files of a package that was opened; none before."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT s.details FROM intake_submissions s"
                " JOIN intake_openings o ON o.package = s.package"
                " WHERE s.package = ? AND s.revealed = 1",
                (package,),
            )
        )
        return {file.sha256 for (details,) in rows for file in read_details(details).files}
