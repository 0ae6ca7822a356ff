"""`lpse-node enrol --reimport`: a machine whose history was set aside goes on as a new node.

Rules: the daemon stands still (the database's lock says so); only where a person at the centre
decided it; the old identity stays beside the new one, and every step may be repeated with the same
code. Leaves out the steps themselves (`regional_node.recovery.renaming`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lpse.terminal.output import Output, note, show
from lpse.terminal.words import say
from regional_node.cli import session

if TYPE_CHECKING:
    from lpse.runtime.sqlite import Database


async def reimport(code: str, endpoint: str, output: Output) -> None:
    """Redeem the code beside the old identity, then begin the journal's epoch under the new one."""
    from lpse.federation.errors import NotFound
    from lpse.runtime.sqlite import Database
    from regional_node import identity
    from regional_node.app import DATABASE, MIGRATIONS
    from regional_node.cli import identities
    from regional_node.recovery import renaming

    data = session.settings().data
    address = identities.address_of(endpoint)
    if not (data / DATABASE).exists():
        raise NotFound(
            "FED-8021", f"there is no node's database in {data}", remedy="name it with --data"
        )
    database = await Database.open(data / DATABASE, MIGRATIONS)
    carried = 0
    try:
        if not renaming.finish(data):
            carried = await _renamed(database, data, address, code)
    finally:
        await database.close()
    me = identity.load(data / renaming.IDENTITY)
    show(identities.row_of(me), identities.COLUMNS, output, name="node_id")
    note(say("Own entries that go on under the new name: {count}", count=carried))
    note(say("Start the node with: lpse-node run"))


async def _renamed(database: Database, data: Path, address: str, code: str) -> int:
    """All steps; own entries that were taken along."""
    from lpse.runtime.clock import SystemClock, SystemEntropy
    from regional_node.recovery import renaming

    if not renaming.is_under_way(data):
        await renaming.check_told(database)
    await renaming.enrol_beside(data, address, code)
    chance, exercise = (SystemClock(), SystemEntropy()), session.settings().environment
    return await renaming.rename(database, data, chance, exercise=exercise == "exercise")
