"""All SQL of the link at the centre: tokens, quarantines, and what nodes cosigned.

Rule: a token is durable before it is handed out, and a confirmation before it counts
(Invariant 1). Secrets are kept as SHA-256 only. Leaves out the decisions (`rules`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from central.link.rules import Contradiction, Token, TokenState
from lpse.federation.checkpoints import Cosignature, Head
from lpse.runtime.sqlite import Database, Transaction


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """Why a node's entries do not flow."""

    node_id: str
    relation: int
    code: str
    reason: str
    since_time: str


@dataclass(frozen=True, slots=True)
class Witness:
    """A node's word for a national head."""

    node_id: str
    head: Head
    cosignature: Cosignature


class LinkStore:
    """Tables `link_tokens`, `link_quarantines`, `link_contradictions` and `link_witnesses`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tokens(self, node_id: str) -> TokenState:
        """What is known about a node's tokens; nothing for a new node."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT confirmed_number, confirmed_digest, issued_number, issued_digest, amnesty"
                " FROM link_tokens WHERE node_id = ?",
                (node_id,),
            )
        )
        if not rows:
            return TokenState()
        confirmed, confirmed_digest, issued, issued_digest, amnesty = rows[0]
        return TokenState(
            Token(confirmed, confirmed_digest) if confirmed is not None else None,
            Token(issued, issued_digest) if issued is not None else None,
            bool(amnesty),
        )

    async def keep_tokens(self, node_id: str, state: TokenState) -> None:
        """Replace what is known about a node's tokens."""
        confirmed, issued = state.confirmed, state.issued
        values = (
            node_id,
            confirmed.number if confirmed else None,
            confirmed.digest if confirmed else None,
            issued.number if issued else None,
            issued.digest if issued else None,
            int(state.amnesty),
        )
        await self._database.write(
            lambda tx: tx.run(
                "INSERT OR REPLACE INTO link_tokens (node_id, confirmed_number, confirmed_digest,"
                " issued_number, issued_digest, amnesty) VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
        )

    async def grant_amnesty(self, node_id: str) -> None:
        """Accept the node's next hello whatever its token is."""
        await self._database.write(
            lambda tx: tx.run(
                "INSERT INTO link_tokens (node_id, amnesty) VALUES (?, 1)"
                " ON CONFLICT (node_id) DO UPDATE SET amnesty = 1",
                (node_id,),
            )
        )

    async def quarantine(self, node_id: str) -> QuarantineRow | None:
        """The node's quarantine, if there is one."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT node_id, relation, code, reason, since_time FROM link_quarantines"
                " WHERE node_id = ?",
                (node_id,),
            )
        )
        return QuarantineRow(*rows[0]) if rows else None

    async def quarantine_begins(self, row: QuarantineRow, head: Head | None) -> None:
        """Keep why and since when; an earlier `since_time` of the same relation stays."""
        await self._database.write(lambda tx: _begin_in(tx, row, head))

    async def contradicted(self, row: QuarantineRow, held: Head) -> None:
        """Entries did not continue the copy, whose head is `held`: quarantine, and count it."""

        def work(tx: Transaction) -> None:
            _begin_in(tx, row, None)
            tx.run(
                "INSERT INTO link_contradictions (node_id, epoch, size, root, times)"
                " VALUES (?, ?, ?, ?, 1) ON CONFLICT (node_id) DO UPDATE SET"
                " times = 1 + times * (epoch = excluded.epoch AND size = excluded.size"
                " AND root = excluded.root), proved = proved * (epoch = excluded.epoch"
                " AND size = excluded.size AND root = excluded.root),"
                " epoch = excluded.epoch, size = excluded.size, root = excluded.root",
                (row.node_id, held.epoch, held.size, held.root),
            )

        await self._database.write(work)

    async def contradiction(self, held: Head) -> Contradiction | None:
        """What entries showed against this very copy of a node's journal."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT times, proved FROM link_contradictions"
                " WHERE node_id = ? AND epoch = ? AND size = ? AND root = ?",
                (held.party, held.epoch, held.size, held.root),
            )
        )
        return Contradiction(rows[0][0], bool(rows[0][1])) if rows else None

    async def proved(self, held: Head) -> bool:
        """The node showed the copy's root as its own: once, its entries are looked at again."""

        def work(tx: Transaction) -> bool:
            changed = tx.run(
                "UPDATE link_contradictions SET proved = 1 WHERE node_id = ? AND epoch = ?"
                " AND size = ? AND root = ? AND times = 1 AND proved = 0",
                (held.party, held.epoch, held.size, held.root),
            )
            if changed:
                tx.run("DELETE FROM link_quarantines WHERE node_id = ?", (held.party,))
            return bool(changed)

        return await self._database.write(work)

    async def forget_contradiction(self, node_id: str) -> None:
        """A person vouches for whoever shows that identity next."""
        await self._database.write(
            lambda tx: tx.run("DELETE FROM link_contradictions WHERE node_id = ?", (node_id,))
        )

    async def quarantine_ends(self, node_id: str) -> None:
        """The node's hello was sound again, or an operator released it."""
        await self._database.write(
            lambda tx: tx.run("DELETE FROM link_quarantines WHERE node_id = ?", (node_id,))
        )

    async def witnessed(self, witnesses: Iterable[Witness]) -> None:
        """Keep the newest cosignature per node and national epoch."""
        listed = list(witnesses)

        def work(tx: Transaction) -> None:
            tx.many(
                "INSERT INTO link_witnesses (node_id, epoch, size, root, time_seconds, signature)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (node_id, epoch) DO UPDATE SET"
                " size = excluded.size, root = excluded.root,"
                " time_seconds = excluded.time_seconds, signature = excluded.signature"
                " WHERE excluded.size >= link_witnesses.size",
                [
                    (
                        one.node_id,
                        one.head.epoch,
                        one.head.size,
                        one.head.root,
                        one.cosignature.time_seconds,
                        one.cosignature.signature,
                    )
                    for one in listed
                ],
            )

        await self._database.write(work)

    async def witnesses(self, epoch: bytes, size: int) -> list[str]:
        """Nodes whose newest cosignature covers at least `size` national entries."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT node_id FROM link_witnesses WHERE epoch = ? AND size >= ? ORDER BY node_id",
                (epoch, size),
            )
        )
        return [str(node_id) for (node_id,) in rows]


def _begin_in(tx: Transaction, row: QuarantineRow, head: Head | None) -> None:
    data = head.message().SerializeToString(deterministic=True) if head else None
    tx.run(
        "INSERT INTO link_quarantines (node_id, relation, code, reason, head, since_time)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (node_id) DO UPDATE SET"
        " code = excluded.code, reason = excluded.reason, head = excluded.head,"
        " since_time = CASE WHEN link_quarantines.relation = excluded.relation"
        " THEN link_quarantines.since_time ELSE excluded.since_time END,"
        " relation = excluded.relation",
        (row.node_id, row.relation, row.code, row.reason, data, row.since_time),
    )
