"""One comparison of projected state with the centre: narrowed down, examined, told.

Owns the order of questions. Rules: a difference in the digests is only a place to look; what counts
is a look at the object on both sides at a known place of the journal, against the journal itself;
objects that move meanwhile are looked at again and then left to the next run. Leaves out the
decision (`rules`) and putting rows back (`healing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lpse.federation.digests import DigestTree, differing, narrowed, object_id, parts_of, records_of
from lpse.federation.errors import Unavailable
from lpse.federation.limits import (
    DIGEST_PREFIXES_MAX,
    EXAMINATION_PAUSE_SECONDS,
    EXAMINATIONS_MAX,
    EXAMINED_OBJECTS_MAX,
    EXAMINED_PER_RUN_MAX,
)
from lpse.federation.state_objects import ObjectKey
from lpse.federation.v1 import audit_pb2 as wire
from lpse.runtime.clock import Clock
from lpse.runtime.sqlite import Database
from lpse.storage.journal import Journal
from lpse.storage.state_tree import build_tree, names_of
from regional_node.audit.client import AuditCalls
from regional_node.audit.healing import Healing
from regional_node.audit.objects import page_in
from regional_node.audit.rules import Compared, Look


@dataclass(frozen=True, slots=True)
class _Asked:
    """An object to look at: by its name, or by the centre's identifier alone."""

    identifier: bytes
    key: ObjectKey | None


class Comparing:
    """See the module's first lines."""

    def __init__(
        self, database: Database, journal: Journal, healing: Healing, clock: Clock
    ) -> None:
        self._database = database
        self._journal = journal
        self._healing = healing
        self._clock = clock

    async def compare(self, calls: AuditCalls) -> Compared:
        """Everything that differs now, healed as far as rules allow."""
        tree = await build_tree(self._database, page_in, self._clock)
        root = await asyncio.to_thread(tree.root)
        begun = await self._begin(calls)
        if begun.digest == root.digest:
            return Compared(root.objects, root.digest, ())
        found = await _narrow(calls, begun.comparison, tree)
        taken = found[:EXAMINED_PER_RUN_MAX]
        names = await names_of(self._database, page_in, self._clock, taken)
        looks: list[Look] = []
        for at in range(0, len(taken), EXAMINED_OBJECTS_MAX):
            some = [_Asked(one, names.get(one)) for one in taken[at : at + EXAMINED_OBJECTS_MAX]]
            looks += await self._look(calls, some)
        differ = tuple(one for one in looks if one.differs)
        return Compared(root.objects, root.digest, differ, len(found) - len(taken))

    async def _begin(self, calls: AuditCalls) -> wire.BeginComparisonResponse:
        for _ in range(EXAMINATIONS_MAX - 1):
            head = self._journal.head
            try:
                return await calls.begin(head.epoch, head.size)
            except Unavailable as error:
                pause = error.retry_after_seconds or EXAMINATION_PAUSE_SECONDS
                await self._clock.sleep(pause)
        head = self._journal.head
        return await calls.begin(head.epoch, head.size)

    async def _look(self, calls: AuditCalls, asked: Sequence[_Asked]) -> list[Look]:
        """Look until both sides speak of the same place; what goes on moving is left out."""
        rest, settled = list(asked), list[Look]()
        for _ in range(EXAMINATIONS_MAX):
            if not rest:
                break
            looks, rest = await self._look_once(calls, rest)
            settled += looks
            if rest:
                await self._clock.sleep(EXAMINATION_PAUSE_SECONDS)
        return settled

    async def _look_once(
        self, calls: AuditCalls, asked: Sequence[_Asked]
    ) -> tuple[list[Look], list[_Asked]]:
        """What is settled, and what moved."""
        own = await self._healing.look([one.key for one in asked if one.key is not None])
        request = [_question(one, own.fields_of(one.key)) for one in asked]
        try:
            answer = await calls.examine(own.epoch, own.size, request)
        except Unavailable:
            return [], list(asked)
        named = [
            replace(one, key=ObjectKey(told.area, told.name)) if told.area else one
            for one, told in zip(asked, answer.objects, strict=True)
        ]
        fresh = [one.key for one in named if one.key is not None]
        if answer.applied_size != own.size or len(own.keys) != len(fresh):
            own = await self._healing.look(fresh)
        looks, moved = [], []
        for one, told in zip(named, answer.objects, strict=True):
            if one.key is None:
                continue  # gone at the centre, never here
            if (
                own.truth_of(one.key) != told.journal_fields
                or object_id(*one.key) != one.identifier
            ):
                moved.append(one)
            else:
                looks.append(_look_at(one.key, own.truth_of(one.key), own.fields_of(one.key), told))
        return [await self._heal(one) for one in looks], moved

    async def _heal(self, look: Look) -> Look:
        if look.node_before == look.truth:
            return look
        return replace(look, node_after=await self._healing.put_back(look.key))


async def _narrow(calls: AuditCalls, comparison: bytes, tree: DigestTree) -> list[bytes]:
    """Identifiers of the objects that differ, found digit by digit."""
    divide, listed, found = [b""], list[bytes](), list[bytes]()
    while divide or listed:
        if divide:
            some, divide = divide[:DIGEST_PREFIXES_MAX], divide[DIGEST_PREFIXES_MAX:]
            answer = await calls.children(comparison, some)
            for prefix, told in zip(some, answer.children, strict=True):
                theirs = parts_of(told.digests, told.counts)
                step = narrowed(prefix, tree.children(prefix), theirs)
                divide += step.divide
                listed += step.listed
        else:
            some, listed = listed[:DIGEST_PREFIXES_MAX], listed[DIGEST_PREFIXES_MAX:]
            theirs_listed = records_of((await calls.listed(comparison, some)).records)
            ours = [record for prefix in some for record in tree.records(prefix)]
            found += differing(ours, theirs_listed)
        if len(found) > EXAMINED_PER_RUN_MAX:
            break
    return found


def _question(one: _Asked, fields: bytes) -> wire.ExaminedObject:
    if one.key is None:
        return wire.ExaminedObject(id=one.identifier)
    return wire.ExaminedObject(area=one.key.area, name=one.key.name, node_fields=fields)


def _look_at(key: ObjectKey, truth: bytes, here: bytes, told: wire.ExaminedObject) -> Look:
    return Look(
        key=key,
        truth=truth,
        node_before=here,
        node_after=here,
        centre_before=told.centre_fields,
        centre_after=told.healed_fields,
        problem=told.problem,
    )
