"""Judging a Hello: from the frame and the centre's copies to a Welcome, or a refusal.

Owns the order of the checks: identity, protocol, environment, signatures of the shown heads, then
the comparison (`rules.judge`). Rules: a head counts only with its writer's signature; the token
and a quarantine are durable before the Welcome tells of them (Invariants 1 and 5). Leaves out the
session that follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from central.link import rules
from central.link.findings import tell, tell_national, tell_protocol, tell_recovery
from central.link.ports import Parts
from central.link.slim import Equal, equal, is_slim, may_be_slim, shorten
from central.link.store import QuarantineRow
from lpse.federation.checkpoints import Head
from lpse.federation.entries import timestamp
from lpse.federation.errors import Denied, FederationError, Refused
from lpse.federation.limits import (
    LINK_CREDIT_BYTES,
    LINK_CREDIT_ENTRIES,
    LINK_TEXT_CHARACTERS_MAX,
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    SESSION_TOKEN_BYTES,
    WITNESSED_HEADS_MAX,
)
from lpse.federation.notes import Verifier
from lpse.federation.v1 import link_pb2 as link


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that may begin: what was found, and the Welcome that says so."""

    node_id: str
    verifier: Verifier
    hello: link.Hello
    own_head: Head
    relation: link.HeadRelation.ValueType
    quarantined: bool
    national_allowed: bool
    national_size: int
    welcome: link.Welcome


class Asking(Protocol):
    """What the judgement may have to ask while the node waits for its answer."""

    async def full(self) -> link.Hello:
        """The node's hello in the full form."""

    async def rival(self, node_id: str, boot_id: bytes) -> bool:
        """Whether another holder of this identity is alive; Unavailable while that is not known."""

    def shadowed(self, node_id: str) -> bool:
        """Whether a quarantined holder is connected beside the sound one."""

    @property
    def address(self) -> str:
        """From where the stream came, without a port."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A hello after its checks, and what both journals say."""

    hello: link.Hello
    protocol: int
    own: Head
    shown: Head | None
    heads: rules.Heads
    national: rules.National
    equal: Equal | None  # set where a slim hello was enough


async def open_session(parts: Parts, node_id: str, hello: link.Hello, asking: Asking) -> Opened:
    """Judge the hello; raises a FederationError where no session can be opened."""
    protocol = await _terms(parts, node_id, hello)
    verifier = await parts.keys.verifier(node_id)
    rival = await asking.rival(node_id, hello.boot_id)
    state = await parts.store.tokens(node_id)
    found = None
    if is_slim(hello, protocol):
        found = None if rival else await _compare_slim(parts, node_id, hello, state)
        if found is None:
            hello = await asking.full()
            protocol = await _terms(parts, node_id, hello)
            if is_slim(hello, protocol):
                raise Refused("FED-2242", "the full hello was asked for, a slim one came again")
    found = found or await _compare(parts, hello, protocol, verifier)
    token = _token(found.hello)
    judgement = rules.judge(
        found.heads, rules.check_token(state, token), found.national, rival=rival
    )
    contained = found.national in _MAY_FOLLOW
    await parts.national.witnessed(node_id, contained=contained, head=found.shown)
    await _settle_quarantine(parts, found.own, judgement, shadowed=asking.shadowed(node_id))
    await tell(parts, found.own, judgement)
    if found.heads is rules.Heads.NEW_EPOCH:
        await tell_recovery(parts, found.own, found.hello, asking.address)
    if not contained and found.shown is not None:
        await tell_national(parts, node_id, found.national, found.shown)
    welcome = await _welcome(parts, found, judgement)
    if not judgement.quarantined:
        welcome.token.CopyFrom(await _issue(parts, node_id, state, token))
    return Opened(
        node_id=node_id,
        verifier=verifier,
        hello=found.hello,
        own_head=found.own,
        relation=judgement.relation,
        quarantined=judgement.quarantined,
        national_allowed=not judgement.quarantined and contained,
        national_size=found.shown.size if found.shown is not None else 0,
        welcome=welcome,
    )


