"""Release bundles: what the manifest may say, and which archives are refused on both sides."""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation import limits
from lpse.federation.bundle_archive import BundleReader, inspect_bundle
from lpse.federation.bundles import BundleError, Manifest, check_path, parse_manifest
from lpse.federation.errors import FederationError
from lpse.federation.versions import parse_version

FILES = {"bin/hook": b"#!/bin/sh\nexit 0\n", "bin/serve": b"#!/bin/sh\n", "web/index.html": b"<p>"}
HOOKS = ("preflight", "apply", "health", "rollback")


def described(files: dict[str, bytes] | None = None) -> dict[str, Any]:
    """A manifest that is right."""
    chosen = FILES if files is None else files
    return {
        "format": "lpse-bundle/1",
        "version": "3.6",
        "from_versions": ["3.0", "v3.5u20140101"],
        "hooks": {h: {"arguments": ["bin/hook", h, "--now"], "timeout_seconds": 9} for h in HOOKS},
        "service": {
            "arguments": ["bin/serve", "--quiet"],
            "version_path": "/eproc4/version",
            "health_path": "/health",
            "start_timeout_seconds": 60,
            "stop_timeout_seconds": 20,
        },
        "files": [
            {
                "path": name,
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "mode": "0755" if name.startswith("bin/") else "0644",
            }
            for name, data in chosen.items()
        ],
    }


def packed(
    manifest: dict[str, Any] | bytes | None = None,
    members: dict[str, bytes] | None = None,
    change: Callable[[tarfile.TarInfo], None] = lambda _: None,
    form: int = tarfile.USTAR_FORMAT,
) -> bytes:
    """An archive as the standard tar writer makes it, after `change` had its way with headers."""
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest or described()).encode()
    everything = {"manifest.json": text, **(FILES if members is None else members)}
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for name, data in everything.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            header.mode = 0o755 if name.startswith("bin/") else 0o644
            change(header)
            archive.addfile(header, io.BytesIO(data) if header.isreg() else None)
    return gzip.compress(target.getvalue(), mtime=0)


def inspect(data: bytes) -> Manifest:
    return inspect_bundle(io.BytesIO(data))


def refused(data: bytes) -> BundleError:
    with pytest.raises(BundleError) as caught:
        inspect(data)
    return caught.value


def test_good_bundle_is_read_whole() -> None:
    """What tar wrote comes back: manifest, order, bytes."""
    reader = BundleReader(io.BytesIO(packed()))
    assert {file.path: b"".join(chunks) for file, chunks in reader.files()} == FILES
    manifest = reader.manifest
    assert manifest.version == parse_version("3.6")
    assert manifest.from_versions == (parse_version("3.0"), parse_version("v3.5u20140101"))
    assert manifest.hooks["apply"].arguments == ("bin/hook", "apply", "--now")
    assert manifest.unpacked_bytes == sum(map(len, FILES.values()))
    assert manifest.longest_seconds() == 4 * 9 + 2 * (60 + 20)


def altered(*path: str | int, value: Any) -> dict[str, Any]:
    """The right manifest with one value changed, or removed where `value` is ..."""
    manifest = copy.deepcopy(described())
    place: Any = manifest
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return manifest


@pytest.mark.parametrize(
    "manifest",
    [
        altered("format", value="lpse-bundle/2"),
        altered("surprise", value=1),
        altered("version", value="3.6; reboot"),
        altered("version", value=3.6),
        altered("from_versions", value=["3.6"]),
        altered("from_versions", value=["3.0", "v3.0"]),
        altered("from_versions", value="3.0"),
        altered("hooks", "commit", value={"arguments": ["bin/hook"], "timeout_seconds": 1}),
        altered("hooks", "rollback", value=...),
        altered("hooks", "apply", "shell", value=True),
        altered("hooks", "apply", "arguments", value="bin/hook --now"),
        altered("hooks", "apply", "arguments", value=[]),
        altered("hooks", "apply", "arguments", value=["/bin/sh", "-c", "true"]),
        altered("hooks", "apply", "arguments", value=["web/index.html"]),
        altered("hooks", "apply", "arguments", value=["bin/hook", "a\0b"]),
        altered("hooks", "apply", "arguments", value=["bin/hook", 7]),
        altered("hooks", "apply", "timeout_seconds", value=0),
        altered("hooks", "apply", "timeout_seconds", value=True),
        altered("hooks", "apply", "timeout_seconds", value=1.5),
        altered("hooks", "apply", "timeout_seconds", value=10**9),
        altered("service", "health_path", value="http://elsewhere/"),
        altered("service", "version_path", value="/a b"),
        altered("service", "port", value=80),
        altered("files", value=[]),
        altered("files", 0, "path", value="../outside"),
        altered("files", 0, "path", value="/etc/passwd"),
        altered("files", 0, "path", value="bin//hook"),
        altered("files", 0, "path", value="bin/./hook"),
        altered("files", 0, "path", value="BIN/SERVE"),
        altered("files", 0, "path", value="manifest.json"),
        altered("files", 2, "path", value="bin/serve/below"),
        altered("files", 0, "mode", value="4755"),
        altered("files", 0, "mode", value=0o755),
        altered("files", 0, "sha256", value="AB" * 32),
        altered("files", 0, "size", value=-1),
        altered("files", 0, "size", value=limits.BUNDLE_UNPACKED_BYTES_MAX + 1),
        altered("files", 0, "owner", value="root"),
    ],
)
def test_manifest_that_is_not_exactly_right_is_refused(manifest: dict[str, Any]) -> None:
    """Unknown, missing and wrong values are errors; nothing is guessed."""
    with pytest.raises(BundleError) as caught:
        parse_manifest(json.dumps(manifest).encode())
    assert caught.value.code == "FED-6001"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"format": NaN}',
        b'{"version": "3.6", "version": "3.7"}',
        b"[" * 100_000,
    ],
)
def test_manifest_that_is_not_a_plain_object_is_refused(data: bytes) -> None:
    """Repeated keys, NaN, deep nesting and other encodings hide what a reader would choose."""
    with pytest.raises(BundleError):
        parse_manifest(data)


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 12: the number of files has a limit, and the answer says so."""
    monkeypatch.setattr(limits, "BUNDLE_FILES_MAX", 2)
    assert "1 to 2 files" in refused(packed()).message


def test_oversized_bundle_is_refused_by_its_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum of the sizes is judged before a byte of any file is unpacked."""
    monkeypatch.setattr(limits, "BUNDLE_UNPACKED_BYTES_MAX", 20)
    assert refused(packed()).code == "FED-6001"


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE,
     tarfile.DIRTYPE],
)  # fmt: skip
def test_anything_but_regular_files_is_refused(kind: bytes) -> None:
    """Links, devices, pipes and folders have no place in a bundle."""

    def change(header: tarfile.TarInfo) -> None:
        if header.name == "bin/serve":
            header.type, header.linkname, header.size = kind, "/etc/passwd", 0

    refused(packed(change=change))


