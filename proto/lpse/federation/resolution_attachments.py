"""What a person may attach to a decision about an entry of a run: pure, the same at both sides.

Owns the rules about its name, digest and size. Rules: the journal names an attachment by a plain
file name and its digest, never by a path; one that is empty or too large is refused before anything
is decided. Leaves out where the bytes lie.
"""

from __future__ import annotations

from lpse.federation.errors import Refused
from lpse.federation.limits import (
    RESOLUTION_ATTACHMENT_BYTES_MAX,
    RESOLUTION_ATTACHMENT_NAME_CHARACTERS_MAX,
)

_DIGEST_BYTES = 32


def check_attachment(name: str, digest: bytes) -> None:
    """Refused (FED-7015) for a name without bytes, bytes without a name, or a path as a name."""
    if not name and not digest:
        return
    check_attachment_name(name)
    if len(digest) != _DIGEST_BYTES:
        raise Refused("FED-7015", "an attachment has a plain file name and its digest")


def check_attachment_name(name: str) -> None:
    """Refused (FED-7015) for what is no plain file name, or has a control character in it."""
    plain = name.isprintable() and not any(mark in name for mark in "/\\\0")
    if not (plain and name not in (".", "..")):
        raise Refused(
            "FED-7015",
            "the attachment has no plain file name",
            remedy="give the file a name without slashes, line breaks and control characters",
        )
    if not 0 < len(name) <= RESOLUTION_ATTACHMENT_NAME_CHARACTERS_MAX:
        raise Refused(
            "FED-7015",
            "the attachment's file name is empty or too long",
            remedy=f"at most {RESOLUTION_ATTACHMENT_NAME_CHARACTERS_MAX} characters",
        )


def check_attachment_size(size_bytes: int) -> None:
    """Refused (FED-7015) for an empty or too large attachment; also while it still arrives."""
    if not size_bytes:
        raise Refused("FED-7015", "the attachment is empty")
    if size_bytes > RESOLUTION_ATTACHMENT_BYTES_MAX:
        raise Refused(
            "FED-7015",
            "the attachment is too large",
            remedy=f"at most {RESOLUTION_ATTACHMENT_BYTES_MAX} bytes",
        )
