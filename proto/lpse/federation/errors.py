"""Errors that people and programs can act on, each with a stable code.

Owns the one base class of everything the federation refuses on purpose. The code (`FED-nnnn`)
never changes its meaning; the message may. Who must act is told by the subclass: `Refused` (the
caller sent something wrong), `Conflict` (the world moved), `Denied` (no right), `NotFound`,
`Unavailable` (the road or a disk; trying again later is right). Leaves out how an error is shown.
"""

from __future__ import annotations

import re

_CODE = re.compile(r"FED-[0-9]{4}")


class FederationError(Exception):
    """A refusal with a stable code, what happened, and what to do about it."""

    may_retry = False
    retry_after_seconds: float | None = None  # set where the other side asks for a pause

    def __init__(self, code: str, message: str, *, remedy: str = "") -> None:
        assert _CODE.fullmatch(code), code
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f" ({self.remedy})" if self.remedy else "")


class Refused(FederationError):
    """The input is wrong; sending it again unchanged cannot succeed."""


class NotFound(FederationError):
    """The thing named does not exist here."""


class Conflict(FederationError):
    """The world changed, or the same key already stands for something else."""


class Stale(Conflict):
    """The caller's etag is not the present one: read again, then decide again."""


class Denied(FederationError):
    """The person or program has no right to do this."""


class Unavailable(FederationError):
    """The road or a disk failed; nothing was accepted, and trying again later is right."""

    may_retry = True
