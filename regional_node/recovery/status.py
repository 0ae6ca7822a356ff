"""What an officer reads about a recovery in `lpse-node status`.

Owns the words' facts only; they are told while there is something to tell. Leaves out the words
(`cli.status`).
"""

from __future__ import annotations

from lpse.federation.v1 import recovery_pb2 as wire
from lpse.intake.v1 import node_pb2 as api
from lpse.runtime.sqlite import Database
from regional_node.recovery.store import RecoveryStore

_NOTHING = (wire.RECOVERY_ADVICE_UNSPECIFIED, wire.RECOVERY_ADVICE_NONE)


class Told:
    """Fills the answer about the node's status."""

    def __init__(self, database: Database) -> None:
        self._store = RecoveryStore(database)

    async def fill(self, answer: api.GetNodeStatusResponse) -> None:
        """Add how far the journal has come back; nothing where nothing is missing."""
        state = await self._store.state()
        advised = state.advice not in _NOTHING
        if not state.cause and not advised:
            return
        answer.recovery.CopyFrom(
            api.NodeRecovery(
                cause=state.cause,
                advice=_advice(state.advice) if advised else "",
                reason=state.reason,
                branch=state.branch,
                returned_entries=state.returned,
                imported_entries=state.imported,
                kept_entries=state.kept,
            )
        )


def _advice(number: int) -> str:
    """The enum's name without its prefix; a newer centre's number as it is."""
    known = wire.RecoveryAdvice.values()
    if number not in known:
        return str(number)
    name = wire.RecoveryAdvice.Name(wire.RecoveryAdvice.ValueType(number))
    return name.removeprefix("RECOVERY_ADVICE_")
