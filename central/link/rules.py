"""What a Hello shows about two journals, decided without a clock, a disk or a wire.

Owns the comparison of a node's head and token with the centre's copy (`judge`), the numbering of
session tokens and the national comparison. Rules: a lower or contradictory head never overwrites
a higher one (Invariant 5); a second holder beside a live one is a clone, whatever it shows, and the
live one stays; lower head = rewound; a longer head whose entries did not continue the copy = fork;
old token + equal, longer or forked head = clone suspect; an epoch that was left is no rewinding,
because the holder of the newer one may be alive; a token newer than the centre knows = the centre
was rewound. Leaves out how copies are stored and how frames
travel.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lpse.federation.v1 import link_pb2 as link

R = link.HeadRelation


@dataclass(frozen=True, slots=True)
class Token:
    """A numbered secret, as its SHA-256: the centre keeps no secret that it need not show."""

    number: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class TokenState:
    """What the centre knows about a node's tokens; `amnesty` accepts any token once."""

    confirmed: Token | None = None
    issued: Token | None = None
    amnesty: bool = False


class TokenVerdict(Enum):
    """How the shown token stands against what was handed out."""

    CURRENT = "current"
    OLD = "old"
    NEWER = "newer"
    ODD = "odd"  # the right number with another secret


class Heads(Enum):
    """How the node's own head stands against the centre's copy of its journal."""

    NOTHING_HERE = "nothing here"
    EQUAL = "equal"
    AHEAD = "ahead"
    LOWER = "lower"
    FORKED = "forked"
    NEW_EPOCH = "new epoch"
    OLD_EPOCH = "old epoch"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Entries that did not continue the copy: how often, and whether its root was shown since."""

    times: int
    proved: bool


class National(Enum):
    """How the node's national copy stands against the national journal."""

    NONE = "none"
    EQUAL = "equal"
    BEHIND = "behind"
    HIGHER = "higher"
    FORKED = "forked"
    OTHER_EPOCH = "other epoch"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The relation to tell the node, and a code and reason where entries must not flow."""

    relation: R.ValueType
    code: str = ""
    reason: str = ""

    @property
    def quarantined(self) -> bool:
        """Heads and heartbeats only."""
        return bool(self.code)


def check_token(state: TokenState, shown: Token | None) -> TokenVerdict:
    """The last confirmed token and its successor are accepted; anything else tells a story."""
    known = [one for one in (state.confirmed, state.issued) if one is not None]
    if state.amnesty:
        return TokenVerdict.CURRENT
    if shown is None:
        return TokenVerdict.CURRENT if state.confirmed is None else TokenVerdict.OLD
    if shown in known:
        return TokenVerdict.CURRENT
    if shown.number > max((one.number for one in known), default=0):
        return TokenVerdict.NEWER
    if any(shown.number == one.number for one in known):
        return TokenVerdict.ODD
    return TokenVerdict.OLD


def next_number(state: TokenState, shown: Token | None) -> int:
    """Number of the token to hand out: the successor of what the node holds.

    Where the node shows another token than expected (a new epoch after a restore, an amnesty), the
    number lies above every one that was ever handed out, so that an older holder is recognised.
    """
    if shown is not None and shown in (state.confirmed, state.issued):
        return shown.number + 1
    numbers = [one.number for one in (state.confirmed, state.issued, shown) if one is not None]
    return max(numbers, default=0) + 1


def confirm(state: TokenState, number: int) -> TokenState:
    """The node holds the issued token durably; any other number changes nothing."""
    if state.issued is None or state.issued.number != number:
        return state
    return TokenState(confirmed=state.issued)


def judge(
    heads: Heads, token: TokenVerdict, national: National, *, rival: bool = False
) -> Judgement:
    """One relation for one Hello; the worst finding wins. `rival`: another holder is alive."""
    if rival:
        return Judgement(R.HEAD_RELATION_CLONE_SUSPECT, "FED-2214", _RIVAL)
    if heads is Heads.FORKED:
        return _forked(token)
    if heads is Heads.LOWER:
        return Judgement(R.HEAD_RELATION_NODE_REWOUND, "FED-2212", _REWOUND)
    if heads is Heads.OLD_EPOCH:
        return Judgement(R.HEAD_RELATION_OLD_EPOCH, "FED-2243", _OLD_EPOCH)
    if token in (TokenVerdict.OLD, TokenVerdict.ODD) and heads is not Heads.NEW_EPOCH:
        return Judgement(R.HEAD_RELATION_CLONE_SUSPECT, "FED-2214", _CLONE)
    if token is TokenVerdict.NEWER or national in _CONTRADICTING:
        # The node is sound: its entries restore the centre's copy. National entries stay back.
        return Judgement(R.HEAD_RELATION_CENTRE_REWOUND)
    return Judgement(_SOUND[heads])


def stands(found: Contradiction | None, protocol: int) -> bool:
    """Whether a longer journal is a fork, by what its entries have shown.

    A batch may have been damaged on its way. A node that can show the root of its own journal at
    the copy's size has to; one of protocol 1 cannot, so its entries are looked at once more. After
    that the next damaged batch needs a person.
    """
    if found is None:
        return False
    return found.times > 1 or (protocol > 1 and not found.proved)


def _forked(token: TokenVerdict) -> Judgement:
    if token in (TokenVerdict.OLD, TokenVerdict.ODD):
        return Judgement(R.HEAD_RELATION_CLONE_SUSPECT, "FED-2214", _CLONE)
    return Judgement(R.HEAD_RELATION_FORKED, "FED-2213", _FORKED)


_CONTRADICTING = (National.HIGHER, National.FORKED, National.OTHER_EPOCH)

_SOUND = {
    Heads.NOTHING_HERE: R.HEAD_RELATION_NODE_AHEAD,
    Heads.EQUAL: R.HEAD_RELATION_IN_SYNC,
    Heads.AHEAD: R.HEAD_RELATION_NODE_AHEAD,
    Heads.NEW_EPOCH: R.HEAD_RELATION_NEW_EPOCH,
}

_REWOUND = (
    "the node has fewer entries than it once handed over, so it was restored from an old copy;"
    " its intake goes on; it asks for the lost entries and goes on in a new epoch by itself"
)
_OLD_EPOCH = (
    "the node goes on in an epoch that its journal had left: another machine, or a newer copy of"
    " this one, has its identity; intake goes on here; a person must say which history continues"
)
_FORKED = (
    "the node's journal and the centre's copy of it differ at the same index; both are kept and"
    " intake goes on; a person must compare the two and say which history continues"
)
_CLONE = (
    "the node showed a session token that was already followed by a newer one: a second machine"
    " may run with the same identity; stop one of them, then release the quarantine"
)
_RIVAL = (
    "another machine with this identity is connected and alive; it came first and stays; intake"
    " goes on here too; stop one of the two, or say which history continues"
)


def compare_national(
    own_size: int, shown_size: int, *, same_epoch: bool, root_agrees: bool | None
) -> National:
    """What a node's national head says; `root_agrees` is None where sizes make it unknowable."""
    if shown_size == 0:
        return National.NONE
    if not same_epoch:
        return National.OTHER_EPOCH
    if shown_size > own_size:
        return National.HIGHER
    if not root_agrees:
        return National.FORKED
    return National.EQUAL if shown_size == own_size else National.BEHIND


def choose_protocol(node_min: int, node_max: int, centre_min: int, centre_max: int) -> int | None:
    """The highest version that both speak; None when there is none."""
    chosen = min(node_max, centre_max)
    return chosen if chosen >= max(node_min, centre_min, 1) else None
