"""Older and newer programs on one link: a skewed pair never blocks, and nothing is lost.

The words of protocol 1 are those of its own programs, from the golden corpus; a peer of protocol 3
is played by hand, with frames, fields and kinds that nobody knows yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.protobuf.message import Message

from central.link.rules import choose_protocol
from lpse.federation import desired_state, kinds
from lpse.federation.checkpoints import Head
from lpse.federation.entries import DecodedEntry, encode_entry
from lpse.federation.limits import PROTOCOL_MAX
from lpse.federation.merkle import CompactRange, leaf_hash
from lpse.federation.v1 import directives_pb2 as directives
from lpse.federation.v1 import journal_pb2 as journal_wire
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from tests.central.ledger.test_ledger import Writer
from tests.contract.corpora.reading import Corpus, Taped
from tests.federation.rig import CLOCK, ENTROPY, Authority, Centre, Node, eventually, running
from tests.federation.test_link_false_centre import CREDIT, FalseCentre
from tests.federation.test_link_protocol import NODE, Speaker

R = wire.HeadRelation
# Field 200 as a string and field 90 as a message with a field: nobody knows them.
UNKNOWN_FIELDS = b"\xc2\x0c\x05hello\xd2\x05\x02\x08\x07"


@pytest.fixture
def corpus() -> Corpus:
    return Corpus("protocol1.json")


@pytest.fixture
async def centre(tmp_path: Path, corpus: Corpus) -> AsyncIterator[Centre]:
    """Today's centre, at which the corpus's node is enrolled."""
    authority = Authority(tmp_path / "identities")
    authority.centre = corpus.centre
    authority.node(NODE)
    authority.nodes[NODE] = corpus.node
    centre = Centre(authority, tmp_path / "centre")
    async with running(centre):
        yield centre


def _of(session: list[Taped], sender: str, kind: str) -> list[Taped]:
    return [one for one in session if (one.sender, one.kind) == (sender, kind)]


# --- an older node, today's centre ---


async def _replay(centre: Centre, session: list[Taped]) -> Speaker:
    """Say what the node of the corpus said, byte for byte, but for what answers a real centre."""
    speaker = Speaker(centre)
    await speaker.say(_of(session, "node", "hello")[0].data)
    return speaker


async def test_a_node_of_protocol_1_hands_everything_over(centre: Centre, corpus: Corpus) -> None:
    """Invariants 1 and 2: its own frames, unchanged, are welcomed, stored and acknowledged."""
    session = corpus.work[0]
    speaker = await _replay(centre, session)
    welcome = (await speaker.hear("welcome")).welcome
    assert (welcome.protocol, welcome.relation) == (1, R.HEAD_RELATION_NODE_AHEAD)
    assert welcome.HasField("national_head") and not welcome.HasField("cosignature")
    await speaker.say(token_confirmed=wire.TokenConfirmed(number=welcome.token.number))
    sent = _of(session, "node", "regional")
    for one in (*_of(session, "node", "heartbeat"), *sent):
        await speaker.say(one.data)
    last = wire.NodeFrame.FromString(sent[-1].data).regional.head
    while (await speaker.hear("entry_ack")).entry_ack.stored_head != last:
        pass
    await speaker.say(_of(session, "node", "goodbye")[0].data)
    assert await speaker.ends_with() == ""
    stored = await centre.ledger.received.entries(NODE, last.epoch, 0, 1_000)
    assert [one.data for one in stored] == [one[0] for one in corpus.regional.entries[: last.size]]
    await speaker.stream.close()


async def test_a_rewound_node_of_protocol_1_is_told_in_its_own_words(
    centre: Centre, corpus: Corpus
) -> None:
    """Invariant 5: the old relation, code and quarantine; no frame that it cannot read."""
    sent = [one for session in corpus.work for one in _of(session, "node", "regional")]
    batches = [wire.NodeFrame.FromString(one.data).regional for one in sent]
    await centre.ledger.accept(NODE, corpus.regional.head.epoch, batches)
    assert centre.stored(NODE) == corpus.regional.head.size
    old = await _replay(centre, corpus.rewound)
    welcome = (await old.hear("welcome")).welcome
    taped = wire.CentralFrame.FromString(_of(corpus.rewound, "centre", "welcome")[0].data).welcome
    assert welcome.protocol == 1
    assert welcome.relation == taped.relation == R.HEAD_RELATION_NODE_REWOUND
    assert welcome.quarantine.code == taped.quarantine.code
    await old.stream.close()


async def test_a_left_epoch_is_told_to_protocol_1_as_rewound(centre: Centre) -> None:
    """A relation of protocol 2 is never said to a node that has no word for it."""
    first = Speaker(centre)
    await first.welcomed()
    await first.say(regional=first.first)
    await first.hear("entry_ack")
    await first.say(goodbye=wire.Goodbye())
    await first.ends_with()
    newer = Speaker(centre)
    newer.writer.epoch, newer.writer.tree = bytes([7]) * 16, CompactRange()
    opened = records.EpochOpened(continues_from=first.first.head)
    batch = newer.writer.batch(1, raw=_entry(opened))
    await newer.say(hello=newer.hello())
    assert (await newer.hear("welcome")).welcome.relation == R.HEAD_RELATION_NEW_EPOCH
    await newer.say(regional=batch)
    await newer.hear("entry_ack")
    for protocol, relation in ((1, R.HEAD_RELATION_NODE_REWOUND), (2, R.HEAD_RELATION_OLD_EPOCH)):
        back = Speaker(centre)
        await back.say(hello=back.hello(own_head=first.first.head, protocol_max=protocol))
        welcome = (await back.hear("welcome")).welcome
        assert (welcome.relation, welcome.quarantine.code) == (relation, "FED-2243")
        await back.stream.close()
    for one in (first, newer):
        await one.stream.close()


# --- today's node, an older centre ---


@pytest.fixture
async def older_centre(tmp_path: Path, corpus: Corpus) -> AsyncIterator[FalseCentre]:
    """Today's node, whose pinned centre says what the centre of the corpus said."""
    authority = Authority(tmp_path / "identities")
    authority.centre = corpus.centre
    node = Node(authority, tmp_path / "node", NODE, 1)
    async with running(node):
        await node.worker.pause("the test speaks by hand")
        centre = FalseCentre(node)
        yield centre
        centre.ended.cancel()
        await asyncio.gather(centre.ended, return_exceptions=True)


