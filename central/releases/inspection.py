"""Reading a stored bundle from front to back, as a node would.

Blocks, so it runs in a thread. Leaves out what is decided from it (`rules`).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lpse.federation.bundle_archive import BundleReader
from lpse.federation.bundles import Manifest


@dataclass(frozen=True, slots=True)
class Inspected:
    """A bundle whose every file has its digest."""

    manifest: Manifest
    manifest_digest: bytes


def inspect(path: Path) -> Inspected:
    """Raises BundleError (FED-6001 to FED-6003) for anything that a node would refuse."""
    with path.open("rb") as source:
        reader = BundleReader(source)
        for _, chunks in reader.files():
            for _ in chunks:
                pass
        return Inspected(reader.manifest, sha256(reader.manifest_bytes).digest())
