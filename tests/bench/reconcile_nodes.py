"""The stub nodes of the reconcile bench: one process, one mTLS connection per node and session.

Owns sessions that are spoken exactly as a node speaks them: founded, equal (slim hello), behind by
entries and sealed bytes, and the yardstick's list of identifiers. Rule: a command on stdin, one
line of JSON with what it weighed and took on stdout. Leaves out storage at the node: every real
node has a disk of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import grpc

from lpse.federation.checkpoints import Head, sign_head
from lpse.federation.entries import DecodedEntry, encode_entry, timestamp
from lpse.federation.limits import BATCH_ENTRIES_MAX, EPOCH_BYTES, MIB, PROTOCOL_MAX, PROTOCOL_MIN
from lpse.federation.merkle import CompactRange, leaf_hash
from lpse.federation.notes import Signer
from lpse.federation.v1 import journal_pb2 as journal
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1 import transfer_pb2 as transfer
from lpse.federation.v1.transfer_pb2_grpc import TransferStub
from lpse.runtime import tls
from lpse.runtime.channels import open_channel
from lpse.runtime.clock import SystemClock

LINK: Final = "/lpse.federation.v1.Link/Connect"
PLAIN: Final = "/bench.Plain/Compare"
AT_ONCE: Final = 64  # handshakes at a time: both sides share this machine's cores
BLOB_BYTES: Final = MIB
_CHUNK_BYTES: Final = 256 * 1_024
_CLOCK = SystemClock()
_BLOCK = sha256(b"sealed").digest() * (BLOB_BYTES // 32)


def signer_of(node_id: str) -> Signer:
    """The key of a stub: both processes know it without a word."""
    return Signer.from_seed(node_id, sha256(node_id.encode()).digest())


def entry_bytes(node_id: str, number: int, record: Any, kind: str) -> bytes:
    """An entry of the usual size; the same whenever it is made."""
    identifier = sha256(f"{node_id}/{number}".encode()).digest()[:16]
    payload = record.SerializeToString(deterministic=True)
    return encode_entry(DecodedEntry(kind, identifier, _MORNING, payload))


_MORNING = _CLOCK.wall().replace(year=2026, month=3, day=2, microsecond=0)


@dataclass(slots=True)
class Weighed:
    """What one session weighed, in bytes of messages without HTTP/2 and TLS."""

    up: int = 0
    down: int = 0
    trips: int = 0


class Stub:
    """One node."""

    def __init__(self, plan: dict[str, Any], node: dict[str, str], number: int) -> None:
        self.node_id = node["node_id"]
        self._plan = plan
        self._credentials = tls.client_credentials(Path(node["identity"]))
        self._signer = signer_of(self.node_id)
        self._epoch = (number + 1).to_bytes(EPOCH_BYTES, "big")
        self._tree, self._sent_tree = CompactRange(), CompactRange()
        self._ids: list[bytes] = []
        self._unsent: list[bytes] = []
        self._blobs: list[bytes] = []
        self._national: journal.Head | None = None
        self._token: wire.SessionToken | None = None
        self._sent = 0
        self.weighed = Weighed()

    # --- what a node has written ---

    def write(self, entries: int, blobs: int) -> None:
        """Append so many entries, of which the first announce a blob each."""
        for one in range(entries):
            number = self._tree.size
            record: Any
            if one < blobs:
                content = self._content(number)
                record = records.UploadAccepted(commitment=sha256(content[:64]).digest())
                record.blobs.add(digest=sha256(content).digest(), size_bytes=len(content))
                record.accept_time.FromDatetime(_MORNING)
                self._blobs.append(number.to_bytes(8, "big"))
                data = entry_bytes(self.node_id, number, record, "upload.accepted")
            else:
                record = records.HoldEnded(package=f"{number:06}", stage="4", reason="decided")
                data = entry_bytes(self.node_id, number, record, "hold.ended")
            leaf = leaf_hash(data)
            self._tree.append(leaf)
            self._ids.append(leaf[:16])
            self._unsent.append(data)

    def _content(self, number: int) -> bytes:
        mark = f"{self.node_id}/{number}".encode().ljust(64, b".")
        return mark + _BLOCK[64:]

    # --- sessions ---

    async def found(self) -> None:
        """First session: everything is handed over, the token is kept."""
        stream = self._stream()
        await self._say(stream, wire.NodeFrame(hello=self._hello(slim=False)))
        await self._hand_over(stream, (await self._hear(stream)).welcome)
        await self._leave(stream)

    async def equal(self) -> None:
        """A reconnect where nothing differs: one frame each way."""
        self.weighed = Weighed()
        stream = self._stream()
        await self._say(stream, wire.NodeFrame(hello=self._hello(slim=True)))
        welcome = (await self._hear(stream)).welcome
        self.weighed.trips = 1
        assert welcome.relation == wire.HEAD_RELATION_IN_SYNC, welcome
        weighed = Weighed(self.weighed.up, self.weighed.down, 1)
        await self._keep_token(stream, welcome)
        await self._leave(stream)
        self.weighed = weighed

    async def behind(self) -> None:
        """A reconnect after days: entries first, sealed bytes after them."""
        self.weighed = Weighed()
        stream = self._stream()
        await self._say(stream, wire.NodeFrame(hello=self._hello(slim=True)))
        frame = await self._hear(stream)
        if frame.WhichOneof("frame") == "heads_wanted":
            await self._say(stream, wire.NodeFrame(hello=self._hello(slim=False)))
            frame = await self._hear(stream)
        await self._hand_over(stream, frame.welcome)
        await self._leave(stream)

    async def bring(self) -> None:
        """The sealed bytes that the entries announced."""
        async with self._channel("transfer") as channel:
            for one in self._blobs:
                await self._put(channel, self._content(int.from_bytes(one, "big")))
        self._blobs.clear()

    async def plain(self) -> None:
        """The yardstick: every identifier goes over, what is missing comes back."""
        self.weighed = Weighed(trips=1)
        data = self.node_id.encode().ljust(64) + self._epoch + b"".join(self._ids)
        async with self._channel("transfer") as channel:
            compare: Any = channel.unary_unary(PLAIN)
            answer = await compare(data)
        self.weighed.up, self.weighed.down = len(data), len(answer)

    # --- frames ---

    def _hello(self, *, slim: bool) -> wire.Hello:
        head = self._head().message()
        national = self._national
        if slim:
            head = journal.Head(epoch=head.epoch, size=head.size, root=head.root)
            if national is not None:
                national = journal.Head(
                    epoch=national.epoch, size=national.size, root=national.root
                )
        return wire.Hello(
            node_id="" if slim else self.node_id,
            boot_id=bytes(range(16)),
            protocol_min=PROTOCOL_MIN,
            protocol_max=PROTOCOL_MAX,
            own_head=head,
            national_head=national,
            software_version="0.3.0",
            service_version="4.5",
            clock_time=timestamp(_CLOCK.wall()),
            token=self._token,
            attempts=1,
        )

    def _head(self) -> Head:
        return sign_head(self._signer, self._epoch, self._tree.size, self._tree.root())

    async def _hand_over(self, stream: Any, welcome: wire.Welcome) -> None:
        assert welcome.token.number, "the hello was refused"
        await self._keep_token(stream, welcome)
        wanted = welcome.national_head.size
        credit, flying = welcome.credit.entries, 0
        batches = self._batches()
        stored = not batches
        while batches or not stored or (self._national is None and wanted):
            while batches and credit - flying >= len(batches[0].entries):
                batch = batches.pop(0)
                flying += len(batch.entries)
                await self._say(stream, wire.NodeFrame(regional=batch))
            frame = await self._hear(stream)
            match frame.WhichOneof("frame"):
                case "entry_ack":
                    size = frame.entry_ack.stored_head.size
                    flying = self._sent - size
                    stored = size == self._tree.size
                case "credit":
                    credit = frame.credit.entries
                case "national":
                    self._national = frame.national.head
        if welcome.HasField("national_head") and self._national is None:
            self._national = welcome.national_head

    def _batches(self) -> list[journal.EntryBatch]:
        """What was not handed over yet, each batch ending at a signed head."""
        made: list[journal.EntryBatch] = []
        if not self._unsent:
            return made
        tree = self._sent_tree.copy()
        for at in range(0, len(self._unsent), BATCH_ENTRIES_MAX):
            some = self._unsent[at : at + BATCH_ENTRIES_MAX]
            first = tree.size
            for data in some:
                tree.append(leaf_hash(data))
            head = sign_head(self._signer, self._epoch, tree.size, tree.root())
            made.append(journal.EntryBatch(first_index=first, entries=some, head=head.message()))
        self._sent_tree = tree
        self._sent = tree.size
        self._unsent = []
        return made

    async def _keep_token(self, stream: Any, welcome: wire.Welcome) -> None:
        self._token = welcome.token
        confirmed = wire.TokenConfirmed(number=welcome.token.number)
        await self._say(stream, wire.NodeFrame(token_confirmed=confirmed))

    async def _leave(self, stream: Any) -> None:
        await self._say(stream, wire.NodeFrame(goodbye=wire.Goodbye(reason="bench")))
        await stream.done_writing()
        while await stream.read() is not grpc.aio.EOF:
            pass
        await self._open.close()

    async def _put(self, channel: grpc.aio.Channel, content: bytes) -> None:
        call: Any = TransferStub(channel).PutBlob()
        begin = transfer.BeginBlob(digest=sha256(content).digest(), size_bytes=len(content))
        await call.write(transfer.PutBlobRequest(begin=begin))
        await call.read()
        for at in range(0, len(content), _CHUNK_BYTES):
            await call.write(transfer.PutBlobRequest(chunk=content[at : at + _CHUNK_BYTES]))
        await call.write(transfer.PutBlobRequest(finish=transfer.FinishBlob()))
        while (answer := await call.read()) is not grpc.aio.EOF:
            if answer.WhichOneof("part") == "verified":
                return
        raise AssertionError("a blob was not verified")

    def _stream(self) -> Any:
        self._open = self._channel("link")
        return self._open.stream_stream(LINK)()

    def _channel(self, name: str) -> grpc.aio.Channel:
        return open_channel(self._plan[name], self._credentials, server_name=tls.CENTRE_SERVER_NAME)

    async def _say(self, stream: Any, frame: wire.NodeFrame) -> None:
        data = frame.SerializeToString()
        self.weighed.up += len(data)
        await stream.write(data)

    async def _hear(self, stream: Any) -> wire.CentralFrame:
        data = await stream.read()
        assert data is not grpc.aio.EOF, "the centre ended the session"
        self.weighed.down += len(data)
        return wire.CentralFrame.FromString(data)


class Fleet:
    """All stubs, and the commands of the bench."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._stubs = [Stub(plan, node, at) for at, node in enumerate(plan["nodes"])]
        for one in self._stubs:
            one.write(plan["entries"], 0)

    def write(self, entries: int, blobs: int) -> None:
        """Every node works on alone."""
        for one in self._stubs:
            one.write(entries, blobs)

    async def all(self, name: str) -> dict[str, float]:
        """Every stub does it once, as many at a time as the cores allow."""
        room = asyncio.Semaphore(AT_ONCE)

        async def one(stub: Stub) -> None:
            async with room:
                await getattr(stub, name)()

        start = time.monotonic()
        await asyncio.gather(*(one(stub) for stub in self._stubs))
        seconds = time.monotonic() - start
        weighed = [stub.weighed for stub in self._stubs]
        return {
            "seconds": seconds,
            "bytes": max(one.up + one.down for one in weighed),
            "trips": max(one.trips for one in weighed),
        }


async def main(folder: Path) -> None:
    """Read the plan, then do what every line of stdin says."""
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    fleet = Fleet(plan)
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        if command["do"] == "write":
            fleet.write(command["entries"], command["blobs"])
            told: dict[str, float] = {}
        else:
            told = await fleet.all(command["do"])
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
