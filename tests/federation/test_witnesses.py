"""Two national histories are found when heads of two nodes meet."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.message import Message

from central.link.store import Witness
from central.witness.sampling import Sampling
from lpse.federation import reconciliation_rules as table
from lpse.federation.checkpoints import Head, cosign, sign_head
from lpse.federation.errors import FederationError
from lpse.federation.notes import Signer
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import link_pb2 as link
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.witness.checking import Checking
from tests.federation.rig import CLOCK, ENTROPY, LOG, Authority, Centre, Node, eventually, running

NODE, OTHER = "lpse-pacitan", "lpse-kalsel"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "identities")


def _checking(node: Node) -> Checking:
    runs = DecidedRuns(
        node.database,
        node.journal,
        CLOCK,
        (lambda: node.state.stored_head, lambda: node.national.head),
        software_version="test",
    )
    return Checking(node.database, node.national, runs, CLOCK, LOG)


def shown(head: Head, witness: Signer) -> link.WitnessedHead:
    """As the centre shows a head that a node cosigned."""
    word = cosign(head, witness, 1_427_414_400)
    return link.WitnessedHead(head=head.message(), cosignature=word.message())


async def _rules(node: Node) -> list[str]:
    runs = await node.runs.store.page(before=1 << 40, limit=10)
    return [one.rule for run in runs for one in run.record.entries]


async def test_a_head_that_another_node_saw_contradicts_the_copy(
    authority: Authority, tmp_path: Path
) -> None:
    """Invariant 5: kept once as evidence, journalled once, and the copy stays as it is."""
    centre = Centre(authority, tmp_path / "centre")
    authority.node(OTHER)
    async with running(centre):
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(node):
            await eventually(lambda: node.settled() and node.national.head is not None)
            held = node.national.head
            assert held is not None
            checking = _checking(node)
            other = sign_head(authority.centre, held.epoch, held.size, bytes(31) + b"x")
            heads = [shown(other, authority.nodes[OTHER]), shown(held, authority.nodes[OTHER])]
            await checking.took_witnessed(heads)
            await checking.took_witnessed(heads)
            [finding] = await checking.store.findings()
            assert (finding.head, finding.held, finding.witness) == (other, held, OTHER)
            rules = await _rules(node)
            assert rules.count("R-WITNESS-CONTRADICTED/1") == 1
            assert table.rule("R-WITNESS-CONTRADICTED/1").needs_person
            assert node.national.head == held


async def test_a_head_beyond_the_copy_is_compared_when_the_copy_gets_there(
    authority: Authority, tmp_path: Path
) -> None:
    """What cannot be compared yet accuses nobody, and is not forgotten."""
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(node):
            await eventually(lambda: centre.national.gate.value == "open" and node.settled())
            held = node.national.head
            assert held is not None
            checking = _checking(node)
            ahead = sign_head(authority.centre, held.epoch, held.size + 1, bytes(31) + b"x")
            await checking.took_witnessed([shown(ahead, authority.nodes[NODE])])
            assert not await checking.store.findings()
            await centre.national.publish(_beacon())
            await eventually(lambda: _size(node) == held.size + 1)
            await checking.took_witnessed([])
            assert [one.head for one in await checking.store.findings()] == [ahead]


async def test_an_unsigned_head_says_nothing(authority: Authority, tmp_path: Path) -> None:
    """Only the centre's own signature makes a contradiction."""
    centre = Centre(authority, tmp_path / "centre")
    stranger = Signer.from_seed("lkpp", bytes(32))
    async with running(centre):
        node = Node(authority, tmp_path / "node", NODE, centre.port)
        async with running(node):
            await eventually(lambda: node.settled() and node.national.head is not None)
            held = node.national.head
            assert held is not None
            checking = _checking(node)
            forged = sign_head(stranger, held.epoch, held.size, bytes(31) + b"x")
            with pytest.raises(FederationError):
                await checking.took_witnessed([shown(forged, stranger)])
            assert not await checking.store.findings()


def test_nobody_is_shown_its_own_word(authority: Authority) -> None:
    """A sample holds words of others only, at most three, each once."""
    sampling = Sampling(ENTROPY)
    head = sign_head(authority.centre, bytes(16), 1, bytes(32))
    names = [f"lpse-{one}" for one in "abcdef"]
    signers = [Signer.from_seed(name, bytes(31) + name[-1].encode()) for name in names]
    sampling.took([Witness(one.name, head, cosign(head, one, 1)) for one in signers])
    for _ in range(50):
        told = [one.cosignature.witness for one in sampling.sample(names[0])]
        assert names[0] not in told
        assert len(told) == len(set(told)) <= 3
    assert not Sampling(ENTROPY).sample(names[0])


def _size(node: Node) -> int:
    return node.national.head.size if node.national.head else 0


def _beacon() -> Message:
    return directives.Beacon(nonce=bytes(32))
