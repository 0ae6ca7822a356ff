"""Promises about the persons of a node: by the store, and by the real program over its socket."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message

from lpse.federation.acts import Deed, sign_act, verify_act
from lpse.federation.errors import Conflict, Denied, FederationError, NotFound, Refused
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.federation.v1.records_pb2 import OfficerAdded, OfficerRevoked
from lpse.intake.v1 import node_pb2, node_pb2_grpc, officers_pb2_grpc
from lpse.runtime import channels, logs
from lpse.runtime.clock import ManualClock, SystemClock
from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.tls import public_bytes
from regional_node.officers import rules
from regional_node.officers.service import OfficersService
from regional_node.officers.store import Officers

MIGRATIONS = Path(rules.__file__).parents[1] / "migrations"
PARTY = "lpse-pacitan"
NOW = datetime(2026, 3, 27, 3, 0, tzinfo=UTC)


@dataclass
class Node:
    """The officers of a node on a real database; `told` is what went into the journal."""

    clock: ManualClock
    told: list[Message] = field(default_factory=list)
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    officers: Officers = field(init=False)

    def append_in(self, tx: Transaction, record: Message) -> int:
        self.told.append(record)
        return len(self.told) - 1

    def key(self, name: str) -> bytes:
        return public_bytes(self.keys.setdefault(name, Ed25519PrivateKey.generate()))

    def sign(self, actor: str, role: str, act: str, digest: bytes, party: str = PARTY) -> SignedAct:
        key, deed = self.keys[actor], Deed(party, act, digest)
        return sign_act(key, deed, actor=actor, role=role, at=self.clock.wall())

    async def add(self, name: str, role: str, by: str = "", by_role: str = "admin") -> Any:
        key = self.key(name)
        digest = rules.addition_digest(name, role, key)
        signed = self.sign(by, by_role, rules.ADD, digest) if by else None
        return await self.officers.add(name, role, key, signed)

    async def revoke(self, name: str, by: str) -> Any:
        digest = rules.revocation_digest(name, "left")
        signed = self.sign(by, "admin", rules.REVOKE, digest)
        return await self.officers.revoke(name, "left", signed)


@asynccontextmanager
async def node(folder: Path) -> AsyncIterator[Node]:
    made = Node(ManualClock(NOW))
    database = await Database.open(folder / "node.db", MIGRATIONS)
    made.officers = Officers(database, made.append_in, made.clock, party=PARTY)
    try:
        yield made
    finally:
        await database.close()


async def code_of(call: Any) -> tuple[type[FederationError], str]:
    with pytest.raises(FederationError) as told:
        await call
    return type(told.value), told.value.code


async def test_first_officer_is_an_admin_and_the_only_unsigned_one(tmp_path: Path) -> None:
    """Nobody comes before the first admin, and nobody after without an admin's signature."""
    async with node(tmp_path) as here:
        assert await code_of(here.add("budi", "pokja")) == (Refused, "FED-3110")
        await here.add("ani", "admin")
        assert await code_of(here.add("budi", "pokja")) == (Denied, "FED-3111")
        await here.add("budi", "pokja", by="ani")
        assert [type(record) for record in here.told] == [OfficerAdded, OfficerAdded]
        first, second = here.told
        assert isinstance(first, OfficerAdded) and not first.HasField("act")
        assert isinstance(second, OfficerAdded)
        digest = rules.addition_digest("budi", "pokja", here.key("budi"))
        verify_act(second.act, here.key("ani"), Deed(PARTY, rules.ADD, digest))


async def test_same_registration_again_changes_nothing(tmp_path: Path) -> None:
    """A repeated registration is answered alike; the name with another key is a conflict."""
    async with node(tmp_path) as here:
        first = await here.add("ani", "admin")
        assert await here.add("ani", "admin") == first
        assert len(here.told) == 1
        here.keys["eve"] = Ed25519PrivateKey.generate()
        wrong = here.officers.add("ani", "admin", here.key("eve"), None)
        assert await code_of(wrong) == (Conflict, "FED-3109")


