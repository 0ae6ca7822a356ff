"""All SQL of witnessing at the node: heads that contradict its national copy.

Rule: evidence is inserted once and never changed; a finding and its run are one transaction. Leaves
out what is compared (`checking`).
"""

from __future__ import annotations

from dataclasses import dataclass

from lpse.federation.checkpoints import Head
from lpse.federation.v1 import journal_pb2 as wire
from lpse.runtime.sqlite import Database, Row, Transaction


@dataclass(frozen=True, slots=True)
class Finding:
    """Two national heads with the centre's signature that cannot both be true."""

    head: Head
    cosignature: bytes  # serialized; whoever showed the head may have sent none
    held: Head
    find_time: str

    @property
    def witness(self) -> str:
        """Which node had cosigned it; empty where nobody's word came with it."""
        return wire.Cosignature.FromString(self.cosignature).witness


class WitnessStore:
    """The table `witness_findings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep_in(self, tx: Transaction, finding: Finding) -> bool:
        """Keep it; whether it is new."""
        head = finding.head
        return bool(
            tx.run(
                "INSERT INTO witness_findings (epoch, size, root, head, cosignature, held,"
                " find_time) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    *(head.epoch, head.size, head.root, _data(head), finding.cosignature),
                    *(_data(finding.held), finding.find_time),
                ),
            )
        )

    async def findings(self) -> list[Finding]:
        """Every finding, oldest first."""
        rows = await self._database.read(
            lambda tx: tx.execute(
                "SELECT head, cosignature, held, find_time FROM witness_findings ORDER BY rowid"
            )
        )
        return [_finding(row) for row in rows]


def _finding(row: Row) -> Finding:
    head, cosignature, held, time = row
    return Finding(
        Head.of(wire.Head.FromString(head)),
        bytes(cosignature),
        Head.of(wire.Head.FromString(held)),
        str(time),
    )


def _data(head: Head) -> bytes:
    return head.message().SerializeToString(deterministic=True)
