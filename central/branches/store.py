"""All SQL of branches.

Rules: entries of a branch are stored as received; a branch counts once it is whole; offering the
same branch again changes nothing. Leaves out their verification (`receiving`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from lpse.federation.checkpoints import Head
from lpse.federation.errors import Refused
from lpse.federation.limits import BRANCH_BYTES_PER_NODE_MAX, BRANCHES_PER_NODE_MAX
from lpse.runtime.sqlite import Database, Transaction

_BYTES_MAX: Final = BRANCH_BYTES_PER_NODE_MAX
_COLUMNS: Final = (
    "id, node_id, epoch, first_index, size, root, signature, whole, machine_only, offer_time"
)

# What a person answered about, or a machine went on from, waits for nobody.
_COUNT_OPEN: Final = (
    "SELECT count(*) FROM branches b WHERE node_id = ? AND told_resolution = '' AND NOT EXISTS"
    " (SELECT 1 FROM recon_resolutions r"
    " WHERE r.node_id = b.node_id AND r.object = 'branches/' || b.id)"
)


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch; `machine_only` says that no entry stands for the act of a person."""

    number: int
    head: Head
    first_index: int
    whole: bool
    machine_only: bool
    offer_time: str

    @property
    def name(self) -> str:
        """The object that a person decides about."""
        return f"branches/{self.number}"

    @property
    def entries(self) -> int:
        """How many entries it has beyond the common prefix."""
        return self.head.size - self.first_index


@dataclass(frozen=True, slots=True)
class BranchEntry:
    """An entry as it was received."""

    index: int
    data: bytes
    leaf_hash: bytes


class BranchStore:
    """Tables `branches` and `branch_entries`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, head: Head, first_index: int, now: str) -> Branch:
        """The branch that ends at this head, begun anew unless it is whole already."""

        def work(tx: Transaction) -> Branch:
            known = _find_in(tx, head)
            if known is not None:
                if not known.whole:
                    tx.run("DELETE FROM branch_entries WHERE branch = ?", (known.number,))
                    tx.run(
                        "UPDATE branches SET first_index = ?, bytes = 0 WHERE id = ?",
                        (first_index, known.number),
                    )
                found = _find_in(tx, head)
                assert found is not None
                return found
            _drop_unfinished_in(tx, head.party)
            if tx.execute(_COUNT_OPEN, (head.party,))[0][0] >= BRANCHES_PER_NODE_MAX:
                raise _too_many(f"{BRANCHES_PER_NODE_MAX} branches")
            tx.run(
                "INSERT INTO branches (node_id, epoch, first_index, size, root, signature, whole,"
                " machine_only, offer_time) VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?)",
                (head.party, head.epoch, first_index, head.size, head.root, head.signature, now),
            )
            found = _find_in(tx, head)
            assert found is not None
            return found

        return await self._database.write(work)

    async def add(self, branch: Branch, first: int, rows: list[tuple[bytes, bytes]]) -> None:
        """Store (bytes, leaf hash) of consecutive entries."""
        number, brought = branch.number, sum(len(data) for data, _ in rows)

        def work(tx: Transaction) -> None:
            kept = "SELECT sum(bytes) FROM branches WHERE node_id = ?"
            if (tx.execute(kept, (branch.head.party,))[0][0] or 0) + brought > _BYTES_MAX:
                raise _too_many(f"{_BYTES_MAX} bytes of branches")
            tx.run("UPDATE branches SET bytes = bytes + ? WHERE id = ?", (brought, number))
            tx.many(
                "INSERT OR REPLACE INTO branch_entries (branch, idx, bytes, leaf_hash)"
                " VALUES (?, ?, ?, ?)",
                [(number, index, *row) for index, row in enumerate(rows, first)],
            )

        await self._database.write(work)

    async def complete(self, branch: Branch, *, machine_only: bool, extends: Branch | None) -> None:
        """Every entry is here and was shown to make the signed root.

        A branch that goes on keeps the name that it `extends`: a decision about it still holds.
        """

        def work(tx: Transaction) -> None:
            tx.run(
                "UPDATE branches SET whole = 1, machine_only = ? WHERE id = ?",
                (int(machine_only), branch.number),
            )
            if extends is not None:
                _join_in(tx, branch, extends)

        await self._database.write(work)

    async def find(self, head: Head) -> Branch | None:
        """The whole branch that ends at this head."""
        found = await self._database.read(lambda tx: _find_in(tx, head))
        return found if found is not None and found.whole else None

    async def told(self, branch: Branch, resolution: str, epoch: bytes) -> bytes:
        """The newest epoch of the node when this decision was first told; now, if it never was."""

        def work(tx: Transaction) -> bytes:
            tx.run(
                "UPDATE branches SET told_resolution = ?, told_epoch = ?"
                " WHERE id = ? AND told_resolution <> ?",
                (resolution, epoch, branch.number, resolution),
            )
            told = "SELECT told_epoch FROM branches WHERE id = ?"
            return bytes(tx.execute(told, (branch.number,))[0][0])

        return await self._database.write(work)

    async def of_node(self, node_id: str) -> list[Branch]:
        """Every whole branch of a node, oldest first."""
        return await self._database.read(lambda tx: whole_in(tx, node_id))

    async def entries(self, branch: Branch, first: int, limit: int) -> list[BranchEntry]:
        """Up to `limit` entries from index `first`."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT idx, bytes, leaf_hash FROM branch_entries"
                " WHERE branch = ? AND idx >= ? ORDER BY idx LIMIT ?",
                (branch.number, first, limit),
            )
        )
        return [BranchEntry(*row) for row in rows]


