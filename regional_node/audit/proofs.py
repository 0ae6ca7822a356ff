"""Proofs both ways: this node shows its entries, and has the centre show that it holds them.

Rules: an answer is computed from the bytes as read now, so damage shows; which entries are asked
for is drawn from the entropy port, so nobody can prepare; a proof counts against a head that is
signed and held here; an own entry that is not what it was has its journal read again at once.
Leaves out what becomes of a refused proof (`worker`) and the wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError, NotFound, Refused
from lpse.federation.limits import CHALLENGE_INDEXES, PROOF_LEAVES_MAX
from lpse.federation.merkle import leaf_hash, verify_inclusion
from lpse.federation.v1 import audit_pb2 as wire
from lpse.federation.v1 import link_pb2 as link
from lpse.runtime.clock import Entropy
from lpse.storage.journal import Journal
from lpse.storage.verify_pass import label
from regional_node.audit.client import AuditCalls
from regional_node.national.national import National

_NONCE_BYTES = 16
_EntryAt = Callable[[bytes, int], Awaitable[bytes | None]]
Suspect = Callable[[str], Awaitable[None]]  # has a journal, by its label, read again


async def _nobody(_: str) -> None:
    """Where nobody reads journals again."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry that the centre could not show; `found` says why, in words."""

    journal: str  # "regional" or "national"
    index: int
    found: str
    head: Head


class OwnProofs:
    """Answers the centre's challenges; the link's port `Challenged`."""

    def __init__(self, journal: Journal, suspect: Suspect = _nobody) -> None:
        self._journal = journal
        self._suspect = suspect

    async def answer(self, challenge: link.Challenge) -> link.ChallengeAnswer:
        """Leaf and path as read now, or the reason why not."""
        told = link.ChallengeAnswer(number=challenge.number)
        if challenge.epoch not in [row.epoch for row in await self._journal.epochs()]:
            told.reason = "OTHER_EPOCH"
            return told
        try:
            await self._show(challenge, told)
        except (NotFound, Refused):
            told.reason = "MISSING"
        return told

    async def _show(self, challenge: link.Challenge, told: link.ChallengeAnswer) -> None:
        index, size, epoch = challenge.index, challenge.size, challenge.epoch
        rows = await self._journal.entries(index, index + 1, epoch=epoch)
        held = await self._journal.newest_head(epoch)
        if not rows or not index < size <= held.size:
            told.reason = "MISSING"
            if index < held.size:
                await self._suspect(label(held))
            return
        found = leaf_hash(rows[0].data)
        if found != rows[0].leaf_hash:
            told.reason = "CORRUPT"
            await self._suspect(label(held))
            return
        told.leaf_hash = found
        told.path.extend(await self._journal.inclusion_proof(index, size, epoch=epoch))


class CentreProofs:
    """Asks the centre for some entries of both journals, and judges what it shows."""

    def __init__(
        self,
        journal: Journal,
        national: National,
        stored: Callable[[], Head | None],
        entropy: Entropy,
        suspect: Suspect = _nobody,
    ) -> None:
        """`stored`: the newest own head that the centre acknowledged."""
        self._suspect = suspect
        self._journal = journal
        self._national = national
        self._stored = stored
        self._entropy = entropy

    async def ask(self, calls: AuditCalls) -> tuple[int, list[Refusal]]:
        """How many entries were shown, and those that were not."""
        own = await self._ask(calls, self._stored(), "regional", self._own_entry)
        theirs = await self._ask(calls, self._national.head, "national", self._national_entry)
        return own[0] + theirs[0], own[1] + theirs[1]

    async def _ask(
        self, calls: AuditCalls, head: Head | None, journal: str, entry_at: _EntryAt
    ) -> tuple[int, list[Refusal]]:
        if head is None or not 0 < head.size <= PROOF_LEAVES_MAX:
            return 0, []
        indexes = sorted({self._drawn(head.size) for _ in range(CHALLENGE_INDEXES)})
        request = wire.ProveRequest(
            national=journal == "national",
            epoch=head.epoch,
            size=head.size,
            indexes=indexes,
            nonce=self._entropy.token(_NONCE_BYTES),
        )
        try:
            answer = await calls.prove(request)
        except NotFound as error:  # anything else is no answer: the audit comes again
            return 0, [Refusal(journal, indexes[0], f"{error.code} {error.message}", head)]
        refused = await self._judge(request, head, answer.proofs, (journal, entry_at))
        return len(indexes) - len(refused), refused

    async def _judge(
        self,
        request: wire.ProveRequest,
        head: Head,
        proofs: Sequence[wire.EntryProof],
        asked: tuple[str, _EntryAt],
    ) -> list[Refusal]:
        journal, entry_at = asked
        if [one.index for one in proofs] != list(request.indexes):
            return [Refusal(journal, request.indexes[0], "other entries were shown", head)]
        refused = []
        for one in proofs:
            data = await entry_at(head.epoch, one.index)
            found = await asyncio.to_thread(_judge, request.nonce, head, one, data)
            if found and (data is None or leaf_hash(data) != one.leaf_hash):
                await self._suspect(label(head))
            if found:
                refused.append(Refusal(journal, one.index, found, head))
        return refused

    def _drawn(self, size: int) -> int:
        return min(size - 1, int(self._entropy.uniform(0, size)))

    async def _own_entry(self, epoch: bytes, index: int) -> bytes | None:
        rows = await self._journal.entries(index, index + 1, epoch=epoch)
        return rows[0].data if rows else None

    async def _national_entry(self, _epoch: bytes, index: int) -> bytes | None:
        rows = await self._national.raw_entries(index, 1)
        return rows[0] if rows else None


def _judge(nonce: bytes, head: Head, one: wire.EntryProof, data: bytes | None) -> str:
    """Why the proof does not count, in words; empty when it does."""
    try:
        verify_inclusion(one.index, head.size, one.leaf_hash, list(one.path), head.root)
    except FederationError as error:
        return f"{error.code} {error.message}"
    if data is None or leaf_hash(data) != one.leaf_hash:
        return "the own copy of the entry has another hash"
    if sha256(nonce + data).digest() != one.possession:
        return "the bytes that were shown are not those of the entry"
    return ""
