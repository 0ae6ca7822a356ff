"""A receipt as data for print: both languages, only characters that the fonts have.

Owns the texts of the letter and the cutting of what is too long for paper. Rules: Indonesian
first, English small; a character without a shape in the bundled fonts is written as its code
point, so that nothing disappears; no number of a letter is invented. Leaves out the layout
(`receipt.typ`) and the process that sets it (`printing`).
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

import segno

from lpse.federation.limits import PRINT_TEXT_CHARACTERS_MAX
from lpse.terminal.words import Words, size_text
from regional_node.receipts.views import Fact, Paper, facts

_GIVE: Final = (
    "Give the signed text (attached to this file as receipt.txt) and the bid's file to the public "
    "check; the file stays on your computer"
)
_OFFLINE: Final = (
    "Or check without any network: lpse-node receipt verify receipt.txt FILE --public-key KEY"
)
_LOOK_UP: Final = "Open the address in the QR code, or compare the code by telephone with the LPSE"
_COMPARE: Final = "Compare the code by telephone with the LPSE"
# Latin, Greek and Cyrillic with their marks, and the punctuation, arrows and signs of the fonts.
_SHAPED: Final = (
    (0x20, 0x7E),
    (0xA0, 0x17F),
    (0x1E00, 0x1EFF),
    (0x386, 0x3CE),
    (0x400, 0x45F),
    (0x2010, 0x2015),
    (0x2018, 0x2022),
    (0x2026, 0x2026),
    (0x20AC, 0x20AC),
)
_NODE: Final = "Electronic procurement service"


def print_data(paper: Paper, words: Mapping[str, Words]) -> dict[str, Any]:
    """Everything that the layout shows, as JSON values."""
    own, english = words["id"], words["en"]
    both = _both(own, english)
    listed = facts(paper, own)
    return {
        "node": paper.verified.node,
        "code": paper.code,
        "exercise": paper.exercise,
        "title": f"{own('Receipt')} {paper.code}",
        "subject": own("Receipt for the submission of a bid"),
        "qr": _qr(paper.qr_text),
        "qr_alt": paper.qr_text,
        "page_label": own("Page"),
        "code_label": own("Code"),
        **both("office", _NODE),
        **both("heading", "Receipt"),
        "subheading": own("Submission of a bid"),
        "heading_en": english("Receipt for the submission of a bid"),
        **both("opening", "This node states that the following submission was received whole."),
        "rows": [_row(fact, own, english) for fact in listed],
        **both("files_label", "Files"),
        "files_head": ["No.", own("Name"), own("Size"), own("Digest (SHA-256)")],
        "files": [
            {
                "number": str(number),
                "name": _shown(file.name),
                "size": size_text(file.size_bytes, lang="id"),
                "sha256": file.sha256.hex(),
            }
            for number, file in enumerate(paper.files, start=1)
        ],
        **both("check_label", "How to check this receipt"),
        "check": [{"text": own(step), "text_en": english(step)} for step in _steps(paper)],
        "marks": [_mark(*mark, own, english) for mark in _marks(paper)],
        **both("closing", _closing(paper)),
        **both("note_label", "The signed text"),
        "note": paper.signed.decode("utf-8"),
        "note_lines": [_shaped(line) for line in paper.signed.decode("utf-8").splitlines()],
    }


def _both(own: Words, english: Words) -> Any:
    return lambda key, text: {key: own(text), f"{key}_en": english(text)}


def _row(fact: Fact, own: Words, english: Words) -> dict[str, object]:
    return {
        "label": own(fact.label),
        "label_en": english(fact.label),
        "value": _shown(fact.value),
        "beside": _shown(fact.beside),
        "strong": fact.strong,
    }


def _steps(paper: Paper) -> tuple[str, ...]:
    return (_LOOK_UP, _GIVE, _OFFLINE) if paper.public_url else (_COMPARE, _OFFLINE)


def _marks(paper: Paper) -> list[tuple[str, str]]:
    return [
        ("Code", paper.code),
        ("Digest of the signed text", paper.digest),
        ("Commitment", str(paper.text["commitment"])),
        ("Public key of the node", paper.node_key),
        *([("Address of the check", paper.verify_url)] if paper.verify_url else []),
    ]


def _mark(label: str, value: str, own: Words, english: Words) -> dict[str, str]:
    return {"label": own(label), "label_en": english(label), "value": value}


def _closing(paper: Paper) -> str:
    if paper.exercise:
        return "This receipt was made in an exercise and has no legal effect."
    return (
        "Signed electronically by the node with its key (Ed25519). The signed text is what counts; "
        "this print repeats it."
    )


def _qr(text: str) -> str:
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(drawn, kind="svg", border=2, xmldecl=False)
    return drawn.getvalue().decode("utf-8")


def _shown(text: str) -> str:
    if len(text) > PRINT_TEXT_CHARACTERS_MAX:
        text = text[: PRINT_TEXT_CHARACTERS_MAX - 1] + "…"
    return _shaped(text)


def _shaped(text: str) -> str:
    """Characters that no bundled font has as `<U+4E2D>`; composed first, so that é stays é."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(
        one if any(low <= ord(one) <= high for low, high in _SHAPED) else f"<U+{ord(one):04X}>"
        for one in composed
    )
