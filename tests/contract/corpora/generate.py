"""Writes a golden corpus with the programs of one version: real frames and journals of both sides.

Run it in a checkout of the version whose words are to be kept, before that version is left:

    PYTHONPATH=.:proto python generate.py protocol1.json

Owns the scenario and the form of the file. Rule: a corpus is never generated again by newer code;
today's programs must read it for ever. It uses only what every version has: the journals, the link
and the rig of the federation's tests. The keys in it are worth nothing elsewhere.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import sys
import tempfile
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from lpse.federation import kinds
from lpse.federation.checkpoints import sign_head
from lpse.federation.limits import PROTOCOL_MAX
from lpse.federation.merkle import leaf_hash
from lpse.federation.notes import Signer
from lpse.federation.v1 import journal_pb2 as journal_wire
from lpse.federation.v1 import link_pb2 as wire
from tests.federation.rig import Authority, Centre, Node, eventually, running

NODE = "lpse-pacitan"
CENTRE_SEED, NODE_SEED = sha256(b"centre").digest(), sha256(b"node").digest()
SECONDS = 1_427_414_400  # Fri 27 Mar 2015 07.00 WIB
_DEPTH_MAX = 3
# What a journal writes by itself, and what is written by the parts that follow the others.
_BY_ITSELF = ("epoch.opened", "reconciliation.recorded", "centre.contradicted")


class Tape:
    """The frames of one session, as they crossed the stream."""

    def __init__(self, stream: Any, frames: list[dict[str, Any]]) -> None:
        self._stream = stream
        self._frames = frames

    def _keep(self, sender: str, data: bytes) -> None:
        message = (wire.NodeFrame if sender == "node" else wire.CentralFrame).FromString(data)
        self._frames.append({"from": sender, "frame": _text(data), "json": MessageToDict(message)})

    async def read(self) -> bytes | None:
        data: bytes | None = await self._stream.read()
        if data is not None:
            self._keep("centre", data)
        return data

    async def write(self, data: bytes) -> None:
        self._keep("node", data)
        await self._stream.write(data)

    async def finish(self) -> None:
        await self._stream.finish()

    async def close(self) -> None:
        await self._stream.close()


class TapedNode(Node):
    """A node of the rig with a tape of each session."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.tapes: list[list[dict[str, Any]]] = []

    def _connect(self) -> Any:
        self.tapes.append([])
        return Tape(super()._connect(), self.tapes[-1])


def filled(message: type[Message], depth: int = 0) -> Message:
    """A message with every field set to something small that tells its name or number."""
    made = message()
    for field in made.DESCRIPTOR.fields:
        values = [_value(made, field, depth)] if depth < _DEPTH_MAX else []
        for value in values:
            _put(made, field, value)
    return made


def _put(made: Message, field: Any, value: Any) -> None:
    if value is None:
        return
    place = getattr(made, field.name)
    if hasattr(place, "append"):  # repeated, of scalars or of messages
        place.append(value)
    elif isinstance(value, Message):
        place.CopyFrom(value)
    else:
        setattr(made, field.name, value)


def _value(made: Message, field: Any, depth: int) -> Any:
    if field.message_type is not None:
        if field.message_type.full_name == "google.protobuf.Timestamp":
            return _class_of(field)(seconds=SECONDS + field.number)
        return None if _is_map(field) else filled(_class_of(field), depth + 1)
    if field.enum_type is not None:
        return field.enum_type.values[min(1, len(field.enum_type.values) - 1)].number
    return {
        FieldDescriptor.CPPTYPE_STRING: _string(field),
        FieldDescriptor.CPPTYPE_BOOL: True,
        FieldDescriptor.CPPTYPE_DOUBLE: field.number + 0.5,
        FieldDescriptor.CPPTYPE_FLOAT: field.number + 0.5,
    }.get(field.cpp_type, field.number)


def _string(field: Any) -> str | bytes:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes([field.number]) * 32
    return f"{field.name}-{field.number}"


def _is_map(field: Any) -> bool:
    return bool(field.message_type.GetOptions().map_entry)


def _class_of(field: Any) -> type[Message]:
    return GetMessageClass(field.message_type)


