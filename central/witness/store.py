"""All SQL of witnessing at the centre: kept branches, findings, and the words of nodes.

Rules: evidence is inserted and never changed or deleted; the same branch or finding is kept once.
Leaves out the gate's own table (`central.national`) and the decisions (`rules`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lpse.federation.checkpoints import Cosignature, Head
from lpse.federation.errors import Refused
from lpse.federation.limits import NATIONAL_BRANCH_ENTRIES_MAX, NATIONAL_BRANCHES_MAX
from lpse.federation.v1 import journal_pb2 as wire
from lpse.runtime.sqlite import Database, Row, Transaction


@dataclass(frozen=True, slots=True)
class Word:
    """The newest national head that a node cosigned."""

    node_id: str
    head: Head
    cosignature: Cosignature


@dataclass(frozen=True, slots=True)
class Branch:
    """A national history that a node holds and the journal contradicts."""

    number: int
    node_id: str
    head: Head
    own_head: Head
    common_size: int
    kept: int
    since_time: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A signed head that a journal here contradicts."""

    head: Head
    own_head: Head
    place: str
    find_time: str


_BRANCH = "SELECT id, node_id, head, own_head, common_size, kept, since_time FROM national_branches"


class WitnessStore:
    """See the module's first lines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def words(self, party: str) -> list[Word]:
        """Every node's newest cosigned head, by node id; the head's own signature is not kept."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT node_id, epoch, size, root, time_seconds, signature FROM link_witnesses w"
                " WHERE time_seconds = (SELECT max(time_seconds) FROM link_witnesses n"
                " WHERE n.node_id = w.node_id) ORDER BY node_id, size"
            )
        )
        newest = {str(row[0]): _word(party, row) for row in rows}
        return list(newest.values())

    # --- branches ---

    async def branch(self, node_id: str, heads: tuple[Head, Head], common: int, now: str) -> Branch:
        """Begin a branch or find it; `heads` are the branch's and the centre's own."""
        head, own = heads

        def work(tx: Transaction) -> Branch:
            found = _branch_in(tx, head)
            if found is not None:
                return found
            if tx.execute("SELECT count(*) FROM national_branches")[0][0] >= NATIONAL_BRANCHES_MAX:
                raise Refused("FED-2454", f"{NATIONAL_BRANCHES_MAX} branches are kept already")
            tx.run(
                "INSERT INTO national_branches (node_id, head, own_head, epoch, size, root,"
                " common_size, kept, since_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(node_id, _data(head), _data(own), head.epoch, head.size, head.root),
                    *(common, common, now),
                ),
            )
            begun = _branch_in(tx, head)
            assert begun is not None
            return begun

        return await self._database.write(work)

    async def keep(self, branch: Branch, first: int, entries: Sequence[bytes]) -> int:
        """Keep the next entries of a branch; how far it is kept now."""

        def work(tx: Transaction) -> int:
            last = first + len(entries)
            if last - branch.common_size > NATIONAL_BRANCH_ENTRIES_MAX:
                raise Refused(
                    "FED-2454", f"a kept branch has at most {NATIONAL_BRANCH_ENTRIES_MAX} entries"
                )
            moved = tx.run(
                "UPDATE national_branches SET kept = ? WHERE id = ? AND kept = ?",
                (last, branch.number, first),
            )
            if moved:
                tx.many(
                    "INSERT INTO national_branch_entries (branch, idx, bytes) VALUES (?, ?, ?)",
                    [(branch.number, place, one) for place, one in enumerate(entries, first)],
                )
            row = tx.execute("SELECT kept FROM national_branches WHERE id = ?", (branch.number,))
            return int(row[0][0])

        return await self._database.write(work)

    async def branches(self) -> list[Branch]:
        """Every kept branch, oldest first."""
        rows = await self._database.read(lambda tx: tx.execute(f"{_BRANCH} ORDER BY id"))
        return [_branch(row) for row in rows]

    async def branch_entries(self, number: int) -> list[tuple[int, bytes]]:
        """The kept entries of a branch, in order."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT idx, bytes FROM national_branch_entries WHERE branch = ? ORDER BY idx",
                (number,),
            )
        )
        return [(int(index), bytes(data)) for index, data in rows]

    # --- findings ---

    async def found(self, finding: Finding) -> bool:
        """Keep a finding; whether it is new."""
        head = finding.head
        inserted = await self._database.write(
            lambda tx: tx.run(
                "INSERT INTO witness_findings (party, epoch, size, root, head, own_head, place,"
                " find_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    *(head.party, head.epoch, head.size, head.root),
                    *(_data(head), _data(finding.own_head), finding.place, finding.find_time),
                ),
            )
        )
        return bool(inserted)

    async def findings(self) -> list[Finding]:
        """Every finding, oldest first."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT head, own_head, place, find_time FROM witness_findings ORDER BY id"
            )
        )
        return [Finding(_head(head), _head(own), place, time) for head, own, place, time in rows]


def _word(party: str, row: Row) -> Word:
    node_id, epoch, size, root, seconds, signature = row
    # A cosignature covers the checkpoint's text, which holds no signature of the centre: the head
    # is told here without one (64 zero bytes) and is signed anew where it is shown.
    head = Head(party, epoch, size, root, bytes(64))
    return Word(str(node_id), head, Cosignature(str(node_id), int(seconds), bytes(signature)))


def _branch_in(tx: Transaction, head: Head) -> Branch | None:
    rows = tx.execute(
        f"{_BRANCH} WHERE epoch = ? AND size = ? AND root = ?", (head.epoch, head.size, head.root)
    )
    return _branch(rows[0]) if rows else None


def _branch(row: Row) -> Branch:
    number, node_id, head, own, common, kept, since = row
    return Branch(int(number), node_id, _head(head), _head(own), int(common), int(kept), since)


def _data(head: Head) -> bytes:
    return head.message().SerializeToString(deterministic=True)


def _head(data: bytes) -> Head:
    return Head.of(wire.Head.FromString(data))