@pytest.mark.parametrize("name", ["../../evil", "/etc/cron.d/evil", "bin/serve2"])
def test_archive_that_disagrees_with_its_manifest_is_refused(name: str) -> None:
    """Only names that the manifest has are ever unpacked, so no header can choose a place."""

    def change(header: tarfile.TarInfo) -> None:
        if header.name == "bin/serve":
            header.name = name

    assert "where the manifest has" in refused(packed(change=change)).message


def test_mode_that_differs_from_the_manifest_is_refused() -> None:
    """A file is not made executable behind the manifest's back."""

    def change(header: tarfile.TarInfo) -> None:
        if header.name == "web/index.html":
            header.mode = 0o755

    assert "mode" in refused(packed(change=change)).message


def test_other_bytes_than_the_digest_are_refused() -> None:
    """A file is good only once all its bytes were read and agree."""
    members = {**FILES, "web/index.html": b"<b>"}
    assert refused(packed(members=members)).code == "FED-6003"


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_extensions_of_tar_are_refused(form: int) -> None:
    """Long names and extended headers are ways to say two things at once."""
    members = {f"{'a' * 150}/{'b' * 150}": b"x"}
    manifest = described()
    refused(packed(manifest, members, form=form))


def test_missing_file_and_surplus_file_are_refused() -> None:
    """The archive has the manifest's files, all of them and no other."""
    fewer = {name: data for name, data in FILES.items() if name != "web/index.html"}
    assert "lacks a file" in refused(packed(members=fewer)).message
    assert "does not name" in refused(packed(members={**FILES, "extra": b"x"})).message


def test_manifest_must_come_first() -> None:
    """A reader knows what to expect before it sees the first file."""
    refused(packed(change=lambda header: setattr(header, "name", header.name + "x")))


def test_bytes_after_the_end_are_refused() -> None:
    """A second gzip member or anything else behind the archive is no part of it."""
    assert "after the end" in refused(packed() + b"x").message
    assert "after the end" in refused(packed() + packed()).message
    padded = gzip.compress(gzip.decompress(packed()) + b"\0" * (1 << 20))
    assert "after the end" in refused(padded).message


def test_bomb_costs_no_memory() -> None:
    """A megabyte that inflates to a gigabyte of zeros is refused after a few kilobytes."""
    bomb = gzip.compress(gzip.decompress(packed()) + b"\0" * (64 << 20), compresslevel=9)

    class Counting(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            part = super().read(size)
            self.taken += len(part)
            return part

    source = Counting(bomb)
    with pytest.raises(BundleError):
        inspect_bundle(source)
    assert source.taken <= 2 * 64 * 1024


@given(st.integers(min_value=0, max_value=10_000))
def test_bundle_cut_anywhere_is_refused(cut: int) -> None:
    """No prefix of a bundle is a bundle."""
    data = packed()
    with pytest.raises(BundleError):
        inspect(data[: cut % len(data)])


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_one_changed_byte_never_gives_other_content(place: int, flip: int) -> None:
    """A damaged bundle is refused, or is the same bundle (a byte that carries nothing)."""
    data = bytearray(packed())
    data[place % len(data)] ^= flip
    try:
        manifest = inspect(bytes(data))
    except BundleError:
        return
    assert manifest == inspect(packed())


@given(st.binary(max_size=3_000))
def test_noise_is_refused_by_name(noise: bytes) -> None:
    """Whatever comes, the answer is a BundleError with a code."""
    with pytest.raises(FederationError):
        inspect(noise)
    with pytest.raises(FederationError):
        inspect(gzip.compress(noise))


@pytest.mark.parametrize(
    "path",
    ["a", "a/b.c", ".hidden", "WEB-INF/lib/x-1.0.jar", "x$1.class", "a b/c d", "[x]{y}~#%&!"],
)
def test_ordinary_names_are_allowed(path: str) -> None:
    """The names that a Java application has fit the grammar."""
    check_path(path)


@pytest.mark.parametrize(
    "path",
    ["", "/a", "a/", "a//b", "..", "a/..", "./a", "a/.", "a\\b", "c:d", "a\n", "é", "-rf", " a",
     "a ", "a.", "a/" * 16 + "a", "x" * 201],
)  # fmt: skip
def test_names_that_could_mean_something_else_are_refused(path: str) -> None:
    """Absolute, climbing, foreign, over-long and option-like names are no names here."""
    with pytest.raises(BundleError):
        check_path(path)
