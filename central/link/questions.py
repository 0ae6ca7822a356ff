"""What the centre asks a node during a session: are you there, and show me that entry.

Owns probes (asked when a second holder of the same identity says hello), challenges (asked for the
standing audit) and the turn at which heads that others cosigned are shown. Rules: only an answer
to a probe counts as a sign of life for a node that knows probes, because other frames may have been
on their way for long; one challenge is open at a time. Leaves out the judgement of proofs (port
`Challenges`) and of holders (`sessions`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from central.link.hello import Opened
from central.link.ports import Parts
from lpse.federation.limits import (
    LINK_HOLDER_SILENT_SECONDS,
    LINK_PROBE_SECONDS_MAX,
    WITNESSED_BEATS,
    WITNESSED_HEADS_MAX,
)
from lpse.federation.v1 import link_pb2 as link

Send = Callable[[link.CentralFrame], None]


class Questions:
    """The questions of one session."""

    def __init__(self, parts: Parts, opened: Opened) -> None:
        self._parts = parts
        self._node_id = opened.node_id
        self._newer = opened.welcome.protocol >= 2
        self._probes = 0
        self._answered = 0
        self._probed_at: float | None = None  # monotonic: the first probe without an answer
        self._sign = asyncio.Event()
        self._ended = False
        self._challenges = 0
        self._open: link.Challenge | None = None
        self._beats = 0

    # --- is the holder alive? ---

    async def alive(self, send: Send, last_frame: float) -> bool | None:
        """Ask, and wait a little for the answer; None where it did not come yet."""
        now = self._parts.clock.monotonic()
        if self._probed_at is None:
            self._probed_at = now
        if not self._newer:
            return self._judge_silence(last_frame, now)
        self._probes += 1
        self._sign.clear()
        send(link.CentralFrame(probe=link.Probe(number=self._probes)))
        with suppress(TimeoutError):
            async with asyncio.timeout(LINK_PROBE_SECONDS_MAX):
                await self._sign.wait()
        if self._ended:
            return False
        if self._answered == self._probes:
            self._probed_at = None
            return True
        return None if now - self._probed_at < LINK_HOLDER_SILENT_SECONDS else False

    def _judge_silence(self, last_frame: float, now: float) -> bool | None:
        """A node of protocol 1 answers nothing; its heartbeats tell."""
        assert self._probed_at is not None, "the first question was noted"
        if last_frame - self._probed_at > LINK_PROBE_SECONDS_MAX:
            return True
        return None if now - self._probed_at < LINK_HOLDER_SILENT_SECONDS else False

    def probed(self, answer: link.ProbeAnswer) -> None:
        """The holder is there."""
        if answer.number == self._probes:
            self._answered = answer.number
            self._sign.set()

    def ended(self) -> None:
        """The session is over: whoever waits for a sign of life has its answer."""
        self._ended = True
        self._sign.set()

    # --- the standing audit ---

    async def challenge(self, send: Send, epoch: bytes) -> None:
        """Pass on the question that is due, if there is one."""
        challenges, position = self._parts.challenges, self._parts.ledger.current(self._node_id)
        if challenges is None or not self._newer or self._open is not None or position is None:
            return
        if position.head is None or position.epoch != epoch:
            return
        due = await challenges.due(self._node_id, position.head)
        if due is None:
            return
        self._challenges += 1
        due.number = self._challenges
        self._open = due
        send(link.CentralFrame(challenge=due))

    async def answered(self, answer: link.ChallengeAnswer) -> None:
        """Have the answer to the open question judged; any other is passed over."""
        asked, challenges = self._open, self._parts.challenges
        if asked is None or challenges is None or answer.number != asked.number:
            return
        self._open = None
        await challenges.answered(self._node_id, asked, answer)

    def show_witnessed(self, reply: link.HeartbeatReply) -> None:
        """On the first beat, and then now and then, show what others cosigned."""
        turn = self._beats % WITNESSED_BEATS == 0
        self._beats += 1
        if turn and self._newer and self._parts.witnessed is not None:
            sample = self._parts.witnessed.sample(self._node_id)
            reply.witnessed.extend(sample[:WITNESSED_HEADS_MAX])
