"""tus 1.0.0 over a grant: `/g/{grant}/files` and `/g/{grant}/files/{id}`.

Owns methods, statuses and headers of the protocol. Rules: Upload-Offset is what `Files` recorded
after fsync, never what was received (Invariant 1); a version other than 1.0.0 changes nothing; a
refusal leaves the offset as it was. Leaves out bytes and admission (regional_node/tus).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Final

from lpse.federation.errors import Refused
from regional_node.grants.rules import Grant
from regional_node.tus.errors import FileUnknown
from regional_node.tus.rows import FileState
from regional_node.web import tus_headers as wire
from regional_node.web.answers import RESUMABLE, Answer, Headers
from regional_node.web.calls import Call, not_allowed
from regional_node.web.ports import FindsGrants, ResumableFiles

_FILE: Final = re.compile(rb"files/([A-Za-z0-9_-]{1,64})")
_OVERRIDE: Final = b"x-http-method-override"
_METHODS: Final = ("HEAD", "PATCH", "DELETE")


class TusDoor:
    """See the module's first lines."""

    def __init__(
        self,
        files: ResumableFiles,
        grants: FindsGrants,
        *,
        prefix: str,
        unnamed: Callable[[], str],
    ) -> None:
        """`prefix`: what a proxy puts before `/g/`; `unnamed`: a name for a file without one."""
        self._files = files
        self._grants = grants
        self._prefix = prefix
        self._unnamed = unnamed

    async def answer(self, grant: Grant, call: Call) -> Answer:
        """One request below `files`."""
        method = _method_of(call)
        if call.rest.rstrip(b"/") == b"files":
            if method == "OPTIONS":
                return Answer(204, [RESUMABLE, *wire.announced(grant.bytes_max)])
            wire.check_version(call.header(b"tus-resumable"))
            if method != "POST":
                raise not_allowed("OPTIONS, POST")
            return await self._create(grant, call)
        file_id = _file_of(call.rest)
        if method == "OPTIONS":
            return Answer(204, [RESUMABLE, *wire.announced(grant.bytes_max)])
        wire.check_version(call.header(b"tus-resumable"))
        match method:
            case "HEAD":
                return await self._head(grant, file_id)
            case "PATCH":
                return await self._patch(grant, file_id, call)
            case "DELETE":
                await self._files.terminate(grant, file_id)
                return Answer(204, [RESUMABLE])
        raise not_allowed("OPTIONS, HEAD, PATCH, DELETE")

    async def _create(self, grant: Grant, call: Call) -> Answer:
        for other in (b"upload-defer-length", b"upload-concat"):
            if call.header(other) is not None:
                raise _length(f"{other.decode()} is not offered here")
        size = call.number(b"upload-length")
        if size is None:
            raise _length("the size of the file must be announced")
        name = wire.name_of(call.header(b"upload-metadata")) or self._unnamed()
        checksum = wire.checksum_of(call.header(b"upload-checksum"))
        with_bytes = call.body_bytes is None or call.body_bytes > 0
        if with_bytes:
            wire.check_body_type(call.header(b"content-type"))
            _check_fits(call.body_bytes, size)
            body = self._body(grant, call, size)
            file = await self._files.create_with(grant, size, name, body, checksum)
        else:
            file = await self._files.create(grant, size, name)
        location = f"{self._prefix}/g/{call.token}/files/{file.file_id}"
        headers = [RESUMABLE, (b"location", location.encode()), *_offset(file), *_expires(file)]
        return Answer(201, headers)

    async def _head(self, grant: Grant, file_id: str) -> Answer:
        file = await self._files.state(grant, file_id)
        return Answer(
            200,
            [
                RESUMABLE,
                *_offset(file),
                (b"upload-length", str(file.size_bytes).encode()),
                (b"upload-metadata", wire.metadata_of(file.name)),
                *_expires(file),
                (b"cache-control", b"no-store"),
            ],
        )

    async def _patch(self, grant: Grant, file_id: str, call: Call) -> Answer:
        wire.check_body_type(call.header(b"content-type"))
        offset = call.number(b"upload-offset")
        if offset is None:
            raise _length("the offset of the first byte must be given")
        checksum = wire.checksum_of(call.header(b"upload-checksum"))
        known = await self._files.state(grant, file_id)
        if offset == known.offset_bytes:
            _check_fits(call.body_bytes, known.size_bytes - offset)
        body = self._body(grant, call, known.size_bytes - min(offset, known.size_bytes))
        file = await self._files.write(grant, file_id, offset, body, checksum)
        return Answer(204, [RESUMABLE, *_offset(file), *_expires(file)])

    async def _body(self, grant: Grant, call: Call, room: int) -> AsyncIterator[bytes]:
        """The pieces; one byte more than the file has room for ends them with FED-5325."""
        came = 0
        async for piece in call.pieces(lambda: self._grants.is_live(grant)):
            came += len(piece)
            if came > room:
                raise _overrun()
            yield piece


def _method_of(call: Call) -> str:
    """What is meant: programs behind old proxies send POST and name the method in a header."""
    override = call.header(_OVERRIDE)
    if override is None:
        return call.method
    method = override.decode("latin-1").upper()
    if call.method != "POST" or method not in _METHODS:
        raise not_allowed("POST with X-HTTP-Method-Override of HEAD, PATCH or DELETE")
    return method


def _file_of(rest: bytes) -> str:
    match = _FILE.fullmatch(rest)
    if match is None:
        raise FileUnknown
    return match[1].decode("ascii")


def _offset(file: FileState) -> Headers:
    return [(b"upload-offset", str(file.offset_bytes).encode())]


def _expires(file: FileState) -> Headers:
    if not file.state.is_live:
        return []
    return [(b"upload-expires", wire.http_date(file.expire_time))]


def _check_fits(announced: int | None, room: int) -> None:
    if announced is not None and announced > room:
        raise _overrun()


def _overrun() -> Refused:
    return Refused(
        "FED-5325",
        "the request brings more bytes than the file was announced with",
        remedy="begin the file's upload again with its true size",
    )


def _length(detail: str) -> Refused:
    return Refused("FED-5326", detail, remedy="correct the upload program")