async def record(folder: Path) -> dict[str, Any]:
    """The whole scenario."""
    authority = Authority(folder / "identities")
    authority.centre = Signer.from_seed("lkpp", CENTRE_SEED)
    centre = Centre(authority, folder / "centre")
    async with running(centre):
        await centre.national.publish(*_records(kinds.NATIONAL))
        node = TapedNode(authority, folder / "node", NODE, centre.port)
        authority.nodes[NODE] = Signer.from_seed(NODE, NODE_SEED)
        async with running(node):
            await node.journal.append(*_records(kinds.REGIONAL))
            await eventually(lambda: _level(node, centre))
            await asyncio.sleep(0.3)  # the record of the run, and a beat
            await eventually(lambda: _level(node, centre))
        shutil.copytree(folder / "node", folder / "backup")
        async with running(node):
            await node.journal.append(*_records(kinds.REGIONAL)[:2])
            await eventually(lambda: _level(node, centre))
            await centre.sessions.drain("maintenance")
            await asyncio.sleep(0.3)
        old = TapedNode(authority, folder / "backup", NODE, centre.port)
        async with running(old):
            await eventually(lambda: old.state.session is not None)
        return {
            "made_by": f"lpse-federation {version('lpse-federation')}, protocol {PROTOCOL_MAX}",
            "centre_seed": CENTRE_SEED.hex(),
            "node_seed": NODE_SEED.hex(),
            "regional": await _journal(centre.ledger.received, NODE, authority.nodes[NODE]),
            "national": await _own_journal(centre),
            "sessions": {"work": node.tapes, "rewound": old.tapes[:1]},
            "refused": await _refused(node),
            "frames": _every_frame("node", wire.NodeFrame)
            + _every_frame("centre", wire.CentralFrame),
        }


def _every_frame(sender: str, message: type[Message]) -> list[dict[str, Any]]:
    """One frame of each form that this version can say."""
    listed = []
    for field in message.DESCRIPTOR.fields:
        frame = message()
        getattr(frame, field.name).CopyFrom(filled(_class_of(field)))
        data = frame.SerializeToString(deterministic=True)
        listed.append({"from": sender, "frame": _text(data), "json": MessageToDict(frame)})
    return listed


def _records(table: dict[str, type[Message]]) -> list[Message]:
    return [filled(message) for kind, message in table.items() if kind not in _BY_ITSELF]


def _level(node: Node, centre: Centre) -> bool:
    held = node.national.head
    return node.settled() and held is not None and held.size == centre.national.head.size


async def _journal(received: Any, party: str, signer: Signer) -> dict[str, Any]:
    position = [one for one in await received.positions() if one.party == party][-1]
    rows = await received.entries(party, position.epoch, 0, 10_000)
    return _kept([row.data for row in rows], position.head.message(), signer)


async def _own_journal(centre: Centre) -> dict[str, Any]:
    rows = await centre.journal.entries(0, 10_000)
    return _kept([row.data for row in rows], centre.journal.head.message(), centre.authority.centre)


def _kept(entries: list[bytes], head: journal_wire.Head, signer: Signer) -> dict[str, Any]:
    listed = []
    for data in entries:
        entry = journal_wire.Entry.FromString(data)
        told = kinds.record_of(entry.kind, entry.payload)
        assert told is not None, "a program knows what it writes"
        listed.append({"entry": _text(data), "kind": entry.kind, "json": MessageToDict(told)})
    return {
        "head": _text(head.SerializeToString()),
        "public": signer.public.hex(),
        "entries": listed,
    }


async def _refused(node: TapedNode) -> list[dict[str, Any]]:
    """What this version answers to hellos of versions that it does not know."""
    answers = []
    signer = Signer.from_seed(NODE, NODE_SEED)
    head = sign_head(signer, bytes(16), 1, leaf_hash(b"x")).message()
    future = wire.Hello(node_id=NODE, protocol_min=9, protocol_max=9, own_head=head)
    unsigned = journal_wire.Head(epoch=head.epoch, size=head.size, root=head.root)
    slim = wire.Hello(protocol_min=1, protocol_max=2, own_head=unsigned)
    for name, hello in (("future", future), ("slim", slim)):
        stream = Node._connect(node)
        data = wire.NodeFrame(hello=hello).SerializeToString()
        await stream.write(data)
        answer = await stream.read() or b""
        answers.append({"name": name, "hello": _text(data), "answer": _text(answer)})
        await stream.close()
    return answers


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        corpus = asyncio.run(record(Path(name)))
    Path(sys.argv[1]).write_text(json.dumps(corpus, indent=1, sort_keys=True) + "\n", "utf-8")
