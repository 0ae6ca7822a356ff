"""The headers of tus 1.0.0: metadata, checksums, versions, and what a server announces.

Owns their grammar. Rules: only what works is announced; whatever cannot be read is refused with
what is wrong, never guessed. Source: tus.io, protocol 1.0.0 with its extensions. Leaves out what
becomes of the values (`tus`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from lpse.federation.errors import Refused
from lpse.federation.limits import (
    FILE_NAME_CHARACTERS_MAX,
    TUS_METADATA_BYTES_MAX,
    TUS_METADATA_PAIRS_MAX,
)
from regional_node.tus.checksums import ALGORITHMS, Checksum
from regional_node.web.answers import RESUMABLE

VERSION: Final = RESUMABLE[1]
EXTENSIONS: Final = b"creation,creation-with-upload,checksum,termination,expiration"
BODY_TYPE: Final = b"application/offset+octet-stream"
_DIGEST_BYTES: Final[Mapping[str, int]] = {"sha1": 20, "sha256": 32}
_NAMES: Final = ("filename", "name")  # the first that is there; upload programs know both


def announced(size_max: int) -> list[tuple[bytes, bytes]]:
    """What OPTIONS answers."""
    return [
        (b"tus-version", VERSION),
        (b"tus-extension", EXTENSIONS),
        (b"tus-max-size", str(size_max).encode()),
        (b"tus-checksum-algorithm", ",".join(ALGORITHMS).encode()),
    ]


def check_version(version: bytes | None) -> None:
    """Refused FED-5323 for another version, or none."""
    if version != VERSION:
        raise Refused(
            "FED-5323", "this server speaks tus 1.0.0", remedy="use a tus 1.0.0 upload program"
        )


def check_body_type(value: bytes | None) -> None:
    """Refused FED-5324 for any type but that of file bytes."""
    if value is None or value.partition(b";")[0].strip().lower() != BODY_TYPE:
        raise Refused("FED-5324", f"file bytes are sent as {BODY_TYPE.decode()}")


def name_of(value: bytes | None) -> str:
    """The file's name in Upload-Metadata, empty where there is none; Refused FED-5327."""
    pairs = _pairs(value or b"")
    for key in _NAMES:
        if key in pairs:
            return _checked(pairs[key])
    return ""


def metadata_of(name: str) -> bytes:
    """Upload-Metadata as a HEAD is answered."""
    return b"filename " + base64.b64encode(name.encode())


def checksum_of(value: bytes | None) -> Checksum | None:
    """Upload-Checksum; Refused FED-5329 for an algorithm that is not offered or a wrong form."""
    if value is None:
        return None
    algorithm, _, encoded = value.decode("latin-1").partition(" ")
    size = _DIGEST_BYTES.get(algorithm)
    if size is None:
        raise Refused("FED-5329", f"checksums are {' or '.join(ALGORITHMS)}")
    digest = _decoded(encoded)
    if digest is None or len(digest) != size:
        raise Refused("FED-5329", f"the checksum is not {size} bytes in base 64")
    return Checksum(algorithm, digest)


def http_date(moment: datetime) -> bytes:
    """An instant as HTTP headers have it."""
    return format_datetime(moment.astimezone(UTC), usegmt=True).encode()


def _pairs(value: bytes) -> dict[str, bytes]:
    if len(value) > TUS_METADATA_BYTES_MAX:
        raise _metadata(f"they are longer than {TUS_METADATA_BYTES_MAX} bytes")
    parts = [part.strip() for part in value.split(b",")] if value.strip() else []
    if len(parts) > TUS_METADATA_PAIRS_MAX:
        raise _metadata(f"they have more than {TUS_METADATA_PAIRS_MAX} pairs")
    pairs: dict[str, bytes] = {}
    for part in parts:
        key, _, encoded = part.partition(b" ")
        decoded = _decoded(encoded.decode("latin-1"))
        if not key.isascii() or not key or key.decode() in pairs or decoded is None:
            raise _metadata("they are not pairs of a key and base 64, each key once")
        pairs[key.decode()] = decoded
    return pairs


def _checked(data: bytes) -> str:
    try:
        name = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _metadata("the file's name is not UTF-8") from error
    if not 1 <= len(name) <= FILE_NAME_CHARACTERS_MAX or not name.isprintable():
        raise _metadata("the file's name is empty, too long or not printable")
    return name


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _metadata(detail: str) -> Refused:
    return Refused(
        "FED-5327",
        f"the metadata of the upload cannot be used: {detail}",
        remedy="send `filename` with the file's name in base 64",
    )
