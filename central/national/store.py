"""All SQL of the national gate: nodes that showed more than the centre has.

Rule: a contradiction outlives restarts, and ends only when the same node shows a head that the
journal contains. Leaves out the journal itself (`lpse.storage.journal`).
"""

from __future__ import annotations

from lpse.federation.checkpoints import Head
from lpse.federation.v1 import journal_pb2 as wire
from lpse.runtime.sqlite import Database


class NationalStore:
    """The table `national_contradictions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def contradicting(self) -> frozenset[str]:
        """Every node that showed more than, or something else than, the centre has."""
        rows = await self._database.read(
            lambda tx: tx.execute("SELECT node_id FROM national_contradictions")
        )
        return frozenset(str(node_id) for (node_id,) in rows)

    async def contradictions(self) -> list[tuple[str, Head, str]]:
        """The head that each of them showed and when, by node id."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT node_id, head, seen_time FROM national_contradictions ORDER BY node_id"
            )
        )
        return [(str(node), Head.of(wire.Head.FromString(head)), seen) for node, head, seen in rows]

    async def contradicted(self, node_id: str, head: Head, relation: str, seen: str) -> None:
        """Keep the evidence: the head carries the centre's own signature."""
        data = head.message().SerializeToString(deterministic=True)
        await self._database.write(
            lambda tx: tx.run(
                "INSERT INTO national_contradictions (node_id, head, relation, seen_time)"
                " VALUES (?, ?, ?, ?) ON CONFLICT (node_id) DO UPDATE SET"
                " head = excluded.head, relation = excluded.relation,"
                " seen_time = excluded.seen_time",
                (node_id, data, relation, seen),
            )
        )

    async def settled(self, node_id: str) -> None:
        """The node's head is contained again."""
        await self._database.write(
            lambda tx: tx.run("DELETE FROM national_contradictions WHERE node_id = ?", (node_id,))
        )