async def test_todays_node_follows_a_centre_of_protocol_1(
    older_centre: FalseCentre, corpus: Corpus
) -> None:
    """Its national entries are stored, folded and acknowledged; entries go up within its credit."""
    node, session = older_centre.node, corpus.work[0]
    hello = (await older_centre.said("hello"))[0].hello
    assert hello.node_id and hello.own_head.signature, "nothing slim to a centre that is not known"
    older_centre.say_raw(_of(session, "centre", "welcome")[0].data)
    for one in _of(session, "centre", "national"):
        older_centre.say_raw(one.data)
    ack = (await older_centre.said("national_ack"))[0].national_ack
    assert Head.of(ack.stored_head) == node.national.head == corpus.national.head
    assert await older_centre.said("regional")
    for one in _of(session, "centre", "heartbeat_reply"):
        older_centre.say_raw(one.data)
    await asyncio.sleep(0.05)
    assert node.state.row.protocol == 1
    assert node.state.row.contradiction is None
    older_centre.say_raw(_of(corpus.work[1], "centre", "drain")[0].data)
    assert await older_centre.code() == ""
    assert older_centre.session.drain_seconds is not None


async def test_a_centre_that_went_back_to_protocol_1_gets_the_full_hello_next_time(
    older_centre: FalseCentre, corpus: Corpus
) -> None:
    """An older centre refuses the slim form for good; the node must not take that for its fate."""
    node = older_centre.node
    older_centre.say(welcome=_welcome(corpus, protocol=2))
    await older_centre.said("token_confirmed")
    await older_centre.session_over()
    assert node.state.row.protocol == 2
    again = FalseCentre(node)
    assert not (await again.said("hello"))[0].hello.node_id
    _, refused = corpus.refused["slim"]
    again.say_raw(refused)
    assert await again.code() == "FED-2206"
    assert node.state.row.protocol == 1
    third = FalseCentre(node)
    assert (await third.said("hello"))[0].hello.own_head.signature
    third.say_raw(_of(corpus.work[0], "centre", "welcome")[0].data)
    await third.said("heartbeat")
    await third.session_over()


def _welcome(corpus: Corpus, protocol: int) -> wire.Welcome:
    return wire.Welcome(
        protocol=protocol,
        national_head=corpus.national.head.message(),
        credit=CREDIT,
        token=wire.SessionToken(number=1, value=bytes(32)),
    )


# --- a peer of the future ---


