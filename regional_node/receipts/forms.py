"""What people give to the public check: a form of one receipt and digests of files.

Owns reading it within its limits. Rules: a form that is too large is refused while it is read, and
never touches the disk; a pasted text gets back what browsers do to it (line ends, a missing last
line end), an uploaded file is taken byte for byte, or, if it is a print or a JSON form, the signed
text in it (`enclosed`). Leaves out what is checked (`checking`).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import Request

from lpse.federation.errors import Refused, Unavailable
from lpse.federation.limits import (
    BLOB_BYTES_MAX,
    TLOG_PROOF_BYTES_MAX,
    VERIFY_DIGESTS_MAX,
    VERIFY_FORM_BYTES_MAX,
    VERIFY_FORM_SECONDS_MAX,
    VERIFY_FORMS_BYTES_MAX,
    WEB_TURN_REST_SECONDS,
)
from regional_node.receipts.checking import Given
from regional_node.receipts.enclosed import copied, enclosed, is_signed

_FIELDS_MAX: Final = 8
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME_CHARACTERS_MAX: Final = 255
RETRY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One check: the signed text, the files of the bid, and whether the proof is wanted."""

    text: bytes
    given: tuple[Given, ...]
    proof: bool


class Forms:
    """Reads the forms of all callers."""

    def __init__(
        self,
        *,
        bytes_max: int = VERIFY_FORMS_BYTES_MAX,
        seconds_max: float = VERIFY_FORM_SECONDS_MAX,
    ) -> None:
        self._bytes_max = bytes_max
        self._seconds_max = seconds_max
        self._held = 0
        self._turn = asyncio.Lock()
        self._waiting = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[Asked]:
        """The form of a POST, one after the other: a check is work that uploads must not wait for.

        Refused FED-5114 for anything that cannot be one; Unavailable FED-5118.
        """
        pieces = bytearray()
        try:
            async with asyncio.timeout(self._seconds_max):
                async for piece in request.stream():
                    self._held += len(piece)
                    pieces += piece
                    self._check(len(pieces))
        except TimeoutError as error:
            self._held -= len(pieces)
            raise unusable("it came too slowly") from error
        except BaseException:
            self._held -= len(pieces)
            raise
        self._waiting += 1
        try:
            async with self._turn:
                try:
                    yield await _read(request, bytes(pieces))
                finally:
                    if self._waiting > 1:
                        await asyncio.sleep(WEB_TURN_REST_SECONDS)
        finally:
            self._waiting -= 1
            self._held -= len(pieces)

    def _check(self, size: int) -> None:
        if size > VERIFY_FORM_BYTES_MAX:
            raise unusable(f"it is larger than {VERIFY_FORM_BYTES_MAX} bytes")
        if self._held > self._bytes_max:
            error = Unavailable(
                "FED-5118",
                "too many receipts are being checked now",
                remedy="try again in a minute, or check with `lpse-node receipt verify`",
            )
            error.retry_after_seconds = RETRY_SECONDS
            raise error


async def _read(request: Request, body: bytes) -> Asked:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            form = await MultiPartParser(
                request.headers,
                _once(body),
                max_files=1,
                max_fields=_FIELDS_MAX,
                max_part_size=VERIFY_FORM_BYTES_MAX,
            ).parse()
        elif kind == "application/x-www-form-urlencoded":
            form = await FormParser(
                request.headers,
                _once(body),
                max_fields=_FIELDS_MAX,
                max_part_size=VERIFY_FORM_BYTES_MAX,
            ).parse()
        else:
            raise unusable("the form has another type than a browser sends")
    except (MultiPartException, ValueError, KeyError, AssertionError) as error:
        raise unusable("the form is malformed") from error
    try:
        text = await _text(form)
    finally:
        await form.close()
    return Asked(text, read_digests(_field(form, "digests")), _field(form, "want") == "proof")


def read_digests(typed: str) -> tuple[Given, ...]:
    """Files as the page's script tells them (JSON), or digests typed by hand, one per line."""
    typed = typed.strip()
    if typed.startswith("["):
        try:
            listed = json.loads(typed)
        except (ValueError, RecursionError) as error:
            raise unusable("the digests are malformed") from error
        given = [_told(one) for one in listed] if isinstance(listed, list) else []
    else:
        given = [_typed(line) for line in typed.splitlines() if line.strip()]
    if len(given) > VERIFY_DIGESTS_MAX:
        raise unusable(f"there are more than {VERIFY_DIGESTS_MAX} digests")
    return tuple(given)


def unusable(detail: str) -> Refused:
    """FED-5114 with what is wrong."""
    return Refused(
        "FED-5114",
        f"what was given cannot be checked: {detail}",
        remedy="give the receipt's file as it was handed out, and digests of 64 hex digits",
    )


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


async def _text(form: FormData) -> bytes:
    file = form.get("file")
    if isinstance(file, UploadFile):
        content = await file.read()  # the form as a whole is bounded
        if content:
            if is_signed(content):
                return _bounded(content)
            found: bytes | None = await asyncio.to_thread(enclosed, content)
            return _bounded(found or content)
    pasted = _field(form, "receipt").replace("\r\n", "\n").strip("\ufeff \t\n")
    if not pasted:
        raise unusable("neither a file nor a text was given")
    try:
        return _bounded(f"{pasted}\n".encode())
    except UnicodeEncodeError as error:
        raise unusable("the text is not Unicode") from error


def _bounded(text: bytes) -> bytes:
    if len(text) > TLOG_PROOF_BYTES_MAX:
        raise unusable(f"the text is longer than {TLOG_PROOF_BYTES_MAX} bytes")
    return text


def _field(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _typed(line: str) -> Given:
    """A digest, or a line as `sha256sum` prints it."""
    digest, _, name = copied(line).partition(" ")
    if _DIGEST.fullmatch(digest.lower()) is None:
        raise unusable("a digest is not 64 hex digits")
    return Given(name.strip(" *")[:_NAME_CHARACTERS_MAX], bytes.fromhex(digest))


def _told(one: Any) -> Given:
    if not isinstance(one, dict):
        raise unusable("the digests are malformed")
    digest, size, name = one.get("sha256"), one.get("bytes"), one.get("name", "")
    if not isinstance(digest, str) or _DIGEST.fullmatch(digest) is None:
        raise unusable("a digest is not 64 hex digits")
    if type(size) is not int or not 0 <= size <= BLOB_BYTES_MAX or not isinstance(name, str):
        raise unusable("the size of a file is missing or impossible")
    return Given(name[:_NAME_CHARACTERS_MAX], bytes.fromhex(digest), size)
