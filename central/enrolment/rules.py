"""Enrolment decided from rows alone: names, redemption of a code, renewal, too many failures.

Rules: a code binds one set of keys, once, in time; the same keys get the same answer again, others
a conflict; a revoked key never comes back; whoever fails too often waits. Leaves out cryptography
(`lpse.federation.enrolment_code`) and where rows come from.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from lpse.federation.enrolment_code import KINDS
from lpse.federation.errors import Conflict, Denied, Refused, Unavailable
from lpse.federation.limits import (
    CODE_FAILURES_MAX,
    ENROL_ADDRESSES_MAX,
    ENROL_FAILURES_PER_ADDRESS_MAX,
    ENROL_FAILURES_WINDOW_SECONDS,
    PARTY_CHARACTERS_MAX,
    RENEWAL_CLOCK_SECONDS_MAX,
)

ZONES: Final = ("Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura")
OPEN, USED, REVOKED, LOCKED = "OPEN", "USED", "REVOKED", "LOCKED"

_NODE_ID: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_PROVINCE: Final = re.compile(r"ID-[A-Z]{2}")
# Names under which the centre itself writes and listens.
_RESERVED: Final = frozenset({"lkpp", "lkpp-central", "central", "centre", "national", "pusat"})


@dataclass(frozen=True, slots=True)
class Code:
    """A stored code; `signing_key` is the key that redeemed it."""

    code_id: str
    subject_kind: str
    subject: str
    province: str
    zone: str
    role: str
    proof_key: bytes = field(repr=False)
    state: str
    failures: int
    created_by: str
    create_time: datetime
    expire_time: datetime
    use_time: datetime | None = None
    signing_key: bytes | None = None
    ended_by: str = ""
    end_reason: str = ""
    recovers: bool = False  # a new machine takes the place of the one that has the node's keys


@dataclass(frozen=True, slots=True)
class Binding:
    """A node and a key that is, or was, its own."""

    signing_key: bytes
    node_id: str
    province: str
    zone: str
    enrol_time: datetime
    certificate_expire_time: datetime
    revoke_time: datetime | None = None
    revoked_by: str = ""
    revoke_reason: str = ""

    @property
    def active(self) -> bool:
        """Whether this key is let in."""
        return self.revoke_time is None


def check_kind(kind: str) -> None:
    """Raise Refused (FED-3025) unless codes exist for this kind of subject."""
    if kind not in KINDS:
        raise Refused("FED-3025", f"{kind!r} cannot be enrolled", remedy=f"one of {KINDS}")


def check_node(node_id: str, province: str, zone: str) -> None:
    """Raise Refused (FED-3025) unless a node may be called this and lie there."""
    if len(node_id) > PARTY_CHARACTERS_MAX or not _NODE_ID.fullmatch(node_id):
        raise Refused(
            "FED-3025",
            "a node id is made of a-z, 0-9 and hyphens",
            remedy=f"at most {PARTY_CHARACTERS_MAX} characters, for example lpse-pacitan",
        )
    if node_id in _RESERVED:
        raise Refused("FED-3025", f"{node_id} is a name of the centre itself")
    if not _PROVINCE.fullmatch(province):
        raise Refused("FED-3025", f"{province!r} is no province", remedy="for example ID-JI")
    if zone not in ZONES:
        raise Refused("FED-3025", f"{zone!r} is no zone", remedy=f"one of {', '.join(ZONES)}")


def judge_code(code: Code, key: bytes, now: datetime) -> bool:
    """True for the first redemption, False for a repetition by the same key; raises otherwise.

    Called only after the caller has proven that it holds the code, so the answers may be frank.
    """
    if code.state == USED:
        if code.signing_key == key:
            return False
        raise Conflict(
            "FED-3004",
            "this code has been used, with other keys",
            remedy="if that was not you, tell the centre at once; otherwise ask for a new code",
        )
    if code.state != OPEN:
        raise Denied(
            "FED-3006", "this code has been revoked or locked", remedy="ask for a new code"
        )
    if now >= code.expire_time:
        raise Denied("FED-3005", "this code has expired", remedy="ask for a new code")
    return True


def state_after_failure(failures: int) -> str:
    """What a wrong secret makes of an open code that now has `failures` of them."""
    return LOCKED if failures >= CODE_FAILURES_MAX else OPEN


def judge_binding(same_key: Binding | None, active: Binding | None, code: Code) -> bool:
    """True if the key must be bound, False if it already is; raises if it cannot be."""
    if same_key is not None:
        if not same_key.active:
            raise Denied(
                "FED-3010",
                "these keys were revoked and are never accepted again",
                remedy="enrol from an empty data folder with a new code",
            )
        if same_key.node_id != code.subject:
            raise Conflict("FED-3034", f"these keys already belong to {same_key.node_id}")
        return False
    if active is not None and not code.recovers:
        raise already_enrolled(code.subject)
    return True


def already_enrolled(node_id: str) -> Conflict:
    """The answer where a node has access already."""
    return Conflict(
        "FED-3007",
        f"{node_id} is enrolled already",
        remedy="revoke it first if its keys are lost or stolen",
    )


def check_renewal_clock(asked: datetime, now: datetime) -> None:
    """Raise Refused (FED-3015) where the caller's clock is too far from ours."""
    off = (asked - now).total_seconds()
    if abs(off) > RENEWAL_CLOCK_SECONDS_MAX:
        raise Refused(
            "FED-3015",
            f"the clock of this machine is off by {off:.0f} seconds",
            remedy="set the machine's clock (NTP); the renewal is then tried again",
        )


class FailureWindow:
    """Failed enrolments per network address; time is an argument, memory is bounded."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def admit(self, address: str, now: float) -> None:
        """Raise Unavailable (FED-3008) for an address that has failed too often just now."""
        found = self._failures.get(address)
        if found is None:
            return
        while found and now - found[0] > ENROL_FAILURES_WINDOW_SECONDS:
            found.popleft()
        if len(found) >= ENROL_FAILURES_PER_ADDRESS_MAX:
            error = Unavailable("FED-3008", "too many failed enrolments from this address")
            error.retry_after_seconds = ENROL_FAILURES_WINDOW_SECONDS - (now - found[0])
            raise error

    def failed(self, address: str, now: float) -> None:
        """Remember one failure; the address seen longest ago makes way at the limit."""
        self._failures.setdefault(address, deque()).append(now)
        self._failures.move_to_end(address)
        while len(self._failures) > ENROL_ADDRESSES_MAX:
            self._failures.popitem(last=False)