async def test_a_node_of_protocol_3_is_served_in_todays_words(centre: Centre) -> None:
    """Unknown fields, frames and kinds block nothing; what was unknown is applied afterwards."""
    speaker = Speaker(centre)
    hello = wire.NodeFrame(hello=speaker.hello(protocol_max=3))
    hello.hello.MergeFromString(UNKNOWN_FIELDS)
    hello.hello.capabilities.append("telepathy")
    await speaker.say(hello.SerializeToString())
    assert (await speaker.hear("welcome")).welcome.protocol == PROTOCOL_MAX
    await speaker.say(UNKNOWN_FIELDS)
    unknown = _entry(records.HoldEnded(reason="sunny"), kind="weather.reported")
    await speaker.say(regional=speaker.first)
    await speaker.say(regional=speaker.writer.batch(1, raw=unknown))
    await speaker.say(regional=speaker.writer.batch(1))
    head = speaker.writer.head().message()
    while (ack := (await speaker.hear("entry_ack")).entry_ack).applied_size < head.size:
        pass
    assert ack.stored_head == head
    assert list(ack.parked_indexes) == [1]
    await speaker.stream.close()
    with pytest.MonkeyPatch.context() as patch:  # the upgrade
        patch.setitem(kinds.REGIONAL, "weather.reported", records.HoldEnded)
        await centre.stop()
        await centre.start()
        await eventually(lambda: _seen(centre, "sunny"))


async def _seen(centre: Centre, reason: str) -> bool:
    return reason in [one.reason for one in await centre.recorder.seen(records.HoldEnded)]


async def test_a_centre_of_protocol_3_is_followed_in_todays_words(
    tmp_path: Path,
) -> None:
    """Unknown frames and kinds block nothing; what was unknown is folded after the upgrade."""
    authority = Authority(tmp_path / "identities")
    node = Node(authority, tmp_path / "node", NODE, 1)
    future = _entry(directives.PolicyPublished(guard_window_seconds=77), kind="policy.decreed")
    known = _entry(directives.CalendarPublished(year=2031))
    async with running(node):
        await node.worker.pause("the test speaks by hand")
        centre = FalseCentre(node)
        batch = _batch(authority, [future, known])
        welcome = wire.Welcome(
            protocol=2, national_head=batch.head, relation=R.HEAD_RELATION_NODE_AHEAD
        )
        welcome.MergeFromString(UNKNOWN_FIELDS)
        centre.say(welcome=welcome)
        centre.say_raw(UNKNOWN_FIELDS)
        centre.say(national=batch)
        ack = (await centre.said("national_ack"))[0].national_ack
        assert ack.stored_head == batch.head
        assert "2031" in node.national.state.calendars
        assert [one.kind for one in node.national.state.skipped] == ["policy.decreed"]
        await centre.session_over()
    with pytest.MonkeyPatch.context() as patch:  # the upgrade
        patch.setitem(kinds.NATIONAL, "policy.decreed", directives.PolicyPublished)
        patch.setitem(desired_state._FOLDS, "policy.decreed", desired_state._policy)
        async with running(node):
            assert node.national.state.policy.guard_window_seconds == 77
            assert not node.national.state.skipped


@pytest.mark.parametrize(
    ("node", "centre", "chosen"),
    [
        ((1, 1), (1, 2), 1),
        ((1, 2), (1, 1), 1),
        ((1, 3), (1, 2), 2),
        ((2, 3), (1, 2), 2),
        ((3, 4), (1, 2), None),
        ((1, 1), (2, 3), None),
        ((0, 0), (1, 2), None),
    ],
)
def test_the_highest_common_version_is_chosen(
    node: tuple[int, int], centre: tuple[int, int], chosen: int | None
) -> None:
    """Both sides decide alike, and say so where there is none."""
    assert choose_protocol(*node, *centre) == chosen


def _entry(record: Message, kind: str = "") -> bytes:
    """An entry with that record; another kind makes it one of the future."""
    name = kind or kinds.kind_of(record)
    payload = record.SerializeToString()
    return encode_entry(DecodedEntry(name, ENTROPY.identifier(), CLOCK.now(), payload))


def _batch(authority: Authority, entries: list[bytes]) -> journal_wire.EntryBatch:
    """A national journal of these entries."""
    writer = Writer(authority.centre)
    for one in entries:
        writer.tree.append(leaf_hash(one))
    return journal_wire.EntryBatch(entries=entries, head=writer.head().message())
