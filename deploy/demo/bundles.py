"""Builds the stand-in's release bundles: the same bytes for the same version, every time.

Owns the table of demo releases: 3.0, 3.6, 4.4, and 3.6.1, which starts but reports that it is not
well. Faults can be built in on purpose, so that a drill or a test has a release that fails where it
wants one. Written with the standard library's tar writer, which keeps our strict reader honest.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SOURCE: Final = Path(__file__).parent / "spse"
_HOOKS: Final = ("preflight", "apply", "health", "rollback")
_PROGRAMS: Final = ("service.py", *(f"hooks/{hook}.py" for hook in _HOOKS))
FAULTS: Final = frozenset(
    {
        "unhealthy",
        "wrong-version",
        "exits",
        "preflight-fails",
        "apply-fails",
        "rollback-fails",
    }
)


@dataclass(frozen=True, slots=True)
class DemoRelease:
    """What distinguishes one release of the stand-in from another."""

    data_format: int
    from_versions: tuple[str, ...]
    faults: tuple[str, ...] = ()


RELEASES: Final[Mapping[str, DemoRelease]] = {
    "3.0": DemoRelease(1, ("3.6", "3.6.1")),
    "3.6": DemoRelease(2, ("3.0", "3.6.1")),
    "4.4": DemoRelease(4, ("3.6",)),
    "3.6.1": DemoRelease(3, ("3.0", "3.6"), ("unhealthy",)),
}


def build_bundle(
    version: str,
    out_dir: Path,
    *,
    faults: Collection[str] | None = None,
    start_timeout_seconds: int = 10,
) -> Path:
    """The bundle of `version` as `out_dir/spse-<version>.tar.gz`; `faults` replace the table's."""
    release = RELEASES[version]
    chosen = sorted(release.faults if faults is None else faults)
    assert FAULTS.issuperset(chosen), chosen
    files = _files(version, release, chosen)
    out_dir.mkdir(parents=True, exist_ok=True)
    path = out_dir / f"spse-{version}.tar.gz"
    described = manifest(version, release, files, start_timeout_seconds)
    path.write_bytes(pack(described, files))
    return path


def manifest(
    version: str,
    release: DemoRelease,
    files: Mapping[str, bytes],
    start_timeout_seconds: int,
) -> dict[str, object]:
    """The manifest that describes `files`."""
    return {
        "format": "lpse-bundle/1",
        "version": version,
        "from_versions": list(release.from_versions),
        "hooks": {
            hook: {"arguments": [f"hooks/{hook}.py"], "timeout_seconds": 20} for hook in _HOOKS
        },
        "service": {
            "arguments": ["service.py"],
            "version_path": "/version",
            "health_path": "/health",
            "start_timeout_seconds": start_timeout_seconds,
            "stop_timeout_seconds": 5,
        },
        "files": [
            {
                "path": name,
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "mode": _mode(name),
            }
            for name, data in files.items()
        ],
    }


def pack(described: Mapping[str, object], files: Mapping[str, bytes]) -> bytes:
    """The archive: manifest first, files in its order, no owner, no time."""
    members = {"manifest.json": json.dumps(described, indent=1).encode(), **files}
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, data in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            header.mode = int(_mode(name), 8)
            archive.addfile(header, io.BytesIO(data))
    return packed.getvalue()


def _files(version: str, release: DemoRelease, faults: list[str]) -> dict[str, bytes]:
    described = {
        "version": version,
        "reports": release.from_versions[0],
        "data_format": release.data_format,
        "faults": faults,
    }
    files = {name: (_SOURCE / name).read_bytes() for name in (*_PROGRAMS, "hooks/data_file.py")}
    return {**files, "release.json": json.dumps(described).encode()}


def _mode(name: str) -> str:
    return "0755" if name in _PROGRAMS else "0644"
