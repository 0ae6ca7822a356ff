"""A running pair whose journals are read again and healed as their composition roots do it.

Owns the node's audit over the rig's parts, and damage done to rows of real files. Leaves out the
link and the centre's audit (`rig`, `audits`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import grpc

from lpse.federation.reconciliation_rules import CURRENT
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime import tls
from lpse.runtime.channels import open_channel
from lpse.runtime.sqlite import Database
from lpse.storage.verify_pass import VerifyPass
from regional_node.audit.wiring import Audit, open_audit
from regional_node.machine import Machine
from tests.federation.audits import NODE, AuditedCentre, projected, work_a_day
from tests.federation.rig import CLOCK, ENTROPY, LOG, Authority, Node, eventually, running


def audit_of(node: Node, centre: AuditedCentre) -> Audit:
    """The audit of a node, joined by its own wiring over the rig's parts."""
    credentials = tls.client_credentials(node.identity)

    def connect() -> grpc.aio.Channel:
        address = f"127.0.0.1:{centre.audit_port}"
        return open_channel(address, credentials, server_name=tls.CENTRE_SERVER_NAME)

    (node.folder / "identity").mkdir(exist_ok=True)
    machine = SimpleNamespace(
        database=node.database,
        journal=node.journal,
        clock=CLOCK,
        entropy=ENTROPY,
        log=LOG,
        link=node.state,
        national=node.national,
        signer=node.authority.nodes[node.node_id],
        settings=SimpleNamespace(
            data=node.folder, audit=SimpleNamespace(entries_per_second=1e9, every_hours=24.0)
        ),
    )
    return open_audit(cast(Machine, machine), connect, None)


@asynccontextmanager
async def healed(
    folder: Path, uploads: int = 30
) -> AsyncIterator[tuple[AuditedCentre, Node, Audit]]:
    """A running pair, all delivered and projected, with the node's audit."""
    authority = Authority(folder)
    centre = AuditedCentre(authority, folder / "centre")
    async with running(centre):
        node = Node(authority, folder / "node", NODE, centre.port)
        async with running(node):
            await work_a_day(node, uploads)
            policies = [_policy(number) for number in range(20)]
            await centre.national.publish(*policies)
            await settled(centre, node)
            yield centre, node, audit_of(node, centre)


def _policy(number: int) -> directives.PolicyPublished:
    return directives.PolicyPublished(guard_window_seconds=90_000 + number)


async def settled(centre: AuditedCentre, node: Node) -> None:
    """Both sides hold everything."""
    await eventually(lambda: projected(centre, node))
    await eventually(node.settled)
    await eventually(
        lambda: (
            node.national.head is not None and node.national.head.size == centre.journal.head.size
        )
    )


async def spoil(database: Database, sql: str, *values: bytes | int) -> None:
    """Change rows of a running database behind everybody's back."""
    assert await database.write(lambda tx: tx.run(sql, values))


async def read_again(verify: VerifyPass) -> list[str]:
    """A whole pass over every journal, now; what was found."""
    for one in await verify.passes():
        await verify.read_again(one.journal)
    while await verify.step(CLOCK.wall()):
        pass
    return [one.found for one in await verify.passes() if one.found]


async def rules_at_node(node: Node) -> list[str]:
    """Rules of the node's runs about journals, in order."""
    rows = await node.database.read(
        lambda tx: tx.execute("SELECT record FROM recon_runs ORDER BY number")
    )
    told = [records.ReconciliationRecorded.FromString(data) for (data,) in rows]
    return [entry.rule for run in told for entry in run.entries if _is_healing(entry.rule)]


def rules_at_centre(centre: AuditedCentre) -> list[str]:
    """Rules of the centre's findings about journals, in order."""
    told = [entry.rule for _, entries in centre.written.runs for entry in entries]
    return [rule for rule in told if _is_healing(rule)]


def _is_healing(rule: str) -> bool:
    return rule.startswith(("R-JOURNAL-DAMAGED", "R-JOURNAL-HEALED", "R-ENTRIES-HEALED"))


DAMAGED, PUT_BACK, SOUND = (
    CURRENT[one].name for one in ("R-JOURNAL-DAMAGED", "R-ENTRIES-HEALED", "R-JOURNAL-HEALED")
)
STORY = [DAMAGED, PUT_BACK, SOUND]
