"""What may be published under a version.

Rules: a release is immutable, so a version stands for one bundle for ever; the bundle's manifest
must say what the operator said. Leaves out the bundle's own format (`lpse.federation.bundles`).
"""

from __future__ import annotations

from collections.abc import Sequence

from lpse.federation.bundles import Manifest
from lpse.federation.errors import Conflict, Refused
from lpse.federation.limits import RELEASE_NOTES_CHARACTERS_MAX
from lpse.federation.v1.directives_pb2 import ReleasePublished
from lpse.federation.versions import SpseVersion, parse_version


def from_versions(manifest: Manifest, version: str, asked: Sequence[str]) -> list[str]:
    """The canonical versions to upgrade from; Refused (FED-6006) where the bundle disagrees."""
    if parse_version(version) != manifest.version:
        raise _disagrees(f"the bundle is version {manifest.version}, not {version}")
    if not asked:
        return [str(one) for one in manifest.from_versions]
    wanted: dict[SpseVersion, None] = {parse_version(one): None for one in asked}
    unknown = [str(one) for one in wanted if one not in manifest.from_versions]
    if unknown:
        raise _disagrees(f"the bundle has no path from {', '.join(unknown)}")
    return [str(one) for one in wanted]


def is_repeated(present: ReleasePublished | None, withdrawn: bool, new: ReleasePublished) -> bool:
    """Whether the version is published so already; Conflict (FED-6004) where it is another one."""
    if present is None:
        return False
    same = (present.bundle_digest, sorted(present.from_versions)) == (
        new.bundle_digest,
        sorted(new.from_versions),
    )
    if withdrawn or not same:
        state = "was withdrawn" if withdrawn else "stands for another bundle or other paths"
        raise Conflict(
            "FED-6004",
            f"version {new.version} is published already and {state}",
            remedy="a release never changes: publish under a new version",
        )
    return True


def check_notes(notes: str) -> None:
    """Refused (FED-6008) for notes beyond the limit."""
    if len(notes) > RELEASE_NOTES_CHARACTERS_MAX:
        raise Refused("FED-6008", f"notes have at most {RELEASE_NOTES_CHARACTERS_MAX} characters")


def _disagrees(message: str) -> Refused:
    return Refused("FED-6006", message, remedy="give the version that the bundle was built for")
