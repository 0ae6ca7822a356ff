"""Scripts and styles of the pages: read once, named by their content.

Owns which files `/static/` serves. Rules: only files of this folder, from memory, so no path of a
request ever reaches the disk; an address carries the digest of the content, so an old browser's
copy never meets a newer page. Leaves out who includes them.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file with its media type and the digest that its address carries."""

    content: bytes
    media_type: str
    digest: str


def _read(folder: Path) -> Mapping[str, Asset]:
    return {
        path.name: Asset(
            content := path.read_bytes(),
            _TYPES[path.suffix],
            hashlib.sha256(content).hexdigest()[:16],
        )
        for path in sorted(folder.iterdir())
        if path.suffix in _TYPES
    }


ASSETS: Final = _read(Path(__file__).with_name("static"))


def asset_path(name: str) -> str:
    """The address of an asset; an unknown name is a bug of the template."""
    return f"/static/{name}?v={ASSETS[name].digest}"


_SAID: Final = re.compile(r'\bt\("((?:[^"\\]|\\.)+)"')


@functools.cache
def script_texts() -> tuple[str, ...]:
    """Every text that the scripts say, in the order of their names: literals given to `t(`."""
    scripts = [asset.content.decode() for name, asset in ASSETS.items() if name.endswith(".js")]
    return tuple(dict.fromkeys(text for script in scripts for text in _SAID.findall(script)))
