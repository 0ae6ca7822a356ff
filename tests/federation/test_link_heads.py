"""Heads are compared on every heartbeat, in both directions; a contradiction ends the session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lpse.federation.checkpoints import Head, sign_head
from lpse.federation.limits import PROTOCOL_MAX, PROTOCOL_MIN
from lpse.federation.merkle import leaf_hash
from lpse.federation.notes import SignatureInvalid, Signer
from lpse.federation.v1 import journal_pb2 as journal_wire
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from tests.central.ledger.test_ledger import Writer
from tests.federation.rig import Authority, Centre, Node, eventually, running
from tests.federation.test_link_false_centre import CREDIT, FalseCentre
from tests.federation.test_link_protocol import NODE, Speaker

OTHER = leaf_hash(b"another history")


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    centre = Centre(Authority(tmp_path / "identities"), tmp_path / "centre")
    async with running(centre):
        yield centre


@pytest.fixture
async def speaker(centre: Centre) -> AsyncIterator[Speaker]:
    """A node with three stored entries, the first of them acknowledged by itself."""
    speaker = Speaker(centre)
    await speaker.welcomed()
    await speaker.say(regional=speaker.first)
    await speaker.hear("entry_ack")
    await speaker.say(regional=speaker.writer.batch(2))
    while (await speaker.hear("entry_ack")).entry_ack.stored_head.size < 3:
        pass
    yield speaker
    await speaker.stream.close()


async def _beat(speaker: Speaker, head: journal_wire.Head) -> None:
    await speaker.say(heartbeat=wire.Heartbeat(number=1, own_head=head))


def _signed(speaker: Speaker, size: int, root: bytes) -> journal_wire.Head:
    return sign_head(speaker.writer.signer, speaker.writer.epoch, size, root).message()


async def _rules(centre: Centre) -> list[str]:
    return [one.rule.split("/")[0] for run in await centre.found() for one in run.entries]


# --- the node's head at the centre ---


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_another_root_in_a_heartbeat_ends_the_session_and_is_written_down(
    centre: Centre, speaker: Speaker, size: int
) -> None:
    """Invariant 5: the contradiction is found within one heartbeat, whatever index it is at."""
    shown = _signed(speaker, size, OTHER)
    await _beat(speaker, shown)
    assert await speaker.ends_with() == "FED-2241"
    assert centre.stored(NODE) == 3
    run = (await centre.found())[0]
    assert run.node_id == NODE
    assert run.entries[0].rule.startswith("R-HEARTBEAT-CONTRADICTED")
    assert OTHER.hex().encode() in run.entries[0].node_evidence


async def test_a_contradiction_that_the_node_never_signed_is_no_finding(
    centre: Centre, speaker: Speaker
) -> None:
    """A stolen certificate alone cannot make a node look forked."""
    thief = Signer.from_seed(NODE, bytes(32))
    await _beat(speaker, sign_head(thief, speaker.writer.epoch, 2, OTHER).message())
    assert await speaker.ends_with() == SignatureInvalid("").code
    assert await centre.found() == []


async def test_a_head_that_is_merely_behind_or_ahead_does_nothing(
    centre: Centre, speaker: Speaker
) -> None:
    """Frames overtake journals: an earlier or later head is no contradiction."""
    await _beat(speaker, speaker.first.head)
    await speaker.hear("heartbeat_reply")
    ahead = Writer(speaker.writer.signer)
    ahead.epoch, ahead.tree = speaker.writer.epoch, speaker.writer.tree
    await _beat(speaker, ahead.batch(5).head)
    await speaker.hear("heartbeat_reply")
    await _beat(speaker, journal_wire.Head())
    await speaker.hear("heartbeat_reply")
    assert await centre.found() == []


async def test_the_next_hello_after_a_contradiction_is_judged_as_a_fork(
    centre: Centre, speaker: Speaker
) -> None:
    """Invariant 5: what a session found is the relation of the next one, and both are kept."""
    await _beat(speaker, _signed(speaker, 3, OTHER))
    assert await speaker.ends_with() == "FED-2241"
    again = Speaker(centre)
    await again.say(hello=again.hello(own_head=_signed(speaker, 3, OTHER)))
    welcome = (await again.hear("welcome")).welcome
    assert welcome.quarantine.code in ("FED-2213", "FED-2214")
    await again.stream.close()
    assert "R-HEARTBEAT-CONTRADICTED" in await _rules(centre)


# --- the national head at the node ---


@pytest.fixture
async def false_centre(centre: Centre, tmp_path: Path) -> AsyncIterator[FalseCentre]:
    """A node that holds a sound national copy, and then talks to a machine with the same key."""
    node = Node(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await eventually(lambda: node.settled() and node.national.head == centre.national.head)
        await node.worker.pause("the test speaks by hand")
        await eventually(lambda: node.state.session is None)
        false = FalseCentre(node)
        hello = (await false.said("hello"))[0].hello
        assert not hello.own_head.signature, "the node speaks protocol 2 by now"
        false.say(heads_wanted=wire.HeadsWanted())
        held = node.national.head
        assert held is not None
        false.say(welcome=wire.Welcome(protocol=2, national_head=held.message(), credit=CREDIT))
        await false.said("heartbeat")
        yield false
        false.ended.cancel()
        await asyncio.gather(false.ended, return_exceptions=True)


def _reply(head: Head | None) -> wire.HeartbeatReply:
    return wire.HeartbeatReply(number=1, national_head=head.message() if head else None)


async def test_a_contradicting_national_head_ends_the_session_and_is_journalled(
    false_centre: FalseCentre,
) -> None:
    """Invariant 5: the node keeps its copy, ends the session and writes down both heads."""
    node = false_centre.node
    held = node.national.head
    assert held is not None
    shown = sign_head(false_centre.signer, held.epoch, held.size, OTHER)
    false_centre.say(heartbeat_reply=_reply(shown))
    assert await false_centre.code() == "FED-2244"
    assert node.national.head == held
    told = node.state.row.contradiction
    assert told is not None
    assert (told.relation, Head.of(told.shown)) == ("forked", shown)


async def test_a_national_head_that_the_pinned_key_never_signed_is_no_contradiction(
    false_centre: FalseCentre,
) -> None:
    """Nobody but the centre can make a node believe that the centre forked."""
    held = false_centre.node.national.head
    assert held is not None
    stranger = Signer.from_seed("lkpp", bytes(32))
    false_centre.say(heartbeat_reply=_reply(sign_head(stranger, held.epoch, held.size, OTHER)))
    assert await false_centre.code() == SignatureInvalid("").code
    assert false_centre.node.state.row.contradiction is None


async def test_a_national_head_that_is_merely_behind_or_ahead_does_nothing(
    false_centre: FalseCentre,
) -> None:
    """A head from before, and one whose entries have not come yet, are no contradiction."""
    held = false_centre.node.national.head
    assert held is not None
    later = sign_head(false_centre.signer, held.epoch, held.size + 9, OTHER)
    for head in (held, later, None):
        false_centre.say(heartbeat_reply=_reply(head))
    false_centre.say(probe=wire.Probe(number=8))
    assert (await false_centre.said("probe_answer"))[0].probe_answer.number == 8
    assert false_centre.node.state.row.contradiction is None


async def test_a_short_welcome_without_the_centres_word_is_told_nothing(
    centre: Centre, tmp_path: Path
) -> None:
    """A machine with a certificate of the CA and without the centre's key learns nothing."""
    node = Node(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await eventually(lambda: node.settled() and node.national.head is not None)
        await node.worker.pause("the test speaks by hand")
        await eventually(lambda: node.state.session is None)
        await node.journal.append(records.HoldEnded(reason="not for strangers"))
        false = FalseCentre(node)
        await false.said("hello")
        false.say(
            welcome=wire.Welcome(protocol=2, relation=wire.HEAD_RELATION_IN_SYNC, credit=CREDIT)
        )
        assert await false.code() == "FED-2245"
        assert [one.WhichOneof("frame") for one in false.heard] == ["hello"]


# --- no protocol in common ---


async def test_a_node_without_a_common_protocol_is_refused_and_written_down_once(
    centre: Centre,
) -> None:
    """Both sides tell it with FED-2208; however often the node asks, it is one finding."""
    for _ in range(3):
        speaker = Speaker(centre)
        hello = speaker.hello(protocol_min=PROTOCOL_MAX + 1, protocol_max=PROTOCOL_MAX + 3)
        await speaker.say(hello=hello)
        refusal = (await speaker.hear("refusal")).refusal
        assert (refusal.code, refusal.final) == ("FED-2208", True)
        assert f"{PROTOCOL_MIN} to {PROTOCOL_MAX}" in refusal.reason
        await speaker.stream.close()
    assert await _rules(centre) == ["R-PROTOCOL-UNKNOWN"]


@pytest.mark.parametrize("refused", [True, False])
async def test_a_node_remembers_the_attempt_that_had_no_common_protocol(
    centre: Centre, tmp_path: Path, refused: bool
) -> None:
    """Whether the centre refuses or chooses what nobody speaks: code and words, uploads go on."""
    node = Node(centre.authority, tmp_path / "node", NODE, 1)
    async with running(node):
        await node.worker.pause("the test speaks by hand")
        false = FalseCentre(node)
        if refused:
            refusal = wire.Refusal(code="FED-2208", reason="no common protocol", final=True)
            false.say(refusal=refusal)
        else:
            head = sign_head(false.signer, bytes(16), 1, OTHER)
            false.say(welcome=wire.Welcome(protocol=9, national_head=head.message()))
        assert await false.code() == "FED-2208"
        await node.journal.append(records.HoldEnded(reason="uploads go on"))
