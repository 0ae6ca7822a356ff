"""Asking nodes at random for entries that they acknowledged once, and judging what they show.

Implements the link's port `Challenges`. Rules: when and for which entry is drawn from the entropy
port; a proof counts against the head that the ledger holds; a wrong or refused one is written down
for a person and ends nothing: intake and link go on, and only a contradiction of heads puts a node
under quarantine. Leaves out the frames (`central.link`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from structlog.typing import FilteringBoundLogger

from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError
from lpse.federation.limits import CHALLENGE_SECONDS, PROOF_LEAVES_MAX
from lpse.federation.merkle import verify_inclusion
from lpse.federation.reconciliation_rules import entry, evidence, head_evidence
from lpse.federation.v1 import link_pb2 as link
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.clock import Clock, Entropy

SCHEDULE = records.RECONCILIATION_TRIGGER_SCHEDULE
Trigger: TypeAlias = records.ReconciliationTrigger.ValueType


class Findings(Protocol):
    """Who writes the centre's findings down."""

    async def record(
        self, node_id: str, trigger: Trigger, entries: Sequence[records.ReconciliationEntry]
    ) -> None:
        """One run, if anything of it is new."""


class Challenging:
    """See the module's first lines."""

    def __init__(
        self,
        findings: Findings,
        clock: Clock,
        entropy: Entropy,
        log: FilteringBoundLogger,
        *,
        mean_seconds: float = CHALLENGE_SECONDS,
    ) -> None:
        self._findings = findings
        self._clock = clock
        self._entropy = entropy
        self._log = log
        self._mean_seconds = mean_seconds
        self._next: dict[str, float] = {}
        self._heads: dict[str, Head] = {}  # of the question that is open, by node

    async def due(self, node_id: str, held: Head) -> link.Challenge | None:
        """A question for the node if its moment has come."""
        now = self._clock.monotonic()
        if now < self._next.setdefault(node_id, self._after(now)):
            return None
        self._next[node_id] = self._after(now)
        if not 0 < held.size <= PROOF_LEAVES_MAX:
            return None
        self._heads[node_id] = held
        index = min(held.size - 1, int(self._entropy.uniform(0, held.size)))
        return link.Challenge(epoch=held.epoch, index=index, size=held.size)

    async def answered(
        self, node_id: str, asked: link.Challenge, answer: link.ChallengeAnswer
    ) -> None:
        """Judge it; what is wrong becomes a finding."""
        head = self._heads.pop(node_id, None)
        if head is None or (head.epoch, head.size) != (asked.epoch, asked.size):
            return  # asked before a restart of this session's centre
        found = _judge(head, asked.index, answer)
        if not found:
            return
        self._log.warning("challenge.refused", node=node_id, code="FED-7082")
        told = entry(
            "R-PROOF-REFUSED",
            f"regional {asked.index}",
            evidence(leaf=answer.leaf_hash.hex() or None, reason=answer.reason or None),
            head_evidence(head),
            "",
            1,
            found=found,
        )
        await self._findings.record(node_id, SCHEDULE, [told])

    def _after(self, now: float) -> float:
        return now + self._entropy.uniform(0.5, 1.5) * self._mean_seconds


def _judge(head: Head, index: int, answer: link.ChallengeAnswer) -> str:
    """What is wrong, in words; empty when the entry was shown."""
    if not answer.leaf_hash:
        return f"the node says {answer.reason[:40] or 'nothing'}"
    try:
        verify_inclusion(index, head.size, answer.leaf_hash, list(answer.path), head.root)
    except FederationError as error:
        return f"{error.code} {error.message}"
    return ""
