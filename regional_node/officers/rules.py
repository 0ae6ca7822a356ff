"""Who of the node may do what, and what exactly they sign.

Owns the roles and the subjects of officers' own acts. Rules: the first person is an admin and needs
no signature, every later change is signed by an admin; the last admin stays; a reading role signs
nothing that counts. Leaves out decisions of other areas: they name the roles they accept.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lpse.federation.acts import Deed, subject_digest, verify_act
from lpse.federation.errors import Conflict, Denied, Refused
from lpse.federation.limits import OFFICERS_MAX
from lpse.federation.persons import check_fresh, check_person_name, check_reason
from lpse.federation.v1.acts_pb2 import SignedAct

ADMIN: Final = "admin"  # adds and revokes persons, confirms outages, opens packages
POKJA: Final = "pokja"  # decides about the schedule of packages
HELPDESK: Final = "helpdesk"  # helps vendors upload; decides nothing
AUDITOR: Final = "auditor"  # reads
ROLES: Final = (ADMIN, POKJA, HELPDESK, AUDITOR)

ADD: Final = "officer.add"
REVOKE: Final = "officer.revoke"


@dataclass(frozen=True, slots=True)
class Officer:
    """A person of the node; `revoke_time` is None while the person may act."""

    name: str
    role: str
    signing_key: bytes
    added_by: str
    create_time: datetime
    revoke_time: datetime | None = None
    revoke_reason: str = ""

    @property
    def active(self) -> bool:
        """Whether acts of this person count."""
        return self.revoke_time is None


def addition_digest(name: str, role: str, signing_key: bytes) -> bytes:
    """What an admin signs (act "officer.add")."""
    return subject_digest({"officer": name, "role": role, "signing_key": signing_key.hex()})


def revocation_digest(name: str, reason: str) -> bytes:
    """What an admin signs (act "officer.revoke")."""
    return subject_digest({"officer": name, "reason": reason})


def check_addition(
    present: Sequence[Officer], name: str, role: str, signing_key: bytes, *, signed: bool
) -> bool:
    """True if the person is new, False if already the same; raise otherwise."""
    check_person_name(name)
    if role not in ROLES or len(signing_key) != 32:
        raise Refused("FED-3102", "an officer needs a role and an Ed25519 public key of 32 bytes")
    same = next((officer for officer in present if officer.name == name), None)
    if same is not None:
        if (same.role, same.signing_key, same.active) == (role, signing_key, True):
            return False
        raise Conflict("FED-3109", f"the name {name} already stands for another person or key")
    check_key(present, signing_key)
    if len(present) >= OFFICERS_MAX:
        raise Refused("FED-3112", f"there are already {OFFICERS_MAX} persons")
    if not present and role != ADMIN:
        raise Refused(
            "FED-3110", "the first officer of a node is an admin", remedy="add an admin first"
        )
    if present and not signed:
        raise Denied(
            "FED-3111",
            "an admin must sign for every officer after the first",
            remedy="say who signs with --as NAME --key FILE",
        )
    return True


def check_key(present: Sequence[Officer], signing_key: bytes) -> None:
    """Conflict (FED-3114) for a key that another person has or had: two persons stay two."""
    holder = next((one.name for one in present if one.signing_key == signing_key), None)
    if holder is not None:
        raise Conflict("FED-3114", f"this is the key of {holder}", remedy="name another --key-out")


def check_revocation(officer: Officer, others: Sequence[Officer], reason: str) -> None:
    """Raise if nobody could add or revoke persons afterwards, or no reason is given."""
    check_reason(reason)
    if officer.role == ADMIN and not any(
        other.active and other.role == ADMIN and other.name != officer.name for other in others
    ):
        raise Conflict(
            "FED-3108",
            f"{officer.name} is the last active admin; without one nobody can be added",
            remedy="add another admin first",
        )


def check_act(
    officer: Officer | None,
    signed: SignedAct,
    deed: Deed,
    *,
    roles: Collection[str],
    now: datetime,
) -> Officer:
    """The officer whose fresh signature it is; Denied otherwise (FED-3101, 3104, 3105, 3106)."""
    if officer is None or signed.role != officer.role:
        raise Denied("FED-3101", "the signature names no officer of this node in this role")
    if not officer.active:
        raise Denied("FED-3105", f"{officer.name} was revoked")
    if officer.role not in roles:
        raise Denied(
            "FED-3104",
            f"the role {officer.role} may not do this",
            remedy=f"ask a person in the role {' or '.join(sorted(roles))}",
        )
    verify_act(signed, officer.signing_key, deed)
    check_fresh(signed, now)
    return officer
