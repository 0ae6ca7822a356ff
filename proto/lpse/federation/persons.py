"""What both sides ask of a person's name, reason and signature time.

Owns the grammar of names of operators and officers (they stand in certificates, paths and journal
entries of both parties) and the freshness of signatures. Leaves out roles: each side has its own.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from lpse.federation.errors import Denied, Refused
from lpse.federation.limits import (
    ACT_AGE_SECONDS_MAX,
    ACT_AHEAD_SECONDS_MAX,
    PERSON_NAME_CHARACTERS_MAX,
    REASON_CHARACTERS_MAX,
)
from lpse.federation.v1.acts_pb2 import SignedAct

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def check_person_name(name: str) -> None:
    """Raise Refused (FED-3102) unless `name` can stand in a certificate, a path and a journal."""
    if len(name) > PERSON_NAME_CHARACTERS_MAX or not _NAME.fullmatch(name):
        raise Refused(
            "FED-3102",
            "a person's name is made of a-z, 0-9 and hyphens",
            remedy=f"at most {PERSON_NAME_CHARACTERS_MAX} characters, for example siti-rahayu",
        )


def check_reason(reason: str) -> None:
    """Raise Refused (FED-3113) for an absent or endless reason."""
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        raise Refused(
            "FED-3113", f"a reason is needed, of at most {REASON_CHARACTERS_MAX} characters"
        )


def check_fresh(signed: SignedAct, now: datetime) -> None:
    """Raise Denied (FED-3106) for a signature too old, or from too far in the future.

    `now` is the wall clock: people sign by the clock of their machine, not by legal time.
    """
    at = signed.act_time.ToDatetime(tzinfo=UTC)
    oldest = now - timedelta(seconds=ACT_AGE_SECONDS_MAX)
    if not oldest <= at <= now + timedelta(seconds=ACT_AHEAD_SECONDS_MAX):
        raise Denied(
            "FED-3106",
            f"the signature of {signed.actor} was made at another time than now",
            remedy="check the clock of the machine that signed, and sign again",
        )
