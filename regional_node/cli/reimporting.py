"""`lpse-node enrol --reimport`: a machine whose history was set aside goes on as a new node.

Rules: the daemon stands still (the database's lock says so); only where a person at the centre
decided it; the old identity stays beside the new one, and every step may be repeated with the same
code. Leaves out the steps themselves (`regional_node.recovery.renaming`).
"""

from __future__ import annotations

from lpse.terminal.output import Output, note, show
from lpse.terminal.words import say
from regional_node.cli import session


async def reimport(code: str, endpoint: str, output: Output) -> None:
    """Redeem the code beside the old identity, then begin the journal's epoch under the new one."""
    from lpse.runtime.clock import SystemClock, SystemEntropy
    from lpse.runtime.sqlite import Database
    from regional_node import identity
    from regional_node.app import DATABASE, MIGRATIONS
    from regional_node.cli import identities
    from regional_node.recovery import renaming

    settings = session.settings()
    data, exercise = settings.data, settings.environment == "exercise"
    address = identities.address_of(endpoint)
    database = await Database.open(data / DATABASE, MIGRATIONS)
    try:
        if not renaming.is_under_way(data):
            await renaming.check_told(database)
        await renaming.enrol_beside(data, address, code)
        chance = (SystemClock(), SystemEntropy())
        carried = await renaming.rename(database, data, chance, exercise=exercise)
    finally:
        await database.close()
    me = identity.load(data / renaming.IDENTITY)
    show(identities.row_of(me), identities.COLUMNS, output, name="node_id")
    note(say("Own entries that go on under the new name: {count}", count=carried))
    note(say("Start the node with: lpse-node run"))