_NO_PROTOCOL = "FED-2208"
_MAY_FOLLOW = (rules.National.NONE, rules.National.EQUAL, rules.National.BEHIND)


async def _compare_slim(
    parts: Parts, node_id: str, hello: link.Hello, state: rules.TokenState
) -> _Found | None:
    """Equal in everything; None where the full hello is wanted."""
    if not may_be_slim(state, _token(hello)):
        return None
    found = await equal(parts, node_id, hello)
    if found is None or await parts.store.quarantine(node_id) is not None:
        return None
    behind = found.national is not None and found.national.size < parts.national.head.size
    relation = rules.National.BEHIND if behind else rules.National.EQUAL
    if found.national is None:
        relation = rules.National.NONE
    protocol = min(hello.protocol_max, PROTOCOL_MAX)
    return _Found(hello, protocol, found.own, found.national, rules.Heads.EQUAL, relation, found)


async def _compare(parts: Parts, hello: link.Hello, protocol: int, verifier: Verifier) -> _Found:
    """Signed heads against the centre's copies."""
    own = Head.of(hello.own_head)
    own.verify(verifier)
    shown = _national_head(parts, hello)
    national = await _compare_national(parts, shown)
    heads = await _compare_own(parts, own, protocol)
    return _Found(hello, protocol, own, shown, heads, national, None)


async def _terms(parts: Parts, node_id: str, hello: link.Hello) -> int:
    """The protocol of this session; what can never fit is refused and written down."""
    try:
        return _check_terms(parts, node_id, hello)
    except Refused as error:
        if error.code == _NO_PROTOCOL:
            await tell_protocol(parts, node_id, hello)
        raise


def _check_terms(parts: Parts, node_id: str, hello: link.Hello) -> int:
    if hello.node_id != node_id and (hello.node_id or not is_slim(hello, hello.protocol_max)):
        raise Denied(
            "FED-2206",
            "the hello names another node than the certificate",
            remedy="use each node's own identity folder",
        )
    if hello.exercise != parts.settings.exercise:
        raise Refused(
            "FED-2207",
            "one side works with stepped legal time and the other does not",
            remedy="set the same environment on both sides",
        )
    protocol = rules.choose_protocol(
        hello.protocol_min, hello.protocol_max, PROTOCOL_MIN, PROTOCOL_MAX
    )
    if protocol is None:
        raise Refused(
            _NO_PROTOCOL,
            f"no common protocol version: the centre speaks {PROTOCOL_MIN} to {PROTOCOL_MAX}",
            remedy="upgrade the older side",
        )
    return protocol


def _national_head(parts: Parts, hello: link.Hello) -> Head | None:
    if not hello.HasField("national_head"):
        return None
    head = Head.of(hello.national_head)
    head.verify(parts.national.verifier)  # else anybody could shut the national gate
    return head


def _token(hello: link.Hello) -> rules.Token | None:
    if not hello.HasField("token") or hello.token.number == 0:
        return None
    return rules.Token(hello.token.number, sha256(hello.token.value).digest())


async def _compare_own(parts: Parts, own: Head, protocol: int) -> rules.Heads:
    positions = parts.ledger.positions(own.party)
    if not positions:
        return rules.Heads.NOTHING_HERE
    position = next((one for one in positions if one.epoch == own.epoch), None)
    if position is None:
        return rules.Heads.NEW_EPOCH
    if position is not positions[-1]:
        return rules.Heads.OLD_EPOCH
    stored = position.head
    assert stored is not None, "a listed position has a head"
    if own.size > stored.size:
        found = await parts.store.contradiction(stored)
        return rules.Heads.FORKED if rules.stands(found, protocol) else rules.Heads.AHEAD
    if own.size == stored.size:
        return rules.Heads.EQUAL if own.root == stored.root else rules.Heads.FORKED
    root = await parts.ledger.root_at(own.party, own.epoch, own.size)
    return rules.Heads.LOWER if root == own.root else rules.Heads.FORKED


