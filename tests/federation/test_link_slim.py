"""The slim hello: few bytes and one round trip where both are equal, and no safety lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from central.link.store import QuarantineRow
from lpse.federation.checkpoints import Cosignature, Head, verify_cosignature
from lpse.federation.merkle import leaf_hash
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import journal_pb2 as journal_wire
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from tests.federation.recording import RecordingNode
from tests.federation.rig import Authority, Centre, eventually, running
from tests.federation.test_link_protocol import NODE, Speaker

R = wire.HeadRelation


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    centre = Centre(Authority(tmp_path / "identities"), tmp_path / "centre")
    async with running(centre):
        yield centre


def _settled(node: RecordingNode, centre: Centre) -> Callable[[], Awaitable[bool]]:
    """Whether the run of this session is recorded, and that record is stored at the centre."""

    async def settled() -> bool:
        page = await node.runs.store.page(before=1 << 40, limit=1)
        held = node.national.head
        welcomed = sum("welcome" in [_kind(*one) for one in frames] for frames in node.sessions)
        if not page or page[0].number < welcomed or not page[0].finished:
            return False
        if node.state.stored_size <= (page[0].index or 0):
            return False
        return node.settled() and held is not None and held.size == centre.national.head.size

    return settled


async def _one_session(node: RecordingNode, centre: Centre) -> list[tuple[str, bytes]]:
    """A session from hello until nothing is outstanding; its frames."""
    async with running(node):
        await eventually(_settled(node, centre))
        node.last_run = (await node.runs.store.page(before=1 << 40, limit=1))[0].record
    return node.sessions[-1]


def _kind(direction: str, data: bytes) -> str | None:
    message = wire.NodeFrame if direction == "up" else wire.CentralFrame
    return message.FromString(data).WhichOneof("frame")


async def test_equal_sides_need_400_bytes_and_one_round_trip(
    centre: Centre, tmp_path: Path
) -> None:
    """Hello and Welcome of two equal sides are at most 400 bytes together, and nothing else."""
    node = RecordingNode(centre.authority, tmp_path / "node", NODE, centre.port)
    async with running(node):
        await node.journal.append(*(records.HoldEnded(reason=str(one)) for one in range(300)))
        await eventually(_settled(node, centre))
    for _ in range(3):
        frames = await _one_session(node, centre)
        (up, hello), (down, welcome) = frames[:2]
        assert (_kind(up, hello), _kind(down, welcome)) == ("hello", "welcome")
        assert wire.CentralFrame.FromString(welcome).welcome.relation == R.HEAD_RELATION_IN_SYNC
        assert len(hello) + len(welcome) <= 400
        run = node.last_run
        assert run.heads_equal and run.protocol == 2
        assert [one.rule.split("/")[0] for one in run.entries] == [
            "R-REGIONAL-EQUAL",
            "R-NATIONAL-EQUAL",
        ]


async def test_a_node_that_missed_national_entries_is_told_with_one_signed_head(
    centre: Centre, tmp_path: Path
) -> None:
    """A head that the national journal contains is no contradiction: no second round trip."""
    node = RecordingNode(centre.authority, tmp_path / "node", NODE, centre.port)
    await _one_session(node, centre)
    await centre.national.publish(directives.PolicyPublished(guard_window_seconds=7))
    frames = await _one_session(node, centre)
    assert [_kind(*one) for one in frames[:2]] == ["hello", "welcome"]
    welcome = wire.CentralFrame.FromString(frames[1][1]).welcome
    assert Head.of(welcome.national_head) == centre.national.head


async def test_a_node_with_more_is_asked_for_signed_heads(centre: Centre, tmp_path: Path) -> None:
    """What is not equal is judged by signed heads, on the same stream."""
    node = RecordingNode(centre.authority, tmp_path / "node", NODE, centre.port)
    await _one_session(node, centre)
    node.port, port = 1, centre.port  # nobody listens there
    async with running(node):
        await node.journal.append(records.HoldEnded(reason="written alone"))
    node.port = port
    frames = await _one_session(node, centre)
    assert [_kind(*one) for one in frames[:4]] == ["hello", "heads_wanted", "hello", "welcome"]
    full = wire.NodeFrame.FromString(frames[2][1]).hello
    Head.of(full.own_head).verify(centre.authority.nodes[NODE].verifier)
    assert centre.stored(NODE) == node.journal.head.size


# --- spoken by hand ---


class SlimSpeaker(Speaker):
    """A node that has handed one entry over and holds the token that it was given."""

    token: wire.SessionToken

    async def first_session(self, centre: Centre) -> None:
        welcome = await self.welcomed()
        self.token = welcome.token
        await self.say(token_confirmed=wire.TokenConfirmed(number=self.token.number))
        await self.say(regional=self.first)
        await self.hear("entry_ack")
        await self.say(goodbye=wire.Goodbye())
        assert await self.ends_with() == ""
        await self.stream.close()

    def again(self, centre: Centre) -> SlimSpeaker:
        """The same node with a new stream."""
        other = SlimSpeaker(centre)
        other.writer, other.token = self.writer, self.token
        return other

    def slim(self, **changes: object) -> wire.Hello:
        """An equal slim hello, with some fields changed."""
        head = self.writer.head().message()
        head.ClearField("party")
        head.ClearField("signature")
        hello = self.hello(own_head=head, token=self.token)
        hello.ClearField("node_id")
        for name, value in changes.items():
            getattr(hello, name).CopyFrom(value)
        return hello


@pytest.fixture
async def speaker(centre: Centre) -> AsyncIterator[SlimSpeaker]:
    first = SlimSpeaker(centre)
    await first.first_session(centre)
    speaker = first.again(centre)
    yield speaker
    await speaker.stream.close()


async def test_the_short_answer_is_signed_by_the_centre(
    centre: Centre, speaker: SlimSpeaker
) -> None:
    """The cosignature stands for the head that was shown, so an impostor cannot give it."""
    await speaker.say(hello=speaker.slim())
    welcome = (await speaker.hear("welcome")).welcome
    assert not welcome.HasField("stored_head") and not welcome.cosignature.witness
    welcome.cosignature.witness = "lkpp"
    word = Cosignature.of(welcome.cosignature)
    verify_cosignature(speaker.writer.head(), word, centre.authority.centre.verifier)


@pytest.mark.parametrize("what", ["other root", "less", "more", "other epoch", "token", "national"])
async def test_an_unsigned_head_counts_for_nothing_but_equality(
    centre: Centre, speaker: SlimSpeaker, what: str
) -> None:
    """Invariant 5: no quarantine, no gate and no session comes of a head that nobody signed."""
    head = wire.Hello(own_head=speaker.slim().own_head).own_head
    hello = speaker.slim()
    match what:
        case "other root":
            head.root = leaf_hash(b"other")
        case "less":
            head.size, head.root = 0, leaf_hash(b"")
        case "more":
            head.size = 99
        case "other epoch":
            head.epoch = bytes(16)
        case "token":
            hello.token.value = bytes(32)
        case _:
            root = leaf_hash(b"never published")
            epoch = centre.journal.epoch
            hello.national_head.CopyFrom(journal_wire.Head(size=99, root=root, epoch=epoch))
    hello.own_head.CopyFrom(head)
    await speaker.say(hello=hello)
    await speaker.hear("heads_wanted")
    assert await centre.parts.store.quarantine(NODE) is None
    assert not centre.national.evidence.contradicting
    assert centre.sessions.presence(NODE) is None
    await speaker.say(hello=hello)  # slim again
    assert (await speaker.hear("refusal")).refusal.code == "FED-2242"


async def test_an_older_national_head_that_was_never_published_is_asked_for_signed(
    centre: Centre, speaker: SlimSpeaker
) -> None:
    """A smaller national head of the right epoch is BEHIND only where the journal contains it."""
    await centre.national.publish(directives.PolicyPublished(guard_window_seconds=7))
    own = centre.national.head
    false = journal_wire.Head(epoch=own.epoch, size=own.size - 1, root=leaf_hash(b"never"))
    await speaker.say(hello=speaker.slim(national_head=false))
    await speaker.hear("heads_wanted")


async def test_an_amnesty_is_used_up_by_signed_heads_alone(
    centre: Centre, speaker: SlimSpeaker
) -> None:
    """A centre whose tokens were restored asks for signed heads, whatever token is shown."""
    state = await centre.parts.store.tokens(NODE)
    await centre.parts.store.keep_tokens(NODE, replace(state, amnesty=True))
    await speaker.say(hello=speaker.slim())
    await speaker.hear("heads_wanted")


async def test_a_quarantined_node_is_not_released_by_a_slim_hello(
    centre: Centre, speaker: SlimSpeaker
) -> None:
    """Invariant 5: only signed heads end a quarantine."""
    row = QuarantineRow(NODE, R.HEAD_RELATION_FORKED, "FED-2213", "two", "2015-03-27")
    await centre.parts.store.quarantine_begins(row, None)
    await speaker.say(hello=speaker.slim())
    await speaker.hear("heads_wanted")
    assert await centre.parts.store.quarantine(NODE) == row
    await speaker.say(hello=speaker.hello(token=speaker.token))
    assert (await speaker.hear("welcome")).welcome.relation == R.HEAD_RELATION_IN_SYNC
    assert await centre.parts.store.quarantine(NODE) is None


async def test_a_slim_hello_of_protocol_1_is_refused(centre: Centre, speaker: SlimSpeaker) -> None:
    """The slim form belongs to protocol 2."""
    hello = speaker.slim()
    hello.protocol_max = 1
    await speaker.say(hello=hello)
    assert (await speaker.hear("refusal")).refusal.code == "FED-2206"
