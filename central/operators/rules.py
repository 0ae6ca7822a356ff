"""Who of the centre may do what.

Owns the roles and the rule of two persons behind them: a person invites only the own role, or
auditors, so that nobody can make the second person alone. Reading roles write nothing. Leaves out
how a caller is recognised (enrolment) and what is signed (`lpse.federation.acts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lpse.federation.acts import CENTRE_PARTY, Deed, verify_act
from lpse.federation.errors import Conflict, Denied, Refused
from lpse.federation.limits import OPERATORS_MAX
from lpse.federation.persons import check_fresh, check_person_name, check_reason
from lpse.federation.v1.acts_pb2 import SignedAct

OPERATOR: Final = "operator"  # plans and applies
APPROVER: Final = "approver"  # approves the plans of others
AUDITOR: Final = "auditor"  # reads
ROLES: Final = (OPERATOR, APPROVER, AUDITOR)
WRITING_ROLES: Final = (OPERATOR, APPROVER)


@dataclass(frozen=True, slots=True)
class Operator:
    """A person of the centre; `revoke_time` is None while the person may act."""

    name: str
    role: str
    signing_key: bytes
    added_by: str
    create_time: datetime
    revoke_time: datetime | None = None
    revoked_by: str = ""
    revoke_reason: str = ""

    @property
    def active(self) -> bool:
        """Whether acts of this person count."""
        return self.revoke_time is None


def check_invitation(inviter_role: str, role: str) -> None:
    """Raise unless a person in `inviter_role` may invite one in `role` (FED-3102, FED-3104)."""
    if role not in ROLES:
        raise Refused("FED-3102", f"{role!r} is no role", remedy=f"one of {', '.join(ROLES)}")
    if inviter_role not in WRITING_ROLES or role not in (inviter_role, AUDITOR):
        raise Denied(
            "FED-3104",
            f"a person in the role {inviter_role} cannot invite one in the role {role}",
            remedy=f"ask a person in the role {role if role != AUDITOR else OPERATOR}",
        )


def check_addition(present: Operator | None, name: str, role: str, key: bytes, count: int) -> bool:
    """True if the person is new, False if already the same; Conflict (FED-3109) for another."""
    check_person_name(name)
    if role not in ROLES or len(key) != 32:
        raise Refused("FED-3102", "an operator needs a role and an Ed25519 public key of 32 bytes")
    if present is None:
        if count >= OPERATORS_MAX:
            raise Refused("FED-3112", f"there are already {OPERATORS_MAX} persons")
        return True
    if (present.role, present.signing_key, present.active) != (role, key, True):
        raise Conflict("FED-3109", f"the name {name} already stands for another person or key")
    return False


def check_key(holder: str | None, name: str) -> None:
    """Conflict (FED-3114) for a key that another person has or had: two persons stay two."""
    if holder is not None and holder != name:
        raise Conflict(
            "FED-3114",
            f"this is the key of {holder}",
            remedy="create a context of another name: it gets a key of its own",
        )


def check_revocation(operator: Operator, others: Sequence[Operator], reason: str) -> None:
    """Raise if nobody could do this person's work afterwards, or no reason is given."""
    check_reason(reason)
    if operator.role not in WRITING_ROLES:
        return
    if not any(other.active and other.role == operator.role for other in others):
        raise Conflict(
            "FED-3108",
            f"{operator.name} is the last active {operator.role}; without one the centre is stuck",
            remedy="add another person in this role first",
        )


def check_role(operator: Operator, *roles: str) -> None:
    """Raise Denied: revoked (FED-3105), or not in one of `roles` (FED-3104)."""
    if not operator.active:
        raise Denied("FED-3105", f"{operator.name} was revoked")
    if operator.role not in roles:
        raise Denied(
            "FED-3104",
            f"the role {operator.role} may not do this",
            remedy=f"ask a person in the role {' or '.join(roles)}",
        )


def check_act(
    operator: Operator, signed: SignedAct, *, act: str, digest: bytes, now: datetime
) -> None:
    """Raise Denied unless this person signed this act on this subject just now."""
    if signed.actor != operator.name or signed.role != operator.role:
        raise Denied("FED-3101", "the signature names another person or role than the caller")
    verify_act(signed, operator.signing_key, Deed(CENTRE_PARTY, act, digest))
    check_fresh(signed, now)
