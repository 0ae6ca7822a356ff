"""Judging a Hello: from the frame and the centre's copies to a Welcome, or a refusal.

Owns the order of the checks: identity, protocol, environment, signatures of the shown heads, then
the comparison (`rules.judge`). Rules: a head counts only with its writer's signature; the token
and a quarantine are durable before the Welcome tells of them (Invariants 1 and 5). Leaves out the
session that follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from central.link import rules
from central.link.ports import Parts
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


async def open_session(parts: Parts, node_id: str, hello: link.Hello) -> Opened:
    """Judge the hello; raises a FederationError where no session can be opened."""
    protocol = _check_terms(parts, node_id, hello)
    verifier = await parts.keys.verifier(node_id)
    own = _own_head(hello, verifier)
    shown = _national_head(parts, hello)
    national = await _compare_national(parts, shown)
    state, token = await parts.store.tokens(node_id), _token(hello)
    heads = await _compare_own(parts, own)
    judgement = rules.judge(heads, rules.check_token(state, token), national)
    await parts.national.witnessed(
        node_id,
        contained=national in (rules.National.NONE, rules.National.EQUAL, rules.National.BEHIND),
        head=shown,
    )
    await _settle_quarantine(parts, node_id, judgement, own)
    welcome = await _welcome(parts, own, judgement, protocol)
    if not judgement.quarantined:
        welcome.token.CopyFrom(await _issue(parts, node_id, state, token))
    return Opened(
        node_id=node_id,
        verifier=verifier,
        hello=hello,
        own_head=own,
        relation=judgement.relation,
        quarantined=judgement.quarantined,
        national_allowed=not judgement.quarantined and national in _MAY_FOLLOW,
        national_size=shown.size if shown is not None else 0,
        welcome=welcome,
    )


_MAY_FOLLOW = (rules.National.NONE, rules.National.EQUAL, rules.National.BEHIND)


def _check_terms(parts: Parts, node_id: str, hello: link.Hello) -> int:
    if hello.node_id != node_id:
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
            "FED-2208",
            f"no common protocol version: the centre speaks {PROTOCOL_MIN} to {PROTOCOL_MAX}",
            remedy="upgrade the older side",
        )
    return protocol


def _own_head(hello: link.Hello, verifier: Verifier) -> Head:
    head = Head.of(hello.own_head)
    head.verify(verifier)
    return head


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


async def _compare_own(parts: Parts, own: Head) -> rules.Heads:
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
        return rules.Heads.AHEAD
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
    parts: Parts, node_id: str, judgement: rules.Judgement, own: Head
) -> None:
    if not judgement.quarantined:
        if await parts.store.quarantine(node_id) is not None:
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


async def _welcome(
    parts: Parts, own: Head, judgement: rules.Judgement, protocol: int
) -> link.Welcome:
    welcome = link.Welcome(
        protocol=protocol,
        relation=judgement.relation,
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
    return welcome


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
