"""One session of the node: hello, entries up within the credit, national entries down.

Owns the order of frames and what is durable before each (Invariant 1): a token before it is
confirmed, national entries before they are acknowledged. Rules: the centre's head and every
acknowledgement are verified; a centre that contradicts this node's copy is reported once and gets
its entries all the same, but nothing of it is accepted (Invariant 5); control frames go before
entries. Leaves out reconnecting (`worker`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from lpse.federation.checkpoints import Cosignature, Head, cosign, verify_cosignature
from lpse.federation.entries import Diverged, moment
from lpse.federation.errors import FederationError, Refused, Unavailable
from lpse.federation.limits import (
    LINK_BEATS_UNANSWERED_MAX,
    LINK_CLOSE_SECONDS_MAX,
    LINK_HEARTBEAT_SECONDS,
    LINK_LEASE_SECONDS,
    WITNESSED_HEADS_MAX,
)
from lpse.federation.v1 import journal_pb2 as journal_wire
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from regional_node.link import frames
from regional_node.link.heads import HeadContradicted, HeadWatch
from regional_node.link.opening import Opening, open_session
from regional_node.link.ports import Parts, Stream
from regional_node.link.progress import Progress
from regional_node.link.rules import NATIONAL_RELATION, InFlight, contradicts, may_send
from regional_node.link.state import Session as SessionState
from regional_node.link.store import Acknowledged
from regional_node.reconciliation.runs import Begin, Run

_LOOK_SECONDS = 1.0


class NodeSession:
    """See the module's first lines; `run` returns at an orderly end and raises at any other."""

    def __init__(self, parts: Parts, stream: Stream, before: frames.Before) -> None:
        self.welcomed = False
        self.drain_seconds: float | None = None
        self._parts = parts
        self._stream = stream
        self._before = before
        self._control: deque[wire.NodeFrame] = deque()
        self._wake = asyncio.Event()
        self._closing = ""
        self._sent = 0  # own entries sent or known at the centre
        self._in_flight: deque[tuple[int, int]] = deque()
        self._credit = wire.Credit()
        self._accepts_national = False
        self._heartbeat_seconds = float(LINK_HEARTBEAT_SECONDS)
        self._lease_seconds = float(LINK_LEASE_SECONDS)
        self._last_frame = parts.clock.monotonic()
        self._beats = 0
        self._beaten: dict[int, float] = {}  # when each unanswered beat left, monotonic
        self._epoch = parts.journal.epoch
        self._run: Run | None = None
        self._progress = Progress(parts)
        self._heads = HeadWatch(parts)

    async def run(self) -> None:
        """Hello, then serve until one side ends it."""
        try:
            await self._begin(await open_session(self._parts, self._stream, self._before))
            await self._serve()
        except BaseException as error:
            await self._end_run(error)
            raise
        else:
            await self._end_run(None)
        finally:
            self._parts.state.session = None
            await self._stream.close()

    def close(self, reason: str) -> None:
        """Say goodbye and end."""
        self._closing = self._closing or reason
        self._wake.set()

    # --- hello and welcome ---

    async def _begin(self, opening: Opening) -> None:
        self._heard()
        parts, welcome = self._parts, opening.welcome
        relation = NATIONAL_RELATION[opening.agreement]
        await self._note_agreement(contradicts(opening.agreement), opening.national)
        if welcome.token.number:
            await parts.state.take_token(welcome.token.number, welcome.token.value)
            confirmed = wire.TokenConfirmed(number=welcome.token.number)
            self._enqueue(wire.NodeFrame(token_confirmed=confirmed))
        self._credit.CopyFrom(welcome.credit)
        self._sent = opening.stored.size if opening.stored is not None else 0
        self._heartbeat_seconds = float(welcome.heartbeat_seconds or LINK_HEARTBEAT_SECONDS)
        self._lease_seconds = float(welcome.lease_seconds or LINK_LEASE_SECONDS)
        self._progress.begin(opening, relation)
        parts.state.session = SessionState(
            since=parts.clock.wall(),
            quarantine_code=frames.clip(welcome.quarantine.code),
            quarantine_reason=frames.clip(welcome.quarantine.reason),
            centre_national_size=opening.national.size,
            relation=welcome.relation,
            stored_head=opening.stored,
            other_epoch_head=self._progress.shown.other_epoch_head,
            national_relation=relation,
            protocol=welcome.protocol,
        )
        parts.state.away_below = opening.national.size
        self._run = await parts.runs.begin(self._begun(welcome.protocol))
        await parts.state.alive(parts.clock.wall())
        self.welcomed = True
        parts.state.told()
        await self._take_witnessed(welcome.witnessed)
        if welcome.HasField("quarantine"):
            parts.log.warning("link.quarantined", code=welcome.quarantine.code)
            await self._finish_run("the centre keeps this node's entries back")
        else:
            await self._check_run()

    def _begun(self, protocol: int) -> Begin:
        before = self._before
        return Begin(
            trigger=before.trigger,
            shown=self._progress.shown,
            attempts=before.attempts,
            wait_seconds=before.wait_seconds,
            link_down_seconds=before.link_down_seconds,
            cause=before.cause,
            protocol=protocol,
        )

    async def _note_agreement(self, relation: str, shown: Head) -> None:
        held = self._parts.national.head
        self._accepts_national = not relation
        if relation and self._parts.state.session is not None:
            self._parts.state.session.national_relation = relation
        if not relation or held is None:
            await self._parts.state.agreed()
            return
        record = records.CentreContradicted(
            held=held.message(), shown=shown.message(), relation=relation
        )
        if await self._parts.state.contradicted(record):
            self._parts.log.error("centre.contradicted", relation=relation, code="FED-2227")
            self._parts.state.told()

    # --- serving ---

    async def _serve(self) -> None:
        work = (self._read_frames, self._write_frames, self._beat, self._follow_journal)
        tasks = [asyncio.create_task(one()) for one in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if self._closing:  # goodbye is said: let the centre end the stream
                await asyncio.wait({tasks[0]}, timeout=LINK_CLOSE_SECONDS_MAX)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_frames(self) -> None:
        while (data := await self._stream.read()) is not None:
            self._heard()
            frame = frames.parse(data)
            match frame.WhichOneof("frame"):
                case "national":
                    await self._take_national(frame.national, len(data))
                case "entry_ack":
                    await self._take_ack(frame.entry_ack)
                case "credit":
                    self._credit.CopyFrom(frame.credit)
                    self._wake.set()
                case "heartbeat_reply":
                    await self._take_reply(frame.heartbeat_reply)
                case "blobs_wanted":
                    await self._parts.disk.wanted(frame.blobs_wanted)
                case "bundle_wanted":
                    if self._parts.bundles is not None:
                        self._parts.bundles.wanted(frame.bundle_wanted)
                case "probe":
                    answer = wire.ProbeAnswer(number=frame.probe.number)
                    self._enqueue(wire.NodeFrame(probe_answer=answer))
                case "challenge":
                    await self._take_challenge(frame.challenge)
                case "drain":
                    self.drain_seconds = frame.drain.reconnect_within_seconds
                    self.close("drained")
                case "welcome" | "refusal":
                    raise Refused("FED-2204", "a second welcome in one session")
                case _:
                    continue  # a newer centre may say more
        if not self._closing:
            raise Unavailable("FED-2299", "the centre ended the stream")

    async def _take_national(self, batch: journal_wire.EntryBatch, size: int) -> None:
        if not self._accepts_national:
            return  # contradicted: the copy stays as it is
        parts = self._parts
        before = parts.national.head.size if parts.national.head else 0
        late_below = self._progress.shown.national_head.size
        try:
            head = await parts.national.accept(batch, late_below=late_below)
        except Diverged as error:
            parts.log.error("national.diverged", code=error.code)
            await self._note_agreement("forked", Head.of(batch.head))
            return
        self._heads.stored(head)
        # Durable now, so it may be acknowledged and cosigned.
        seconds = int(parts.clock.wall().timestamp())
        ack = wire.NationalAck(
            stored_head=head.message(),
            cosignature=cosign(head, parts.signer, seconds).message(),
            applied_size=parts.national.state.applied_size,
        )
        self._enqueue(wire.NodeFrame(national_ack=ack))
        if parts.state.session is not None:
            session = parts.state.session
            session.centre_national_size = max(session.centre_national_size, head.size)
        await self._progress.received(before, head, size)
        await self._check_run()

    async def _take_ack(self, ack: wire.EntryAck) -> None:
        parts = self._parts
        head = Head.of(ack.stored_head)
        if head.epoch != self._epoch or head.size > parts.journal.head.size:
            raise Refused("FED-2228", "the centre acknowledged entries that were never written")
        head.verify(parts.journal.verifier)
        cosignature = None
        if ack.HasField("cosignature"):
            cosignature = Cosignature.of(ack.cosignature)
            verify_cosignature(head, cosignature, parts.national.centre)
        while self._in_flight and self._in_flight[0][0] <= head.size:
            self._in_flight.popleft()
        parked = tuple(ack.parked_indexes)
        await parts.state.take_ack(Acknowledged(head, ack.applied_size, parked, cosignature))
        self._progress.acknowledged(head, parked)
        self._wake.set()
        await self._check_run()

    async def _take_reply(self, reply: wire.HeartbeatReply) -> None:
        session = self._parts.state.session
        now = self._parts.clock.wall()
        if session is not None:
            with suppress(FederationError):
                offset = (moment(reply.clock_time) - now).total_seconds()
                session.clock_offset_seconds = round(offset, 3)
            await self._measure(reply)
            size = reply.national_head.size
            session.centre_national_size = max(session.centre_national_size, size)
        await self._parts.state.alive(now)
        if self._accepts_national:
            await self._compare(reply)
        await self._take_witnessed(reply.witnessed)

    async def _compare(self, reply: wire.HeartbeatReply) -> None:
        try:
            await self._heads.compare(reply.national_head)
        except HeadContradicted as error:
            await self._note_agreement("forked", error.head)
            raise

    async def _take_witnessed(self, heads: Sequence[wire.WitnessedHead]) -> None:
        if heads and self._parts.witnessed is not None:
            await self._parts.witnessed.took_witnessed(heads[:WITNESSED_HEADS_MAX])

    async def _take_challenge(self, challenge: wire.Challenge) -> None:
        """Show an entry to the centre; where nobody can, it waits for nothing else."""
        if self._parts.challenged is not None:
            answer = await self._parts.challenged.answer(challenge)
            answer.number = challenge.number
            self._enqueue(wire.NodeFrame(challenge_answer=answer))

    async def _measure(self, reply: wire.HeartbeatReply) -> None:
        """An answer to a beat of ours bounds how wrong the clock is; any other tells nothing."""
        sent = self._beaten.pop(reply.number, None)
        measuring = self._parts.measuring
        if sent is None or measuring is None:
            return
        try:
            centre_time = moment(reply.clock_time)
        except FederationError:
            return
        await measuring.measured(sent, centre_time)

    # --- writing ---

    async def _write_frames(self) -> None:
        while True:
            self._wake.clear()
            while self._control:
                await self._stream.write(self._control.popleft().SerializeToString())
            if self._closing:
                goodbye = wire.Goodbye(reason=frames.clip(self._closing))
                await self._stream.write(wire.NodeFrame(goodbye=goodbye).SerializeToString())
                await self._stream.finish()
                return
            if not await self._write_batch() and not self._control:
                await self._wake.wait()

    async def _write_batch(self) -> bool:
        parts = self._parts
        flying = self._in_flight
        acked = parts.state.stored_size
        state = InFlight(
            self._credit.entries,
            self._credit.bytes,
            max(0, self._sent - max(acked, 0)) if flying else 0,
            sum(size for _, size in flying),
        )
        if not may_send(state) or parts.journal.epoch != self._epoch:
            return False
        batch = await parts.journal.batch(self._sent, epoch=self._epoch)
        if batch is None:
            return False
        data = wire.NodeFrame(regional=batch).SerializeToString()
        self._sent = batch.head.size
        flying.append((batch.head.size, len(data)))
        self._progress.sent(len(batch.entries), len(data))
        await self._stream.write(data)
        return True

    async def _follow_journal(self) -> None:
        """Wake the writer whenever the own journal has grown."""
        journal = self._parts.journal
        size = journal.head.size
        while journal.epoch == self._epoch:
            await journal.wait_beyond(size, epoch=self._epoch)
            size = journal.head.size
            self._wake.set()
        self.close("a new epoch was opened")
        await asyncio.sleep(LINK_CLOSE_SECONDS_MAX)  # the writer ends the session before

    async def _beat(self) -> None:
        """Say how the node is, and notice when the centre says nothing any more."""
        while True:
            self._beats += 1
            self._beaten.pop(self._beats - LINK_BEATS_UNANSWERED_MAX, None)
            self._beaten[self._beats] = self._parts.clock.monotonic()
            self._enqueue(wire.NodeFrame(heartbeat=frames.heartbeat(self._parts, self._beats)))
            await self._until_next_beat()
            silent = self._parts.clock.monotonic() - self._last_frame
            if silent > self._lease_seconds:
                raise Unavailable("FED-2229", "the centre said nothing within the lease")

    async def _until_next_beat(self) -> None:
        """The agreed interval, or less: a change of the service is told within a second."""
        told, clock = self._parts.service.service(), self._parts.clock
        due = clock.monotonic() + self._heartbeat_seconds
        while (left := due - clock.monotonic()) > 0 and self._parts.service.service() == told:
            await clock.sleep(min(_LOOK_SECONDS, left))

    def _enqueue(self, frame: wire.NodeFrame) -> None:
        # Bounded by what the centre sends: one answer per frame of its own, and it keeps a window.
        self._control.append(frame)
        self._wake.set()

    def _heard(self) -> None:
        self._last_frame = self._parts.clock.monotonic()

    # --- the run ---

    async def _check_run(self) -> None:
        if self._run is not None and self._run.complete(self._progress.moved()):
            await self._finish_run("")

    async def _finish_run(self, cause: str) -> None:
        run, self._run = self._run, None
        if run is not None:
            await self._parts.runs.finish(run, self._progress.moved(), cause=cause)

    async def _end_run(self, error: BaseException | None) -> None:
        cause = "the session ended"
        if isinstance(error, FederationError):
            cause = f"{error.code} {error.message}"
        with suppress(FederationError):  # a disk that failed must not hide why the session ended
            await self._finish_run(cause)
