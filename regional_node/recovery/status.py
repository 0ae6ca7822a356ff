"""What an officer reads about a recovery in `lpse-node status`.

Owns the words' facts only; they are told while there is something to tell. The newest finished
recovery is told for good: whoever did not order it must learn of it. Leaves out the words
(`cli.status`).
"""

from __future__ import annotations

from typing import Final

from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1 import recovery_pb2 as wire
from lpse.intake.v1 import node_pb2 as api
from lpse.runtime.sqlite import Database
from regional_node.reconciliation.store import ReconciliationStore
from regional_node.recovery.store import RecoveryStore

_RESTORE: Final = records.RECONCILIATION_TRIGGER_RESTORE
_NEWEST: Final = 1 << 62
_LOOKED_AT: Final = 20
_NOTHING: Final = (wire.RECOVERY_ADVICE_UNSPECIFIED, wire.RECOVERY_ADVICE_NONE)


class Told:
    """Fills the answer about the node's status."""

    def __init__(self, database: Database) -> None:
        self._store = RecoveryStore(database)
        self._runs = ReconciliationStore(database)

    async def fill(self, answer: api.GetNodeStatusResponse) -> None:
        """Add how far the journal has come back; nothing where nothing is missing."""
        await self._tell_last(answer)
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

    async def _tell_last(self, answer: api.GetNodeStatusResponse) -> None:
        for row in await self._runs.page(before=_NEWEST, limit=_LOOKED_AT, trigger=_RESTORE):
            counts = {one.rule.partition("/")[0]: one.count for one in row.record.entries}
            if not row.finished or "R-EPOCH-CONTINUED" not in counts:
                continue
            if "R-EPOCH-RETURNED" in counts:
                continue  # the centre was restored: nothing came back to this node
            returned = counts.get("R-TAIL-RETURNED", 0) + counts.get("R-MACHINE-RECOVERED", 0)
            answer.last_recovery.run = row.name
            answer.last_recovery.finish_time.CopyFrom(row.record.legal_time)
            answer.last_recovery.returned_entries = returned
            answer.last_recovery.imported_entries = counts.get("R-BRANCH-REIMPORTED", 0)
            return


def _advice(number: int) -> str:
    """The enum's name without its prefix; a newer centre's number as it is."""
    known = wire.RecoveryAdvice.values()
    if number not in known:
        return str(number)
    name = wire.RecoveryAdvice.Name(wire.RecoveryAdvice.ValueType(number))
    return name.removeprefix("RECOVERY_ADVICE_")
