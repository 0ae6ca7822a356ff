"""What a release bundle says about itself: the manifest, and the one way to read it.

Owns the format `lpse-bundle/1` (strict JSON: unknown, missing or repeated keys are errors), the
grammar of paths inside a bundle, and the hooks' contract. Both sides need it to the bit: the
centre must refuse at `release add` exactly what a node would refuse at 3 a.m. A program is always
an argument vector whose first word is an executable file of the bundle; there is no shell and no
string to build one from. Leaves out the archive around the manifest (`bundle_archive.py`) and
everything that touches a disk.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from lpse.federation import limits
from lpse.federation.errors import FederationError, Refused
from lpse.federation.versions import SpseVersion, parse_version

T = TypeVar("T")

FORMAT = "lpse-bundle/1"
MANIFEST_NAME = "manifest.json"
HOOK_NAMES = ("preflight", "apply", "health", "rollback")

_SEGMENT = re.compile(r"[A-Za-z0-9_@+$=,()\[\]{}~#%&!.-][A-Za-z0-9_@+$=,()\[\]{}~#%&!. -]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_URL_PATH = re.compile(r"/[A-Za-z0-9._~/-]{0,199}")
_MODES = {"0644": False, "0755": True}


class BundleError(Refused):
    """The bundle cannot be what a release needs; it was not unpacked and nothing was started."""


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One regular file of a bundle: where it goes, and what its bytes must be."""

    path: str
    size: int
    sha256: bytes
    executable: bool


@dataclass(frozen=True, slots=True)
class Hook:
    """A program of the bundle, run in its slot; exit status 0 within the time is success.

    `rollback` must be harmless when `apply` never began, stopped half-way or already was undone:
    a node that lost power calls it without knowing. LPSE_ATTEMPT names the attempt to undo.
    """

    arguments: tuple[str, ...]
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """How the service of this version is started, asked and stopped on 127.0.0.1:LPSE_PORT."""

    arguments: tuple[str, ...]
    version_path: str
    health_path: str
    start_timeout_seconds: int
    stop_timeout_seconds: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole bundle, as its first file describes it."""

    version: SpseVersion
    from_versions: tuple[SpseVersion, ...]
    hooks: Mapping[str, Hook]
    service: ServiceSpec
    files: tuple[BundleFile, ...]

    @property
    def unpacked_bytes(self) -> int:
        return sum(file.size for file in self.files)

    def longest_seconds(self) -> int:
        """The longest an apply followed by a rollback may take, by its own time limits."""
        hooks = sum(hook.timeout_seconds for hook in self.hooks.values())
        restarts = self.service.start_timeout_seconds + self.service.stop_timeout_seconds
        return hooks + 2 * restarts


def parse_manifest(data: bytes) -> Manifest:
    """The manifest in `data`, or a `BundleError` that names the first thing wrong with it."""
    if len(data) > limits.BUNDLE_MANIFEST_BYTES_MAX:
        _refuse(f"{MANIFEST_NAME} is larger than {limits.BUNDLE_MANIFEST_BYTES_MAX} bytes")
    document = _Fields(_load(data), MANIFEST_NAME)
    if document.take("format", str) != FORMAT:
        _refuse(f"{MANIFEST_NAME}: format is not {FORMAT}")
    version = _version(document.take("version", str), "version")
    from_versions = _from_versions(document.take("from_versions", list), version)
    files = _files(document.take("files", list))
    programs = {file.path for file in files if file.executable}
    hooks = _hooks(_Fields(document.take("hooks", dict), "hooks"), programs)
    service = _service(_Fields(document.take("service", dict), "service"), programs)
    document.finish()
    return Manifest(version, from_versions, hooks, service, files)


def check_path(path: str) -> None:
    """Refuse a path that could leave the slot or be read differently by two machines."""
    if not 0 < len(path) <= limits.BUNDLE_PATH_CHARACTERS_MAX:
        _refuse(f"a path has {len(path)} characters")
    segments = path.split("/")
    if len(segments) > limits.BUNDLE_PATH_DEPTH_MAX:
        _refuse(f"path {path!r} is too deep")
    for segment in segments:
        plain = _SEGMENT.fullmatch(segment) and segment[-1] not in ". "
        if not plain or segment.startswith("-"):
            _refuse(f"path {path!r} is not a plain relative path")


class _Fields:
    """One JSON object, taken apart key by key; what is left over at the end is an error."""

    def __init__(self, values: dict[str, object], where: str) -> None:
        self._values = dict(values)
        self._where = where

    def take(self, key: str, kind: type[T]) -> T:
        if key not in self._values:
            _refuse(f"{self._where}: {key!r} is missing")
        value = self._values.pop(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            _refuse(f"{self._where}: {key!r} must be of type {kind.__name__}")
        return value

    def integer(self, key: str, low: int, high: int) -> int:
        value = self.take(key, int)
        if not low <= value <= high:
            _refuse(f"{self._where}: {key!r} must lie between {low} and {high}")
        return value

    def finish(self) -> None:
        if self._values:
            _refuse(f"{self._where}: unknown key {sorted(self._values)[0]!r}")


def _load(data: bytes) -> dict[str, object]:
    """The JSON object in `data`; a repeated key or a number that is none would hide a choice."""
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_no_repeats, parse_constant=_no_constants
        )
    except (ValueError, RecursionError) as error:
        raise BundleError("FED-6001", f"{MANIFEST_NAME} is not JSON") from error
    if not isinstance(value, dict):
        _refuse(f"{MANIFEST_NAME} is not a JSON object")
    return value


def _no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        _refuse(f"{MANIFEST_NAME}: a key occurs twice")
    return values


def _no_constants(name: str) -> NoReturn:
    _refuse(f"{MANIFEST_NAME}: {name} is not a JSON value")


def _version(text: str, where: str) -> SpseVersion:
    try:
        return parse_version(text)
    except FederationError as error:
        raise BundleError("FED-6001", f"{where}: {error.message}") from error


def _from_versions(values: list[object], version: SpseVersion) -> tuple[SpseVersion, ...]:
    """The versions that may be upgraded; empty for a bundle that only a new node can start with."""
    if len(values) > limits.BUNDLE_FROM_VERSIONS_MAX:
        _refuse(f"from_versions has more than {limits.BUNDLE_FROM_VERSIONS_MAX} versions")
    parsed = tuple(_version(_text(value, "from_versions"), "from_versions") for value in values)
    if version in parsed or len(set(parsed)) != len(parsed):
        _refuse("from_versions repeats a version or names the bundle's own")
    return parsed


def _files(values: list[object]) -> tuple[BundleFile, ...]:
    if not 0 < len(values) <= limits.BUNDLE_FILES_MAX:
        _refuse(f"a bundle has 1 to {limits.BUNDLE_FILES_MAX} files, not {len(values)}")
    files = tuple(_file(value) for value in values)
    if sum(file.size for file in files) > limits.BUNDLE_UNPACKED_BYTES_MAX:
        _refuse(f"the files are larger than {limits.BUNDLE_UNPACKED_BYTES_MAX} bytes together")
    _check_no_collision(files)
    return files


def _file(value: object) -> BundleFile:
    if not isinstance(value, dict):
        _refuse("files: each file is a JSON object")
    fields = _Fields(value, "files")
    path = fields.take("path", str)
    check_path(path)
    size = fields.integer("size", 0, limits.BUNDLE_UNPACKED_BYTES_MAX)
    digest = fields.take("sha256", str)
    mode = fields.take("mode", str)
    fields.finish()
    if not _DIGEST.fullmatch(digest):
        _refuse(f"files: sha256 of {path!r} is not 64 lower-case hexadecimal digits")
    if mode not in _MODES:
        _refuse(f"files: mode of {path!r} must be one of {', '.join(_MODES)}")
    return BundleFile(path, size, bytes.fromhex(digest), _MODES[mode])


def _check_no_collision(files: tuple[BundleFile, ...]) -> None:
    """No path twice (also not on a disk that folds case) and none that is another's folder."""
    folded = [file.path.lower() for file in files]
    names = set(folded)
    if len(names) != len(folded) or MANIFEST_NAME in names:
        _refuse("files: a path occurs twice, or takes the manifest's place")
    names.add(MANIFEST_NAME)
    for path in folded:
        segments = path.split("/")
        for depth in range(1, len(segments)):
            if "/".join(segments[:depth]) in names:
                _refuse(f"files: {path!r} lies below a file")


