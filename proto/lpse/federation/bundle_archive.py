"""The archive around a bundle: one gzip member around a plain ustar, and nothing cleverer.

Owns the only reader of bundle bytes that either side uses. It accepts regular files alone, in the
manifest's order with the manifest first, and checks every size, mode and digest while it reads;
links, devices, folders, long-name extensions, sparse files and bytes after the end are refused.
A general tar reader would believe sizes it was told and follow extensions we do not need. Memory
stays within one chunk whatever the archive claims. Leaves out where the bytes come from and go to.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import NoReturn, Protocol

from lpse.federation import limits
from lpse.federation.bundles import (
    MANIFEST_NAME,
    BundleError,
    BundleFile,
    Manifest,
    parse_manifest,
)

_BLOCK = 512
_CHUNK = 64 * 1024
_GZIP = 31  # zlib's window bits for exactly one gzip member


class ByteSource(Protocol):
    """Where the compressed bytes come from: an open file, or bytes in memory."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; empty at the end."""


class BundleReader:
    """Reads one bundle from front to back; iterate `files` and each file's chunks in turn."""

    def __init__(self, source: ByteSource) -> None:
        self._plain = _Inflated(source)
        header = _Header(self._plain.exactly(_BLOCK))
        if header.path != MANIFEST_NAME:
            _refuse(f"the first file is not {MANIFEST_NAME}")
        if header.size > limits.BUNDLE_MANIFEST_BYTES_MAX:
            _refuse(f"{MANIFEST_NAME} is larger than {limits.BUNDLE_MANIFEST_BYTES_MAX} bytes")
        self.manifest_bytes = self._plain.exactly(header.size)
        self._plain.padding(header.size)
        self.manifest: Manifest = parse_manifest(self.manifest_bytes)

    def files(self) -> Iterator[tuple[BundleFile, Iterator[bytes]]]:
        """Every file with its bytes; a file is good only once its chunks ran out without error."""
        for file in self.manifest.files:
            header = _Header(self._plain.exactly(_BLOCK))
            if header.path != file.path or header.size != file.size:
                _refuse(f"the archive has {header.path!r} where the manifest has {file.path!r}")
            if header.executable != file.executable:
                _refuse(f"the mode of {file.path!r} is not what the manifest says")
            yield file, self._chunks(file)
        self._plain.end()

    def _chunks(self, file: BundleFile) -> Iterator[bytes]:
        digest, left = hashlib.sha256(), file.size
        while left:
            chunk = self._plain.exactly(min(left, _CHUNK))
            digest.update(chunk)
            left -= len(chunk)
            yield chunk
        if digest.digest() != file.sha256:
            raise BundleError("FED-6003", f"the bytes of {file.path!r} differ from its digest")
        self._plain.padding(file.size)


def inspect_bundle(source: ByteSource) -> Manifest:
    """Check a whole bundle without keeping a byte of it: what `release add` asks."""
    reader = BundleReader(source)
    for _, chunks in reader.files():
        for _ in chunks:
            pass
    return reader.manifest


class _Inflated:
    """The decompressed bytes, read exactly; never more than one chunk ahead of the reader."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._zlib = zlib.decompressobj(_GZIP)
        self._ready = b""

    def exactly(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            if not self._ready and not self._fill():
                raise BundleError("FED-6002", "the archive ends in the middle of a file")
            part, self._ready = self._ready[:size], self._ready[size:]
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def padding(self, size: int) -> None:
        """The zeros that fill a file's last block."""
        if any(self.exactly(-size % _BLOCK)):
            _refuse("there are bytes between two files")

    def end(self) -> None:
        """Two empty blocks, at most one record of zeros more, and the end of the gzip member."""
        if any(self.exactly(2 * _BLOCK)):
            _refuse("the archive has a file that the manifest does not name")
        trailing = 0
        while self._ready or self._fill():
            trailing += len(self._ready)
            if any(self._ready) or trailing > limits.BUNDLE_TRAILING_BYTES_MAX:
                _refuse("there are bytes after the end of the archive")
            self._ready = b""
        if self._zlib.unused_data or self._source.read(1):
            _refuse("there are bytes after the end of the archive")

    def _fill(self) -> bool:
        """Decompress the next chunk; False at the end of the gzip member."""
        while not self._ready:
            if self._zlib.eof:
                return False
            compressed = self._zlib.unconsumed_tail or self._source.read(_CHUNK)
            if not compressed:
                raise BundleError("FED-6002", "the archive is cut short")
            try:
                self._ready = self._zlib.decompress(compressed, _CHUNK)
            except zlib.error as error:
                raise BundleError("FED-6002", "the archive is not gzip, or damaged") from error
        return True


class _Header:
    """One ustar header (POSIX.1-1988) of a regular file; anything else is refused."""

    def __init__(self, block: bytes) -> None:
        if not any(block):
            _refuse("the archive lacks a file that the manifest names")
        if block[257:265] != b"ustar\x0000":
            _refuse("the archive is not in the ustar format")
        if _octal(block[148:156]) != sum(block[:148]) + 8 * 0x20 + sum(block[156:]):
            raise BundleError("FED-6002", "a header of the archive is damaged")
        if block[156:157] != b"0":
            _refuse("the archive has something else than regular files")
        name, prefix = _name(block[:100]), _name(block[345:500])
        self.path = f"{prefix}/{name}" if prefix else name
        self.size = _octal(block[124:136])
        self.executable = bool(_octal(block[100:108]) & 0o100)


def _name(field: bytes) -> str:
    text = field.split(b"\0", 1)[0]
    try:
        return text.decode("ascii")
    except UnicodeDecodeError as error:
        raise BundleError("FED-6001", "a path of the archive is not ASCII") from error


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if not digits or digits.strip(b"01234567"):
        _refuse("a header of the archive has a number that is not octal")
    return int(digits, 8)


def _refuse(message: str) -> NoReturn:
    raise BundleError("FED-6001", message, remedy="build the bundle again")