async def _compare_national(parts: Parts, shown: Head | None) -> rules.National:
    own = parts.national.head
    if shown is None:
        return rules.National.NONE
    agrees: bool | None = None
    if shown.epoch == own.epoch and shown.size <= own.size:
        agrees = await parts.national.root_at(shown.size) == shown.root
    return rules.compare_national(
        own.size, shown.size, same_epoch=shown.epoch == own.epoch, root_agrees=agrees
    )


async def _settle_quarantine(
    parts: Parts, own: Head, judgement: rules.Judgement, *, shadowed: bool
) -> None:
    node_id = own.party
    if not judgement.quarantined:
        if not shadowed and await parts.store.quarantine(node_id) is not None:
            await parts.store.quarantine_ends(node_id)
            parts.log.warning("link.quarantine_ended", node=node_id)
        return
    since = parts.clock.wall().isoformat()
    row = QuarantineRow(node_id, judgement.relation, judgement.code, judgement.reason, since)
    await parts.store.quarantine_begins(row, own)
    parts.log.warning("link.quarantined", node=node_id, code=judgement.code)


async def _issue(
    parts: Parts, node_id: str, state: rules.TokenState, shown: rules.Token | None
) -> link.SessionToken:
    number = rules.next_number(state, shown)
    value = parts.entropy.token(SESSION_TOKEN_BYTES)
    issued = rules.Token(number, sha256(value).digest())
    # Showing the successor confirms it; after a restore the shown token is taken as confirmed.
    confirmed = shown if shown is not None else (None if state.amnesty else state.confirmed)
    await parts.store.keep_tokens(node_id, rules.TokenState(confirmed, issued))
    return link.SessionToken(number=number, value=value)


async def _welcome(parts: Parts, found: _Found, judgement: rules.Judgement) -> link.Welcome:
    own = found.own
    welcome = link.Welcome(
        protocol=found.protocol,
        relation=_relation(judgement, found.protocol),
        national_head=parts.national.head.message(),
        lease_seconds=parts.settings.lease_seconds,
        heartbeat_seconds=parts.settings.heartbeat_seconds,
        clock_time=timestamp(parts.clock.wall()),
        software_version=parts.settings.software_version,
        credit=credit(quarantined=judgement.quarantined),
    )
    for position in parts.ledger.positions(own.party):
        if position.head is None:
            continue
        if position.epoch == own.epoch:
            welcome.stored_head.CopyFrom(position.head.message())
            applied = await parts.ledger.applied(own.party, own.epoch)
            welcome.applied_size = applied.size
        else:
            welcome.other_epoch_head.CopyFrom(position.head.message())
    if judgement.quarantined:
        welcome.quarantine.CopyFrom(link.Quarantine(code=judgement.code, reason=judgement.reason))
    if found.equal is not None:
        await shorten(parts, found.equal, welcome)
    elif found.protocol >= 2 and parts.witnessed is not None:
        welcome.witnessed.extend(parts.witnessed.sample(own.party)[:WITNESSED_HEADS_MAX])
    return welcome


def _relation(judgement: rules.Judgement, protocol: int) -> link.HeadRelation.ValueType:
    """Protocol 1 does not know the word for an epoch that was left."""
    if protocol == 1 and judgement.relation == link.HEAD_RELATION_OLD_EPOCH:
        return link.HEAD_RELATION_NODE_REWOUND
    return judgement.relation


def credit(*, quarantined: bool) -> link.Credit:
    """What a node may have in flight; nothing under quarantine."""
    if quarantined:
        return link.Credit()
    return link.Credit(entries=LINK_CREDIT_ENTRIES, bytes=LINK_CREDIT_BYTES)


def refusal(error: FederationError, *, final: bool = False) -> link.Refusal:
    """The error as a frame that ends the session."""
    return link.Refusal(
        code=error.code,
        reason=error.message[:LINK_TEXT_CHARACTERS_MAX],
        retry_after_seconds=error.retry_after_seconds or 0.0,
        final=final,
    )


async def confirm_token(parts: Parts, node_id: str, number: int) -> None:
    """The node holds that token durably."""
    state = await parts.store.tokens(node_id)
    confirmed = rules.confirm(state, number)
    if confirmed != state:
        await parts.store.keep_tokens(node_id, confirmed)