def whole_in(tx: Transaction, node_id: str) -> list[Branch]:
    """Every whole branch of a node, oldest first."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM branches WHERE node_id = ? AND whole = 1"  # noqa: S608 - constant
        " ORDER BY id",
        (node_id,),
    )
    return [_branch(row) for row in rows]


def _join_in(tx: Transaction, branch: Branch, extends: Branch) -> None:
    """The newer head and entries under the older name."""
    tx.run("DELETE FROM branch_entries WHERE branch = ?", (extends.number,))
    tx.run(
        "INSERT INTO branch_entries (branch, idx, bytes, leaf_hash)"
        " SELECT ?, idx, bytes, leaf_hash FROM branch_entries WHERE branch = ?",
        (extends.number, branch.number),
    )
    tx.run("DELETE FROM branch_entries WHERE branch = ?", (branch.number,))
    values = tx.execute(
        "SELECT size, root, signature, machine_only, bytes FROM branches WHERE id = ?",
        (branch.number,),
    )[0]
    tx.run("DELETE FROM branches WHERE id = ?", (branch.number,))
    tx.run(
        "UPDATE branches SET size = ?, root = ?, signature = ?, machine_only = ?, bytes = ?"
        " WHERE id = ?",
        (*values, extends.number),
    )


def _drop_unfinished_in(tx: Transaction, node_id: str) -> None:
    """What was never whole is no evidence; it must not take the place of what is."""
    unfinished = "SELECT id FROM branches WHERE node_id = ? AND whole = 0"
    tx.run(f"DELETE FROM branch_entries WHERE branch IN ({unfinished})", (node_id,))  # noqa: S608 - constant
    tx.run("DELETE FROM branches WHERE node_id = ? AND whole = 0", (node_id,))


def _too_many(what: str) -> Refused:
    return Refused(
        "FED-2404",
        f"the centre keeps {what} of this node already",
        remedy="decide about the older ones first",
    )


def _find_in(tx: Transaction, head: Head) -> Branch | None:
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM branches WHERE node_id = ? AND epoch = ? AND root = ?",  # noqa: S608 - constant
        (head.party, head.epoch, head.root),
    )
    return _branch(rows[0]) if rows else None


def _branch(row: tuple[Any, ...]) -> Branch:
    number, node_id, epoch, first, size, root, signature, whole, machine, offered = row
    head = Head(node_id, epoch, size, root, signature)
    return Branch(number, head, first, bool(whole), bool(machine), offered)
