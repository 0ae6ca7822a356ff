"""What a vendor's program may say about its bid: names, keys, details, and their limits.

Owns the check of a submission's form before its first byte. Rules: whatever is accepted here fits
into one receipt and one journal entry; no message repeats a name (it could reach a log). Leaves out
the schedule and the bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from lpse.federation.commitments import (
    CHANNEL_BIDDING_ROOM,
    CHANNELS,
    SealedFile,
    SubmissionDetails,
)
from lpse.federation.errors import Refused
from lpse.federation.limits import (
    BIDDING_ROOM_SEAT_MAX,
    FILE_NAME_CHARACTERS_MAX,
    FREE_DETAILS_BYTES_MAX,
    FREE_DETAILS_DEPTH_MAX,
    INTAKE_KEY_CHARACTERS_MAX,
    INTAKE_KEY_CHARACTERS_MIN,
    PACKAGE_CODE_CHARACTERS_MAX,
    SUBMISSION_DETAILS_BYTES_MAX,
    SUBMISSION_FILES_MAX,
    VENDOR_CHARACTERS_MAX,
)

_KEY = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]*", re.ASCII)
_DIGEST_BYTES: Final = 32
_WHOLE_NUMBER_MAX: Final = 1 << 53  # beyond it other JSON readers round, and a digest would differ


def read_vendor_details(data: bytes) -> tuple[str, dict[str, Any]]:
    """Vendor reference and the other fields of a details document; Refused FED-5001."""
    if len(data) > FREE_DETAILS_BYTES_MAX:
        raise _details(f"they are longer than {FREE_DETAILS_BYTES_MAX} bytes")
    try:
        document = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_no_fraction,
            parse_constant=_no_fraction,
        )
    except (ValueError, RecursionError) as error:
        raise _details("they are not JSON in UTF-8") from error
    if not isinstance(document, dict):
        raise _details("they are not a JSON object")
    _check_value(document, FREE_DETAILS_DEPTH_MAX)
    vendor = document.pop("vendor", None)
    if not isinstance(vendor, str) or not 1 <= len(vendor.strip()) <= VENDOR_CHARACTERS_MAX:
        raise _details(f"`vendor` must be a text of 1 to {VENDOR_CHARACTERS_MAX} characters")
    return vendor, document


def check_details(details: SubmissionDetails, bytes_max: int) -> None:
    """Refuse what no receipt could hold: FED-5002 to FED-5007, FED-5016."""
    check_key(details.intake_key)
    check_package(details.package)
    if details.replaces:
        check_key(details.replaces)
    _check_channel(details.channel, details.seat)
    check_files(details.files)
    total = sum(file.size_bytes for file in details.files)
    if total > bytes_max:
        raise Refused(
            "FED-5003",
            f"the submission has {total} bytes, more than the limit of {bytes_max}",
            remedy="make the files smaller or ask the LPSE about its limit",
        )
    complete = _with_digests(details)
    if len(complete.canonical()) > SUBMISSION_DETAILS_BYTES_MAX:
        raise Refused(
            "FED-5004",
            f"names and details together have more than {SUBMISSION_DETAILS_BYTES_MAX} bytes",
            remedy="use shorter file names or fewer files",
        )


def check_key(key: str) -> None:
    """An intake key is hard to guess and easy to write down; Refused FED-5005."""
    if (
        not INTAKE_KEY_CHARACTERS_MIN <= len(key) <= INTAKE_KEY_CHARACTERS_MAX
        or _KEY.fullmatch(key) is None
    ):
        raise Refused(
            "FED-5005",
            f"an intake key has {INTAKE_KEY_CHARACTERS_MIN} to {INTAKE_KEY_CHARACTERS_MAX} letters,"
            " digits, dots, underscores or hyphens",
            remedy="give another key",
        )


def check_package(package: str) -> None:
    """A package code; Refused FED-5016."""
    if len(package) > PACKAGE_CODE_CHARACTERS_MAX or _PACKAGE.fullmatch(package) is None:
        raise Refused("FED-5016", "that is not a package code", remedy="copy the code from SPSE")


def _check_channel(channel: str, seat: int) -> None:
    if channel not in CHANNELS:
        raise Refused("FED-5007", "the channel is direct or bidding-room")
    if channel == CHANNEL_BIDDING_ROOM and not 1 <= seat <= BIDDING_ROOM_SEAT_MAX:
        raise Refused(
            "FED-5007", f"an upload from the Bidding Room names a PC, 1 to {BIDDING_ROOM_SEAT_MAX}"
        )
    if channel != CHANNEL_BIDDING_ROOM and seat:
        raise Refused("FED-5007", "only an upload from the Bidding Room names a PC")


def check_files(files: Sequence[SealedFile]) -> None:
    """Their number, names and digests; Refused FED-5002."""
    if not 1 <= len(files) <= SUBMISSION_FILES_MAX:
        raise _files(f"a submission has 1 to {SUBMISSION_FILES_MAX} files, not {len(files)}")
    names = [file.name for file in files]
    for position, file in enumerate(files, start=1):
        if not 1 <= len(file.name) <= FILE_NAME_CHARACTERS_MAX or not _is_text(file.name):
            raise _files(f"the name of file {position} is empty, too long or not printable")
        if len(file.sha256) not in (0, _DIGEST_BYTES):
            raise _files(f"the digest of file {position} has not 32 bytes")
    if len(set(names)) != len(names):
        raise _files("two files have the same name")


def _with_digests(details: SubmissionDetails) -> SubmissionDetails:
    """The details as long as they will be when every digest is known."""
    files = tuple(
        SealedFile(file.name, file.size_bytes, bytes(_DIGEST_BYTES)) for file in details.files
    )
    return with_files(details, files)


def with_files(details: SubmissionDetails, files: tuple[SealedFile, ...]) -> SubmissionDetails:
    """The same submission with its files as they turned out."""
    return replace(details, files=files)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _details("a field stands in them twice")
    return found


def _no_fraction(text: str) -> Any:
    raise _details("numbers in them must be whole; write others as text")


def _check_value(value: Any, depth: int) -> None:
    if depth < 0:
        raise _details(f"they are nested deeper than {FREE_DETAILS_DEPTH_MAX}")
    if isinstance(value, str) and not _is_text(value, also="\n\t"):
        raise _details("a text in them holds characters that cannot be printed")
    if type(value) is int and abs(value) > _WHOLE_NUMBER_MAX:
        raise _details("a number in them is too large; write it as text")
    if isinstance(value, dict):
        for key, item in value.items():
            _check_value(key, depth)
            _check_value(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check_value(item, depth - 1)


def _is_text(text: str, also: str = "") -> bool:
    return all(character.isprintable() or character in also for character in text)


def _details(detail: str) -> Refused:
    return Refused(
        "FED-5001",
        f"the details of the submission cannot be used: {detail}",
        remedy='give a JSON object such as {"vendor": "…"}',
    )


def _files(detail: str) -> Refused:
    return Refused("FED-5002", detail, remedy="check the list of files")
