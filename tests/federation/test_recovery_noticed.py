"""A leaked backup, started with its keys, looks like a recovery: people are told of each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from central.link.findings import tell_recovery
from lpse.federation.checkpoints import Head
from lpse.federation.reconciliation_rules import choices, needs_person
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1 import recovery_pb2 as recovery_wire
from lpse.federation.v1.recovery_pb2_grpc import RecoveryStub
from lpse.intake.v1 import node_pb2 as api
from lpse.runtime import tls
from lpse.runtime.channels import open_channel
from regional_node.recovery.status import Told
from tests.federation.rig import Authority, Centre, Node, eventually, running
from tests.federation.test_recovery_rewound import NODE, first_life, recovering


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


async def _noticed(centre: Centre) -> list[records.ReconciliationEntry]:
    return [
        one
        for run in await centre.found()
        for one in run.entries
        if one.rule.startswith("R-RECOVERY-NOTICED/")
    ]


async def _acknowledge(centre: Centre, subject: str, run: str = "recon/lkpp/1") -> None:
    row = (NODE, run, subject, b"", b"")
    await centre.database.write(
        lambda tx: tx.run("INSERT INTO recon_resolutions VALUES (1, ?, ?, 0, ?, ?, ?, 1, 0)", row)
    )


async def test_every_recovery_waits_for_a_persons_word(
    authority: Authority, tmp_path: Path
) -> None:
    """Operators and officers learn when, from where and by which start; nothing stops."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        assert await _noticed(centre) == []
        assert await centre.parts.fleet.recoveries([NODE]) == {}
        leaked = Node(authority, tmp_path / "copy", NODE, centre.port)
        async with recovering(leaked) as recovery:
            await eventually(recovery.finished)
            (told,) = await _noticed(centre)
            assert needs_person(told) and told.words["address"] == "127.0.0.1"
            assert [one.name for one in choices(told, at_centre=True)] == [
                "KEEP_BOTH",
                "ACKNOWLEDGE",
            ]
            shown = (await centre.parts.fleet.recoveries([NODE]))[NODE]
            assert (shown.object, shown.address, shown.resolution) == (
                told.object,
                "127.0.0.1",
                "",
            )
            assert shown.boot_id and shown.software_version
            answer = api.GetNodeStatusResponse()
            await Told(leaked.database).fill(answer)
            assert answer.last_recovery.returned_entries >= 5
            assert not answer.HasField("recovery")
        again = Node(authority, tmp_path / "copy", NODE, centre.port)
        async with running(again):
            await eventually(again.settled)
        assert len(await _noticed(centre)) == 1, "a restart is no recovery"
        await _acknowledge(centre, told.object)
        assert (await centre.parts.fleet.recoveries([NODE]))[NODE].resolution == "resolutions/1"


async def test_a_copy_that_only_reads_is_told_without_a_hello(
    authority: Authority, tmp_path: Path
) -> None:
    """Whoever holds the keys can read the journal back and never say hello; once is told once."""
    centre = Centre(authority, tmp_path / "centre")
    centre.tells_readings = True
    async with running(centre):
        await first_life(authority, tmp_path, centre)
        held = centre.ledger.current(NODE)
        assert held is not None
        async with _thief(authority, centre) as stub:
            for _ in range(2):
                asked = recovery_wire.ReadJournalRequest(epoch=held.epoch, first=0, last=1)
                async for piece in stub.ReadJournal(asked):
                    assert piece.entries
        [told] = [
            one
            for run in await centre.found()
            for one in run.entries
            if one.rule == "R-JOURNAL-READ-BACK/1"
        ]
        assert told.object == f"journal {held.epoch.hex()}"
        assert told.words["address"] == "127.0.0.1"


@asynccontextmanager
async def _thief(authority: Authority, centre: Centre) -> AsyncIterator[Any]:
    credentials = tls.client_credentials(authority.node(NODE))
    async with open_channel(
        f"127.0.0.1:{centre.port}", credentials, server_name=tls.CENTRE_SERVER_NAME
    ) as channel:
        yield RecoveryStub(channel)


async def _comes(centre: Centre, epoch: bytes, address: str) -> None:
    head = Head(NODE, epoch, 7, bytes(32), bytes(64))
    await tell_recovery(centre.parts, head, link.Hello(boot_id=b"b" * 16), address)


async def test_an_epoch_chosen_to_look_acknowledged_is_another_recovery(
    authority: Authority, tmp_path: Path
) -> None:
    """A thief chooses its epoch: one that begins like an acknowledged one is told all the same."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await _comes(centre, b"acknowledged one", "10.0.0.1")
        (meant,) = await _noticed(centre)
        await _acknowledge(centre, meant.object)
        await _comes(centre, b"acknowledged two", "192.0.2.7")
        shown = (await centre.parts.fleet.recoveries([NODE]))[NODE]
        assert (shown.address, shown.resolution) == ("192.0.2.7", "")


async def test_an_answer_to_a_nodes_own_entry_acknowledges_no_recovery(
    authority: Authority, tmp_path: Path
) -> None:
    """A thief names an object of its own run like the alarm; people answer that, and no more."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        await _comes(centre, b"b" * 16, "192.0.2.7")
        (told,) = await _noticed(centre)
        await _acknowledge(centre, told.object, run=f"recon/{NODE}/1")
        assert (await centre.parts.fleet.recoveries([NODE]))[NODE].resolution == ""