async def test_one_key_is_one_person(tmp_path: Path) -> None:
    """A key that stands for somebody, revoked or not, is registered for nobody else."""
    async with node(tmp_path) as here:
        await here.add("admin", "admin")
        here.keys["rina"] = here.keys["admin"]
        with pytest.raises(Conflict) as caught:
            await here.add("rina", "pokja", by="admin")
        assert caught.value.code == "FED-3114"
        here.keys["rina"] = Ed25519PrivateKey.generate()
        await here.add("rina", "pokja", by="admin")
        await here.revoke("rina", by="admin")
        here.keys["sari"] = here.keys["rina"]
        with pytest.raises(Conflict):
            await here.add("sari", "pokja", by="admin")


async def test_only_admins_add_and_revoke(tmp_path: Path) -> None:
    """A Pokja officer, however well the act is signed, changes no rights."""
    async with node(tmp_path) as here:
        await here.add("ani", "admin")
        await here.add("budi", "pokja", by="ani")
        adding = here.add("cici", "pokja", by="budi", by_role="pokja")
        assert await code_of(adding) == (Denied, "FED-3104")
        pretending = here.add("cici", "pokja", by="budi", by_role="admin")
        assert await code_of(pretending) == (Denied, "FED-3101")
        here.keys["eve"] = Ed25519PrivateKey.generate()
        assert await code_of(here.add("cici", "pokja", by="eve")) == (Denied, "FED-3101")


async def test_last_admin_stays(tmp_path: Path) -> None:
    """An admin is revoked only while another one can go on."""
    async with node(tmp_path) as here:
        await here.add("ani", "admin")
        assert await code_of(here.revoke("ani", by="ani")) == (Conflict, "FED-3108")
        await here.add("beni", "admin", by="ani")
        gone = await here.revoke("ani", by="beni")
        assert not gone.active
        assert isinstance(here.told[-1], OfficerRevoked) and here.told[-1].reason == "left"
        assert await code_of(here.add("cici", "pokja", by="ani")) == (Denied, "FED-3105")
        assert await code_of(here.revoke("nobody", by="beni")) == (NotFound, "FED-3103")


async def test_signature_counts_once_and_soon(tmp_path: Path) -> None:
    """A decision's signature verifies for its act, subject and role, once, and only when fresh."""
    async with node(tmp_path) as here:
        await here.add("ani", "admin")
        await here.add("budi", "pokja", by="ani")
        told: dict[str, Any] = {"act": "compensation.decide", "digest": b"\1" * 32}
        signed = here.sign("budi", "pokja", **told)
        verify = here.officers.verify
        assert await code_of(verify(signed, **told, roles=("admin",))) == (Denied, "FED-3104")
        other = {**told, "digest": b"\2" * 32}
        assert await code_of(verify(signed, **other, roles=("pokja",))) == (Denied, "FED-3101")
        assert (await verify(signed, **told, roles=("pokja",))).name == "budi"
        assert await code_of(verify(signed, **told, roles=("pokja",))) == (Conflict, "FED-3107")
        late = here.sign("budi", "pokja", **told)
        here.clock.advance(timedelta(hours=1).total_seconds())
        assert await code_of(verify(late, **told, roles=("pokja",))) == (Denied, "FED-3106")


async def test_failed_decision_does_not_spend_the_signature(tmp_path: Path) -> None:
    """What is rolled back together with its decision may be sent again."""
    async with node(tmp_path) as here:
        await here.add("ani", "admin")
        signed = here.sign("ani", "admin", "outage.confirm", bytes(32))

        def broken(tx: Transaction) -> None:
            here.officers.verify_in(
                tx, signed, act="outage.confirm", digest=bytes(32), roles=("admin",)
            )
            raise Refused("FED-4999", "the decision failed")

        database = here.officers._database
        assert await code_of(database.write(broken)) == (Refused, "FED-4999")
        await here.officers.verify(signed, act="outage.confirm", digest=bytes(32), roles=("admin",))


