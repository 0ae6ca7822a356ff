"""Words that must not be found, and the search for them in everything that was emitted.

Owns the forms in which a word can hide: as it is, in other letters and encodings, and as its bare
digest. Rule: a word is long and strange enough that a hit is a leak and never chance. Leaves out
what emits (`tests/federation/test_secrecy.py`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

_ZEROS: Final = re.compile(rb"\0{64,}")  # a reserve of room; no word has that many in a row


def forms_of(word: str, *, digests: bool = True) -> Iterator[bytes]:
    """Every form of a word: text, hexadecimal, base64 at each alignment, its bare digest."""
    for text in {word, word.lower(), word.upper(), quote(word), word.replace(" ", "_")}:
        data = text.encode()
        yield data
        yield text.encode("utf-16-le")
        yield data.hex().encode()
        yield from _base64(data)
    if not digests:
        return
    digest = sha256(word.encode()).digest()
    yield from (digest, digest.hex().encode(), *_base64(digest))


def leaks(emitted: Mapping[str, bytes], words: Iterable[str], *, digests: bool = True) -> list[str]:
    """Where which word was found: "source: word"."""
    forms = [(word, form) for word in words for form in forms_of(word, digests=digests)]
    return sorted(
        {
            f"{source}: {word}"
            for source, data in emitted.items()
            for word, form in forms
            if form in data
        }
    )


def files_of(folder: Path) -> dict[str, bytes]:
    """Every regular file of a folder, long stretches of zeros cut short."""
    return {
        str(path.relative_to(folder.parent)): _ZEROS.sub(bytes(64), path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def command_lines(pids: Iterable[int]) -> dict[str, bytes]:
    """What other users of the machine see of running processes, and what root sees."""
    found = {}
    for pid in pids:
        for name in ("cmdline", "environ"):
            found[f"{pid} {name}"] = Path(f"/proc/{pid}/{name}").read_bytes()
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found[f"{pid} thread {thread.name}"] = (thread / "comm").read_bytes()
    return found


def _base64(data: bytes) -> Iterator[bytes]:
    """What is in the middle of the base64 of any text that holds `data`."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data)
        cut = encoded[(0, 2, 3)[before] :].rstrip(b"=")
        kept = cut[: len(cut) - 1]
        yield kept
        yield kept.replace(b"+", b"-").replace(b"/", b"_")
