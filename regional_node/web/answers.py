"""Answers: what every response carries, how an error becomes one, and in whose language.

Owns status codes of errors, the JSON form `{"code", "message", "remedy"}`, the headers that keep a
secret address secret, and CORS. Rules: an unexpected fault tells nothing but FED-1000; an answer
that refuses never depends on what others upload. Leaves out who asks (`door`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lpse.federation.error_catalogue import CATALOGUE
from lpse.federation.errors import (
    Conflict,
    Denied,
    FederationError,
    NotFound,
    Refused,
    Unavailable,
)
from lpse.federation.limits import WEB_PREFLIGHT_SECONDS
from regional_node.intake.submissions import Attempted
from regional_node.pages.rendering import CONTENT_SECURITY_POLICY, accepted_language

Headers = list[tuple[bytes, bytes]]
RETRY_AFTER_SECONDS: Final = 5
_BY_CODE: Final[Mapping[str, int]] = {
    "FED-1101": 507,  # no room
    "FED-1203": 423,  # a newer writer took over
    "FED-1204": 503,
    "FED-5003": 413,
    "FED-5010": 507,
    "FED-5011": 403,  # after the deadline
    "FED-5012": 403,
    "FED-5013": 403,
    "FED-5022": 403,
    "FED-5321": 429,
    "FED-5322": 405,
    "FED-5323": 412,
    "FED-5324": 415,
    "FED-5325": 413,
    "FED-5402": 410,
    "FED-5405": 460,  # tus: checksum mismatch
    "FED-5407": 413,
    "FED-5408": 403,
    "FED-5409": 503,
    "FED-5413": 403,
}
_BY_CLASS: Final[Sequence[tuple[type[FederationError], int]]] = (
    (NotFound, 404),
    (Denied, 403),
    (Conflict, 409),
    (Refused, 400),
    (Unavailable, 503),
)
SECURITY: Final[Headers] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),  # the address of a grant is its key
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-robots-tag", b"noindex, nofollow"),
]
_NO_STORE: Final = (b"cache-control", b"no-store")
_EXPOSED: Final = (
    b"Location, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm,"
    b" Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires, Retry-After"
)
RESUMABLE: Final = (b"tus-resumable", b"1.0.0")  # on every answer below `files`
_ALLOWED: Final = (
    b"Content-Type, Accept-Language, Tus-Resumable, Upload-Length, Upload-Offset,"
    b" Upload-Metadata, Upload-Checksum, X-HTTP-Method-Override, X-Requested-With"
)
_PREFLIGHT: Final[Headers] = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PATCH, DELETE, OPTIONS"),
    (b"access-control-allow-headers", _ALLOWED),
    (b"access-control-max-age", str(WEB_PREFLIGHT_SECONDS).encode()),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    close: bool = False  # the connection cannot be used again


def json_answer(status: int, document: Mapping[str, object]) -> Answer:
    """A JSON document; nobody may keep it."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, [(b"content-type", b"application/json; charset=utf-8")], body)


def error_answer(error: FederationError, language: str) -> Answer:
    """An error in the caller's language; the class and the code decide the status."""
    answer = json_answer(status_of(error), document_of(error, language))
    if answer.status in (429, 503):
        seconds = error.retry_after_seconds or RETRY_AFTER_SECONDS
        answer.headers.append((b"retry-after", str(max(1, round(seconds))).encode()))
    return answer


def document_of(error: FederationError, language: str) -> dict[str, object]:
    """`code`, `message`, `remedy`: the occurrence in English, the catalogue in Indonesian."""
    entry = CATALOGUE.get(error.code)
    if entry is None or (language != "id" and error.message):
        return {"code": error.code, "message": error.message, "remedy": error.remedy}
    told = entry.told(language)
    return {
        "code": error.code,
        "message": f"{told.title}: {told.meaning}",
        "remedy": told.remedy,
    }


def status_of(error: FederationError) -> int:
    """The HTTP status of an error."""
    known = _BY_CODE.get(error.code)
    if known is not None:
        return known
    return next((status for kind, status in _BY_CLASS if isinstance(error, kind)), 500)


def told_error(error: Exception) -> FederationError | None:
    """What the caller is told of an exception; None for one that nobody foresaw."""
    if isinstance(error, Attempted):
        return error.error
    return error if isinstance(error, FederationError) else None


def internal() -> FederationError:
    """For what nobody foresaw."""
    error = FederationError("FED-1000", "an internal error; the node's log has it")
    error.may_retry = True
    return error


def language_of(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """The language of a caller without a page: English where none is asked for."""
    for name, value in headers:
        if name == b"accept-language":
            return accepted_language(value.decode("latin-1"))
    return "en"


class Origins:
    """Cross-origin rights: which other web origins may use a grant's address from a browser."""

    def __init__(self, allowed: frozenset[bytes]) -> None:
        self._allowed = allowed

    def headers(self, origin: bytes | None) -> Headers:
        """What an answer to this origin carries."""
        if not self._allowed:
            return []
        vary = (b"vary", b"Origin")
        if origin is None or origin not in self._allowed:
            return [vary]
        return [
            vary,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
        ]

    def preflight(self, origin: bytes | None) -> Answer:
        """The same for every address, so that it tells of no grant."""
        granted = _PREFLIGHT if origin is not None and origin in self._allowed else []
        return Answer(204, list(granted))


def complete(headers: Headers, *, keepable: bool) -> Headers:
    """Every header that an answer lacks: an area's own choice stands."""
    present = {name for name, _ in headers}
    missing = [header for header in SECURITY if header[0] not in present]
    if not keepable and b"cache-control" not in present:
        missing.append(_NO_STORE)
    return [*headers, *missing]
