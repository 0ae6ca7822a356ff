"""What a grant is, what may be asked for, and when it counts: pure decisions.

Rules: an unknown, a revoked and an expired grant are told apart by nobody outside (FED-5301 for
all); details are checked by the same rules as a submission over the socket. A grant may be made
after the deadline: the vendor's attempt is then refused by intake, with a proof. Leaves out where
grants are kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from lpse.federation.acts import canonical
from lpse.federation.commitments import SealedFile, SubmissionDetails
from lpse.federation.errors import NotFound, Refused
from lpse.federation.limits import (
    GRANT_REASON_CHARACTERS_MAX,
    GRANT_SECONDS_DEFAULT,
    GRANT_SECONDS_MAX,
    REQUEST_ID_CHARACTERS_MAX,
)
from regional_node.intake.details import check_details

NAME_BYTES: Final = 10  # 16 letters: fits into an intake key, and is no secret
_TOKEN_BYTES: Final = 20
_TOKEN: Final = re.compile(r"[a-z2-7]{32}", re.ASCII)
_NAME: Final = re.compile(r"g-[a-z2-7]{16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to upload bids of one vendor for one stage of one package."""

    grant_id: int
    name: str  # "g-" and 16 letters: names it to staff, opens nothing
    package: str
    stage: str
    vendor: str
    channel: str
    seat: int
    bytes_max: int
    create_time: datetime
    expire_time: datetime
    extra: Mapping[str, Any] = field(default_factory=dict)
    revoked: bool = False
    revoke_reason: str = ""

    def is_live(self, now: datetime) -> bool:
        """Whether it still opens the door."""
        return not self.revoked and now < self.expire_time

    def intake_key(self, number: int) -> str:
        """The key of its `number`th submission, counted from 1."""
        return f"{self.name}-{number}"

    def details(self, number: int, files: tuple[SealedFile, ...]) -> SubmissionDetails:
        """The details of its `number`th submission."""
        return SubmissionDetails(
            self.intake_key(number),
            self.package,
            self.stage,
            self.vendor,
            self.channel,
            self.seat,
            files,
            self.extra,
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """What SPSE asks for; `stage` empty: the package's only one, `bytes_max` 0: the node's."""

    package: str
    stage: str
    vendor: str
    channel: str
    seat: int
    bytes_max: int
    expire_time: datetime | None
    extra: Mapping[str, Any]
    request_id: str = ""

    def digest(self) -> bytes:
        """Stands for everything asked for: the same request_id must ask for the same."""
        expiry = self.expire_time.isoformat() if self.expire_time else None
        asked = {
            "bytes_max": self.bytes_max,
            "channel": self.channel,
            "expire_time": expiry,
            "extra": dict(self.extra),
            "package": self.package,
            "seat": self.seat,
            "stage": self.stage,
            "vendor": self.vendor,
        }
        return hashlib.sha256(canonical(asked)).digest()


def settle(wish: Wish, name: str, now: datetime, bytes_max: int) -> Grant:
    """The grant that a wish becomes; Refused FED-5302 (limits), FED-5303 (expiry), FED-500x."""
    if wish.bytes_max > bytes_max:
        raise Refused(
            "FED-5302",
            f"a grant of {wish.bytes_max} bytes is larger than this node's limit of {bytes_max}",
            remedy="ask for less, or raise intake.upload_bytes_max",
        )
    if len(wish.request_id) > REQUEST_ID_CHARACTERS_MAX:
        raise Refused("FED-5302", "the request_id is too long", remedy="give a shorter one")
    grant = Grant(
        grant_id=0,
        name=name,
        package=wish.package,
        stage=wish.stage,
        vendor=wish.vendor,
        channel=wish.channel,
        seat=wish.seat,
        bytes_max=wish.bytes_max or bytes_max,
        create_time=now,
        expire_time=_expiry(wish.expire_time, now),
        extra=wish.extra,
    )
    check_details(grant.details(1, (SealedFile("-", 0, b""),)), bytes_max)
    return grant


def _expiry(asked: datetime | None, now: datetime) -> datetime:
    if asked is None:
        return now + timedelta(seconds=GRANT_SECONDS_DEFAULT)
    if not now < asked <= now + timedelta(seconds=GRANT_SECONDS_MAX):
        raise Refused(
            "FED-5303",
            f"a grant ends after this moment and within {GRANT_SECONDS_MAX // 86_400} days",
            remedy="give another expire_time, or none",
        )
    return asked


def check_reason(reason: str) -> None:
    """A revocation says why; Refused FED-5304."""
    if not 1 <= len(reason.strip()) <= GRANT_REASON_CHARACTERS_MAX or not reason.isprintable():
        raise Refused(
            "FED-5304",
            f"the reason of a revocation has 1 to {GRANT_REASON_CHARACTERS_MAX} characters",
            remedy="say why the grant is taken back",
        )


def name_of(random: bytes) -> str:
    """A grant's name from NAME_BYTES of chance."""
    assert len(random) == NAME_BYTES
    return "g-" + _letters(random)


def check_name(name: str) -> str:
    """`name` where it can be one; NotFound FED-5305."""
    if _NAME.fullmatch(name) is None:
        raise unknown_name()
    return name


def token_of(key: bytes, name: str, request_id: str) -> str:
    """The secret part of a grant's address: 160 bits that only the holder of `key` can make.

    Made, not drawn: a repeated request gets the same address although only a digest was kept.
    """
    said = b"lpse-node/grant/1\n" + name.encode() + b"\n" + request_id.encode()
    return _letters(hmac.digest(key, said, "sha256")[:_TOKEN_BYTES])


def digest_of(token: str) -> bytes | None:
    """What is kept of a token; None for a text that cannot be one."""
    if _TOKEN.fullmatch(token) is None:
        return None
    return hashlib.sha256(token.encode("ascii")).digest()


def unknown() -> NotFound:
    """For an unknown, revoked or expired token alike."""
    return NotFound(
        "FED-5301",
        "this upload address is not valid, or not any more",
        remedy="open the upload again from SPSE, or ask the help desk of the LPSE",
    )


def unknown_name() -> NotFound:
    """For staff, who ask by name."""
    return NotFound("FED-5305", "no grant has this name here", remedy="copy the name, g-…")


def _letters(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").lower().rstrip("=")
