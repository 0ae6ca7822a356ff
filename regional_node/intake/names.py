"""File names for the disk of whoever takes a package over, made from names that vendors chose.

Owns the one way a vendor's file name becomes a name on disk. Rules: the result is one plain name on
every common file system, never a path, never hidden, never special, and different from those before
it even where letter case does not count. The vendor's own name stays in the manifest.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_BYTES_MAX: Final = 180  # leaves room for a number below the usual 255
_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*]')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)


def safe_name(name: str, taken: set[str]) -> str:
    """A name for the disk that is not in `taken`; its folded form is added there."""
    stem, extension = _split(_plain(name))
    number = 1
    while True:
        suffix = extension if number == 1 else f"~{number}{extension}"
        candidate = _cut(stem, _BYTES_MAX - len(suffix.encode())) + suffix
        if _folded(candidate) not in taken:
            taken.add(_folded(candidate))
            return candidate
        number += 1


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFC", name)
    visible = "".join(character if _is_visible(character) else "_" for character in text)
    replaced = _FORBIDDEN.sub("_", visible).strip(" .")
    if not replaced:
        return "file"
    return f"_{replaced}" if _RESERVED.match(replaced) or replaced[0] in "-~" else replaced


def _split(name: str) -> tuple[str, str]:
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension.encode()) > 16:
        return name, ""
    return stem, f".{extension}"


def _cut(text: str, bytes_max: int) -> str:
    return text.encode()[:bytes_max].decode(errors="ignore").rstrip(" .") or "file"


def _is_visible(character: str) -> bool:
    return character.isprintable() and not 0xD800 <= ord(character) <= 0xDFFF


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
