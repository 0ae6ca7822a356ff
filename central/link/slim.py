"""The slim hello of protocol 2: equal or not, and the short answer where it is.

Owns what unsigned heads may count for: equality with what the centre holds itself, nothing else. A
hello that shows more, less or something else, a token that is not the present one, and a node under
quarantine are judged in the full form (`hello`). Rule: the answer carries the centre's cosignature
of the head that it stands for, so that a machine without the centre's key is told nothing by the
node. Leaves out every contradiction.
"""

from __future__ import annotations

from dataclasses import dataclass

from central.link import rules
from central.link.ports import Parts
from lpse.federation.checkpoints import Head, HeadInvalid, cosign
from lpse.federation.limits import EPOCH_BYTES
from lpse.federation.notes import SIGNATURE_BYTES
from lpse.federation.v1 import journal_pb2 as wire
from lpse.federation.v1 import link_pb2 as link

_UNSIGNED = bytes(SIGNATURE_BYTES)
_SLIM_MIN = 2


@dataclass(frozen=True, slots=True)
class Equal:
    """A slim hello that says nothing new: the heads that the centre holds itself."""

    own: Head
    national: Head | None  # the centre's, or an earlier one that its journal contains


def is_slim(hello: link.Hello, protocol: int) -> bool:
    """Whether the heads are unsigned on purpose."""
    head = hello.own_head
    unsigned = not head.signature and not head.party
    return protocol >= _SLIM_MIN and unsigned and len(head.epoch) == EPOCH_BYTES


async def equal(parts: Parts, node_id: str, hello: link.Hello) -> Equal | None:
    """What a slim hello is equal to; None where signed heads are wanted."""
    position = parts.ledger.current(node_id)
    if position is None or position.head is None or not _same(position.head, hello.own_head):
        return None
    if not hello.HasField("national_head"):
        return Equal(position.head, None)
    national = await _national(parts, hello.national_head)
    return Equal(position.head, national) if national is not None else None


async def _national(parts: Parts, shown: wire.Head) -> Head | None:
    own = parts.national.head
    if _same(own, shown):
        return own
    try:
        head = Head(own.party, shown.epoch, shown.size, shown.root, _UNSIGNED)
    except HeadInvalid:
        return None
    if head.epoch != own.epoch or head.size >= own.size:
        return None
    return head if await parts.national.root_at(head.size) == head.root else None


def _same(held: Head, shown: wire.Head) -> bool:
    return (held.epoch, held.size, held.root) == (shown.epoch, shown.size, shown.root)


async def shorten(parts: Parts, found: Equal, welcome: link.Welcome) -> None:
    """Leave out of a sound Welcome what the node has just shown, and sign for it instead."""
    welcome.ClearField("stored_head")
    welcome.ClearField("other_epoch_head")
    if found.national is not None and found.national.size == parts.national.head.size:
        welcome.ClearField("national_head")
    word = cosign(found.own, parts.signer, int(parts.clock.wall().timestamp()))
    welcome.cosignature.CopyFrom(word.message())
    welcome.cosignature.ClearField("witness")


def may_be_slim(state: rules.TokenState, token: rules.Token | None) -> bool:
    """Only the holder of the present token; an amnesty is used up by a full hello."""
    if state.amnesty or token is None:
        return False
    return rules.check_token(state, token) is rules.TokenVerdict.CURRENT