async def test_an_act_signed_for_one_node_does_not_count_at_another(tmp_path: Path) -> None:
    """A decision is not replayed at the next node where the same person has the same key."""
    told: dict[str, Any] = {"act": "compensation.decide", "digest": b"\1" * 32}
    async with node(tmp_path) as here:
        await here.add("ani", "admin")
        elsewhere = here.sign("ani", "admin", **told, party="lpse-ngawi")
        moved = SignedAct.FromString(elsewhere.SerializeToString())
        moved.party = PARTY
        for signed in (elsewhere, moved):
            call = here.officers.verify(signed, **told, roles=("admin",))
            assert await code_of(call) == (Denied, "FED-3101")
        signed = here.sign("ani", "admin", **told)
        assert (await here.officers.verify(signed, **told, roles=("admin",))).name == "ani"


class Status(node_pb2_grpc.NodeServicer):
    """Stands for the link's service: only who the node is."""

    async def GetNodeStatus(self, request: Any, context: Any) -> node_pb2.GetNodeStatusResponse:
        return node_pb2.GetNodeStatusResponse(node_id=PARTY)


@asynccontextmanager
async def daemon(folder: Path) -> AsyncIterator[Node]:
    """The officers' service on the socket where the node's daemon listens."""
    async with node(folder) as here:
        here.officers._clock = SystemClock()
        interceptor = channels.ErrorInterceptor(logs.configure(stream=StringIO(), json=True))
        server = grpc.aio.server(interceptors=[interceptor])
        officers_pb2_grpc.add_OfficersServicer_to_server(OfficersService(here.officers), server)
        status = Status()  # type: ignore[abstract] # the commands ask nothing else of it
        node_pb2_grpc.add_NodeServicer_to_server(status, server)
        server.add_insecure_port(f"unix:{folder / 'intake.sock'}")
        await server.start()
        try:
            yield here
        finally:
            await server.stop(0)


async def lpse_node(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "lpse-node"), "--data", str(folder), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LANG": "C"},
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_keys_are_made_where_the_command_runs(tmp_path: Path) -> None:
    """`officer add` keeps the private key in a 0600 file and registers the public half alone."""
    admin, pokja = tmp_path / "ani.key", tmp_path / "budi.key"
    async with daemon(tmp_path) as here:
        add = ("officer", "add")
        first = await lpse_node(
            tmp_path, *add, "ani", "--role", "admin", "--key-out", str(admin), "-o", "json"
        )
        assert first[0] == 0, first[2]
        unsigned = await lpse_node(
            tmp_path, *add, "budi", "--role", "pokja", "--key-out", str(pokja)
        )
        assert unsigned[0] == 5 and "FED-3111" in unsigned[2]
        acting = ("--as", "ani", "--key", str(admin))
        signed = await lpse_node(
            tmp_path, *add, "budi", "--role", "pokja", "--key-out", str(pokja), *acting
        )
        assert signed[0] == 0, signed[2]
        listed = json.loads((await lpse_node(tmp_path, "officer", "list", "-o", "json"))[1])
        assert [(row["officer_id"], row["role"], row["added_by"]) for row in listed] == [
            ("ani", "ADMIN", ""),
            ("budi", "POKJA", "ani"),
        ]
        for path in (admin, pokja):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert path.read_bytes() not in b"".join(r.SerializeToString() for r in here.told)
        gone = await lpse_node(tmp_path, "officer", "revoke", "budi", "--reason", "left", *acting)
        assert gone[0] == 0, gone[2]
        assert isinstance(here.told[-1], OfficerRevoked)


async def test_daemon_that_does_not_run_is_said_so(tmp_path: Path) -> None:
    """Without a daemon, also beside its left-over socket, a command ends with exit status 6."""
    absent = await lpse_node(tmp_path, "officer", "list")
    assert (absent[0], absent[1]) == (6, "") and "FED-8011" in absent[2]
    async with daemon(tmp_path):
        pass
    left = await lpse_node(tmp_path, "officer", "list")
    assert left[0] == 6 and "FED-8011" in left[2]
