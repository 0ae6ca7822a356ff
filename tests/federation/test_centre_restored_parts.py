"""Parts of the national journal as nodes may give them back, and what a centre makes of each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from central.witness.rules import Part
from lpse.federation.checkpoints import Head, sign_head
from lpse.federation.errors import FederationError
from lpse.federation.merkle import leaf_hash
from lpse.federation.merkle_paths import PathTree
from lpse.federation.notes import Signer
from lpse.federation.v1 import witness_pb2 as wire
from regional_node.witness.store import WitnessStore
from tests.federation.restored import LosingCentre, WitnessNode
from tests.federation.rig import Authority, running
from tests.federation.test_centre_restored import _lost, _wire_part

NODE = "lpse-pacitan"
STRANGER = Signer.from_seed("lkpp", b"s" * 32)


class Readmitting(LosingCentre):
    """Counts how often access is read anew."""

    readmitted = 0

    async def _readmit(self) -> None:
        self.readmitted += 1


async def _given(tmp_path: Path) -> tuple[Readmitting, Head, list[Part]]:
    """A restored centre, and the parts that an honest node would send it."""
    authority = Authority(tmp_path / "identities")
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = Readmitting(authority, (await _lost(authority, tmp_path, [node], 300)).folder)
    async with running(centre):
        node.port, size = 1, centre.journal.head.size
        async with running(node):
            head = node.national.head
            assert head is not None
            return (
                centre,
                head,
                [one async for one in node.giving._parts(_wire_part, size, head)],
            )


async def _refused(centre: LosingCentre, *parts: Part) -> str:
    """The code with which parts are turned down; nothing has changed."""
    before = centre.journal.head

    async def sent() -> AsyncIterator[Part]:
        for one in parts:
            yield one

    with pytest.raises(FederationError) as caught:
        await centre.returning.take(NODE, sent())
    assert centre.journal.head == before
    return caught.value.code


async def test_only_what_the_centre_signed_itself_comes_back(tmp_path: Path) -> None:
    """Invariant 2: a node cannot write into the national journal, whatever it proves."""
    centre, head, parts = await _given(tmp_path)
    async with running(centre):
        size, forged = centre.journal.head.size, b"\x0a\x06forged"
        leaves = [row.leaf_hash for row in await centre.journal.entries(0, size)]
        tree = PathTree([*leaves, leaf_hash(forged)])
        lie = sign_head(STRANGER, head.epoch, size + 1, tree.root())
        assert await _refused(centre, Part(size, (forged,), lie, ())) == "FED-2103"
        unsigned = replace(parts[0], head=replace(head, signature=bytes(64)))
        assert await _refused(centre, unsigned) == "FED-2103"


async def test_a_part_stands_where_it_says(tmp_path: Path) -> None:
    """An entry is never projected under an index that it does not have."""
    centre, _, parts = await _given(tmp_path)
    async with running(centre):
        moved = replace(parts[0], first_index=parts[0].first_index - 1)
        assert await _refused(centre, moved) == "FED-2450"
        assert await _refused(centre, parts[1]) == "FED-2450"


async def test_the_gate_is_shut_and_access_read_anew_while_entries_come_back(
    tmp_path: Path,
) -> None:
    """Invariant 5: nothing is published between two parts; who was enrolled since is let in."""
    centre, head, parts = await _given(tmp_path)
    async with running(centre):

        async def sent() -> AsyncIterator[Part]:
            for number, one in enumerate(parts):
                assert (NODE in centre.national.evidence.contradicting) == (number > 0)
                assert not centre.readmitted
                yield one

        assert len(parts) > 1
        assert await centre.returning.take(NODE, sent()) == sum(len(one.entries) for one in parts)
        assert centre.journal.head.root == head.root
        assert centre.readmitted == 1
        assert not centre.national.evidence.contradicting


async def test_a_centre_that_shows_an_unsigned_head_gets_and_teaches_nothing(
    tmp_path: Path,
) -> None:
    """Only the centre's own signature makes a second history; no run accuses it without one."""
    authority = Authority(tmp_path / "identities")
    node = WitnessNode(authority, tmp_path / "node", NODE, 0)
    centre = await _lost(authority, tmp_path, [node], 3)
    async with running(centre):
        node.port = 1
        async with running(node):
            head = node.national.head
            assert head is not None
            lie = sign_head(STRANGER, head.epoch, head.size, bytes(32))

            class Lying:
                async def OfferNational(self, request: Any, timeout: float) -> Any:
                    standing = wire.NATIONAL_STANDING_FORKED
                    return wire.OfferNationalResponse(standing=standing, own_head=lie.message())

            with pytest.raises(FederationError) as caught:
                await node.giving._answer(cast(Any, Lying()), head)
            assert caught.value.code == "FED-2103"
            assert not await WitnessStore(node.database).findings()
