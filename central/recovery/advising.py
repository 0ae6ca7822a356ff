"""Compares what a node shows with the ledger, and has the rules advise.

Owns the gathering of facts. Rules: a head counts only with a signature of that node, by its present
key or a former one; damage looks like a fork, so a node that shows the copy's root as its own may
send its entries once more. Leaves out the decision (`rules`) and the wire form of the call
(`service`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from central.branches.ports import Decided, Decisions, Findings
from central.branches.store import Branch, BranchStore
from central.ledger.ledger import Ledger
from central.ledger.ports import NodeKeys
from central.link.store import LinkStore
from central.recovery.rules import FOLLOWED, Advice, Facts, Kept, Shown, advise
from lpse.federation.checkpoints import Head
from lpse.federation.errors import Denied, Refused
from lpse.federation.limits import EPOCHS_SHOWN_MAX, HEADS_PER_EPOCH_MAX
from lpse.federation.reconciliation_rules import entry, evidence
from lpse.federation.v1 import link_pb2 as link_wire
from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1 import recovery_pb2 as wire

_FORKED = link_wire.HEAD_RELATION_FORKED


class Links(Protocol):
    """Who knows the sessions of nodes."""

    def is_sound(self, node_id: str) -> bool:
        """Whether a session of that node is open whose entries flow."""

    async def proved(self, held: Head) -> bool:
        """End a quarantine that damaged entries began, once per copy; whether it has ended."""


class Advising:
    """See the module's first lines."""

    def __init__(
        self,
        ledger: Ledger,
        keys: NodeKeys,
        branches: BranchStore,
        link: tuple[LinkStore, Links],
        persons: tuple[Decisions, Findings | None],
    ) -> None:
        self._ledger = ledger
        self._keys = keys
        self._branches = branches
        self._link, self._links = link
        self._decisions, self._findings = persons

    async def advise(self, node_id: str, heads: Sequence[Head]) -> tuple[Advice, Kept | None]:
        """What that node should do, and the branch it speaks of."""
        if not 1 <= len(heads) <= EPOCHS_SHOWN_MAX:
            raise Refused("FED-2401", f"a node shows 1 to {EPOCHS_SHOWN_MAX} epochs")
        if max(Counter(head.epoch for head in heads).values()) > HEADS_PER_EPOCH_MAX:
            raise Refused("FED-2401", f"a node shows up to {HEADS_PER_EPOCH_MAX} heads of an epoch")
        for head in heads:
            if head.party != node_id:
                raise Denied("FED-2206", "the head is of another node than the certificate")
            await self._keys.signed_by(head)
        positions = self._ledger.positions(node_id)
        branch = await self._branches.find(heads[-1])
        kept = await self._kept(node_id, branch) if branch is not None else None
        epochs = [await self._compare(head) for head in heads]
        quarantine = await self._link.quarantine(node_id)
        contradicted = quarantine is not None and quarantine.relation == _FORKED
        if contradicted and await self._proved(heads, epochs):
            return Advice(wire.RECOVERY_ADVICE_NONE), None
        facts = Facts(
            epochs=epochs,
            in_current_epoch=bool(positions) and positions[-1].epoch == heads[-1].epoch,
            centre_holds_any=bool(positions),
            quarantined=quarantine is not None,
            other_present=self._links.is_sound(node_id),
            kept=kept,
            contradicted=contradicted,
        )
        advice = advise(facts)
        if branch is not None and kept is not None and kept.decided is not None:
            advice = await self._once(branch, kept.decided, advice)
        if branch is not None and advice.advice == wire.RECOVERY_ADVICE_WAIT:
            await self._tell(branch, advice)
        return advice, kept

    async def _once(self, branch: Branch, decided: Decided, advice: Advice) -> Advice:
        """A decision lets one machine go on: afterwards the same branch is an old copy of it."""
        if advice.advice != wire.RECOVERY_ADVICE_RECOVER:
            return advice
        newest = self._ledger.positions(branch.head.party)[-1].epoch
        told = await self._branches.told(branch, decided.name, newest)
        return advice if told == newest else FOLLOWED

    async def _tell(self, branch: Branch, advice: Advice) -> None:
        """Write down, once per branch, that a person has to decide about it."""
        if self._findings is None:
            return
        own = evidence(epoch=branch.head.epoch.hex(), first_index=branch.first_index)
        centre = [one.head for one in self._ledger.positions(branch.head.party)]
        newest = centre[-1].epoch.hex() if centre and centre[-1] else ""
        rule, _, _ = advice.rule.partition("/")
        told = entry(rule, branch.name, own, evidence(epoch=newest), "", branch.entries)
        trigger = records.RECONCILIATION_TRIGGER_RECONNECT
        await self._findings.record(branch.head.party, trigger, [told])

    async def _kept(self, node_id: str, branch: Branch) -> Kept:
        decided = await self._decisions.decided(node_id, branch.name, branch.offer_time)
        return Kept(branch.name, branch.machine_only, decided)

    async def _proved(self, heads: Sequence[Head], epochs: Sequence[Shown]) -> bool:
        """Whether the present epoch is longer, and shown to have the copy's root at its size."""
        own = heads[-1]
        position = next(iter(self._ledger.positions(own.party)[-1:]), None)
        if position is None or position.head is None or epochs[-1] is not Shown.AHEAD:
            return False
        if self._links.is_sound(own.party):
            return False  # the quarantine is of a second holder beside it
        held = position.head
        shown = {(one.epoch, one.size, one.root) for one in heads}
        if Shown.FORKED in epochs or (held.epoch, held.size, held.root) not in shown:
            return False
        return held.epoch == own.epoch and await self._links.proved(held)

    async def _compare(self, head: Head) -> Shown:
        position = next(
            (one for one in self._ledger.positions(head.party) if one.epoch == head.epoch), None
        )
        if position is None or position.head is None:
            return Shown.UNKNOWN
        size = position.head.size
        if head.size > size:
            # Whether it continues the copy shows in its prefix, which only the node has; the link
            # found a fork there if there was one.
            return Shown.AHEAD
        if head.size == size:
            return Shown.EQUAL if head.root == position.head.root else Shown.FORKED
        root = await self._ledger.root_at(head.party, head.epoch, head.size)
        return Shown.PREFIX if root == head.root else Shown.FORKED