def _hooks(fields: _Fields, programs: set[str]) -> dict[str, Hook]:
    hooks = {name: _hook(fields.take(name, dict), name, programs) for name in HOOK_NAMES}
    fields.finish()
    return hooks


def _hook(value: dict[str, object], name: str, programs: set[str]) -> Hook:
    fields = _Fields(value, f"hooks.{name}")
    arguments = _arguments(fields.take("arguments", list), f"hooks.{name}", programs)
    timeout = fields.integer("timeout_seconds", 1, limits.BUNDLE_HOOK_SECONDS_MAX)
    fields.finish()
    return Hook(arguments, timeout)


def _service(fields: _Fields, programs: set[str]) -> ServiceSpec:
    arguments = _arguments(fields.take("arguments", list), "service", programs)
    spec = ServiceSpec(
        arguments=arguments,
        version_path=_url_path(fields.take("version_path", str)),
        health_path=_url_path(fields.take("health_path", str)),
        start_timeout_seconds=fields.integer(
            "start_timeout_seconds", 1, limits.BUNDLE_START_SECONDS_MAX
        ),
        stop_timeout_seconds=fields.integer(
            "stop_timeout_seconds", 1, limits.BUNDLE_STOP_SECONDS_MAX
        ),
    )
    fields.finish()
    return spec


def _arguments(values: list[object], where: str, programs: set[str]) -> tuple[str, ...]:
    """An argument vector as it will be executed; its first word is an executable of the bundle."""
    if not 0 < len(values) <= limits.BUNDLE_ARGUMENTS_MAX:
        _refuse(f"{where}: an argument vector has 1 to {limits.BUNDLE_ARGUMENTS_MAX} words")
    arguments = tuple(_text(value, where) for value in values)
    for argument in arguments:
        too_long = len(argument) > limits.BUNDLE_ARGUMENT_CHARACTERS_MAX
        if too_long or not argument.isprintable():
            _refuse(f"{where}: an argument is too long or not printable")
    check_path(arguments[0])
    if arguments[0] not in programs:
        _refuse(f"{where}: {arguments[0]!r} is not an executable file of the bundle")
    return arguments


def _url_path(text: str) -> str:
    if not _URL_PATH.fullmatch(text):
        _refuse(f"service: {text!r} is not a plain URL path")
    return text


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        _refuse(f"{where}: every word must be a string")
    return value


def _refuse(message: str) -> NoReturn:
    raise BundleError("FED-6001", message, remedy="build the bundle again")
