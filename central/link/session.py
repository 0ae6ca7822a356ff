"""One session: frames of one node in, acknowledgements and national entries out.

Owns three tasks per session: reading, storing batches in their order, writing. Rules: an
acknowledgement is written only after the ledger says durable (Invariant 1); the three grades
(STORED, APPLIED, and what the node holds nationally) are never mixed; every queue has a limit
(Invariant 12); a malformed frame ends this session with a code and nothing else. Leaves out how a
session is opened (`hello`) and found (`sessions`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from google.protobuf.message import DecodeError

from central.fleet.ports import Presence
from central.ledger.ledger import is_contradiction
from central.link.facts import FactsBook
from central.link.heads import HeadWatch
from central.link.hello import Opened, confirm_token
from central.link.ports import Parts, Stream
from central.link.questions import Questions
from central.link.store import QuarantineRow
from lpse.federation.checkpoints import Cosignature, cosign
from lpse.federation.entries import BatchGap, timestamp
from lpse.federation.errors import FederationError, Refused, Unavailable
from lpse.federation.limits import (
    LINK_BATCHES_WAITING_MAX,
    LINK_CONTROL_FRAMES_MAX,
    LINK_FRAME_BYTES_MAX,
    LINK_NATIONAL_BYTES_MAX,
)
from lpse.federation.v1 import journal_pb2 as wire
from lpse.federation.v1 import link_pb2 as link

R = link.HeadRelation


class Session:
    """See the module's first lines; `run` returns when the session has ended."""

    def __init__(self, parts: Parts, opened: Opened, stream: Stream) -> None:
        self.node_id = opened.node_id
        self.boot_id = opened.hello.boot_id
        self.quarantined = opened.quarantined
        self.beside = False  # a sound session of this node is present: the fleet hears that one
        self.last_frame = parts.clock.monotonic()
        self._parts = parts
        self._opened = opened
        self._stream = stream
        self._facts = FactsBook(parts, opened)
        self._epoch = opened.own_head.epoch
        self._protocol = opened.welcome.protocol
        self._heads = HeadWatch(parts, opened.verifier, self._epoch)
        self._questions = Questions(parts, opened)
        self._node_size = opened.own_head.size  # newest own size that the node told
        self._batches: asyncio.Queue[wire.EntryBatch] = asyncio.Queue(LINK_BATCHES_WAITING_MAX)
        self._control: deque[bytes] = deque()
        self._ack_due = False
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._close_error: FederationError | None = None
        self._national_sent = self._national_acked = opened.national_size
        self._in_flight: deque[tuple[int, int]] = deque()  # (size behind the frame, bytes)
        self._in_flight_bytes = 0

    # --- seen from outside ---

    def welcome(self) -> bytes:
        """The first frame that the node gets, encoded."""
        return link.CentralFrame(welcome=self._opened.welcome).SerializeToString()

    async def run(self) -> None:
        """Serve until either side ends it; raises what the other side must be told."""
        if not self.beside:
            await self._facts.hello()
        tasks = [
            asyncio.create_task(work())
            for work in (self._read_frames, self._store_batches, self._write_frames)
        ]
        tasks.append(asyncio.create_task(self._closed()))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._questions.ended()
            if not self.beside:
                with suppress(FederationError):
                    await self._facts.seen(self.presence())

    def wake(self) -> None:
        """Something may have to be written."""
        self._wake.set()

    def advanced(self, epoch: bytes) -> None:
        """Entries of this node were projected: the next acknowledgement says so."""
        if epoch == self._epoch:
            self._ack_due = True
            self._wake.set()

    def close(self, error: FederationError | None = None) -> None:
        """End the session after what waits was written; with an error the node is told it."""
        self._close_error = self._close_error or error
        self._closing.set()
        self._wake.set()

    def drain(self, within_seconds: float, reason: str) -> None:
        """Ask the node to come back at a random moment, then end."""
        drain = link.Drain(reconnect_within_seconds=within_seconds, reason=reason)
        self._enqueue(link.CentralFrame(drain=drain))
        self.close()

    def ask(self, wanted: link.BlobsWanted) -> None:
        """Ask for sealed bytes again."""
        self._enqueue(link.CentralFrame(blobs_wanted=wanted))

    def ask_bundle(self, wanted: link.BundleWanted) -> None:
        """Ask for a bundle that is lost here."""
        self._enqueue(link.CentralFrame(bundle_wanted=wanted))

    async def alive(self) -> bool | None:
        """Whether the holder of this session is there; None where that is not known yet."""
        return await self._questions.alive(self._enqueue, self.last_frame)

    def presence(self) -> Presence:
        """What is outstanding in both directions now."""
        position = self._parts.ledger.current(self.node_id)
        stored = position.tree.size if position and position.epoch == self._epoch else 0
        waiting = max(0, self._node_size - stored)
        return Presence(waiting, self._national_acked, sound=not self.quarantined)

    # --- reading ---

    async def _read_frames(self) -> None:
        while (data := await self._stream.read()) is not None:
            self.last_frame = self._parts.clock.monotonic()
            frame = _parse(data)
            match frame.WhichOneof("frame"):
                case "regional":
                    await self._take_batch(frame.regional)
                case "national_ack":
                    self._take_ack(frame.national_ack)
                case "heartbeat":
                    await self._take_heartbeat(frame.heartbeat)
                case "token_confirmed":
                    await confirm_token(self._parts, self.node_id, frame.token_confirmed.number)
                case "probe_answer":
                    self._questions.probed(frame.probe_answer)
                case "challenge_answer":
                    await self._questions.answered(frame.challenge_answer)
                case "goodbye":
                    return
                case "hello":
                    raise Refused("FED-2204", "a second hello in one session")
                case _:
                    continue  # a newer node may say more

    async def _take_batch(self, batch: wire.EntryBatch) -> None:
        if self.quarantined:
            raise Refused("FED-2203", "entries were sent although the credit is zero")
        self._node_size = max(self._node_size, batch.head.size)
        await self._batches.put(batch)  # at the limit reading pauses, and with it the sender

    def _take_ack(self, ack: link.NationalAck) -> None:
        known = self._parts.frames.head_at(ack.stored_head.size)
        if ack.stored_head.size > self._national_sent and known is None:
            raise Refused("FED-2209", "the node acknowledged national entries that were not sent")
        if known is not None and known.root != ack.stored_head.root:
            raise Refused("FED-2215", "the node acknowledged another national history")
        self._national_acked = max(self._national_acked, ack.stored_head.size)
        waiting = self._in_flight_bytes >= LINK_NATIONAL_BYTES_MAX
        while self._in_flight and self._in_flight[0][0] <= self._national_acked:
            self._in_flight_bytes -= self._in_flight.popleft()[1]
        if waiting:  # else the writer has nothing new to do: a fleet's acks wake nobody
            self._wake.set()
        if known is not None and ack.HasField("cosignature"):
            self._parts.witnesses.offer(
                self._opened.verifier, known, Cosignature.of(ack.cosignature)
            )

    async def _take_heartbeat(self, beat: link.Heartbeat) -> None:
        self._node_size = max(self._node_size, beat.own_head.size)
        reply = link.HeartbeatReply(
            number=beat.number,
            clock_time=timestamp(self._parts.clock.wall()),
            national_head=self._parts.national.head.message(),
        )
        self._questions.show_witnessed(reply)
        self._enqueue(link.CentralFrame(heartbeat_reply=reply))
        await self._keep_facts(beat)
        if not self.quarantined:
            await self._heads.compare(beat.own_head)
            await self._questions.challenge(self._enqueue, self._epoch)

    async def _keep_facts(self, beat: link.Heartbeat) -> None:
        if not self.beside:
            with suppress(Unavailable):  # facts can wait for the next heartbeat
                await self._facts.heartbeat(beat, self.presence())

    # --- storing ---

    async def _store_batches(self) -> None:
        while True:
            batches = [await self._batches.get()]
            while not self._batches.empty():
                batches.append(self._batches.get_nowait())
            try:
                accepted = await self._parts.ledger.accept(self.node_id, self._epoch, batches)
            except BatchGap as error:
                self._parts.log.warning("link.gap", node=self.node_id, code=error.code)
                raise Unavailable(
                    "FED-2236", "entries are missing before this batch; say hello again"
                ) from error
            except FederationError as error:
                if is_contradiction(error):
                    await self._quarantine(error)
                raise
            self._heads.stored(accepted.head)
            self._ack_due = True
            self._wake.set()

    async def _quarantine(self, error: FederationError) -> None:
        since = self._parts.clock.wall().isoformat()
        row = QuarantineRow(self.node_id, R.HEAD_RELATION_FORKED, "FED-2213", error.message, since)
        held = self._parts.ledger.current(self.node_id)
        if held is not None and held.head is not None and held.epoch == self._epoch:
            await self._parts.store.contradicted(row, held.head)
        else:
            await self._parts.store.quarantine_begins(row, None)
        self._parts.log.warning("link.quarantined", node=self.node_id, code=error.code)

    # --- writing ---

    async def _write_frames(self) -> None:
        while True:
            self._wake.clear()
            while self._control:
                await self._stream.write(self._control.popleft())
            if self._ack_due:
                self._ack_due = False
                await self._write_ack()
            elif not await self._write_national() and not self._control:
                if self._closing.is_set():
                    return
                await self._wake.wait()

    async def _write_ack(self) -> None:
        parts = self._parts
        position = parts.ledger.current(self.node_id)
        if position is None or position.head is None or position.epoch != self._epoch:
            return
        applied = await parts.ledger.applied(self.node_id, self._epoch)
        seconds = int(parts.clock.wall().timestamp())
        ack = link.EntryAck(
            stored_head=position.head.message(),
            applied_size=applied.size,
            parked_indexes=applied.parked,
            cosignature=cosign(position.head, parts.signer, seconds).message(),
        )
        await self._stream.write(link.CentralFrame(entry_ack=ack).SerializeToString())

    async def _write_national(self) -> bool:
        if not self._opened.national_allowed or self._closing.is_set():
            return False
        if self._in_flight_bytes >= LINK_NATIONAL_BYTES_MAX:
            return False
        frame = await self._parts.frames.at(self._national_sent)
        if frame is None:
            return False
        self._national_sent = frame.next_index
        self._in_flight.append((frame.next_index, len(frame.data)))
        self._in_flight_bytes += len(frame.data)
        await self._stream.write(frame.data)
        return True

    def _enqueue(self, frame: link.CentralFrame) -> None:
        if len(self._control) >= LINK_CONTROL_FRAMES_MAX:
            self.close(Unavailable("FED-2205", "the node does not read what it asked for"))
            return
        self._control.append(frame.SerializeToString())
        self._wake.set()

    async def _closed(self) -> None:
        """Give the writer a moment to say goodbye, then end."""
        await self._closing.wait()
        if self._close_error is not None:
            raise self._close_error
        await self._parts.clock.sleep(1.0)


def _parse(data: bytes) -> link.NodeFrame:
    if len(data) > LINK_FRAME_BYTES_MAX:
        raise Refused("FED-2202", f"a frame is larger than {LINK_FRAME_BYTES_MAX} bytes")
    try:
        return link.NodeFrame.FromString(data)
    except DecodeError as error:
        raise Refused("FED-2201", "a frame is not a NodeFrame message") from error
