"""Pages rendered in the reader's language, with the headers that keep them private.

Owns the Jinja environment, the choice of the language (`?lang=`, else Accept-Language, else
Indonesian) and the words that templates may use. Rules: everything is escaped; nothing inline and
nothing from elsewhere may run (strict CSP); no page is kept by a browser or a proxy, because its
address is a secret and its text is a vendor's. Leaves out routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from lpse.federation.error_catalogue import CATALOGUE
from lpse.federation.errors import FederationError
from lpse.terminal.words import LANGUAGES, Words, date_text, size_text
from regional_node.pages.assets import asset_path

LANGUAGE_DEFAULT: Final = "id"  # vendors' browsers that ask for neither language
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "vary": "Accept-Language",
}
_HERE: Final = Path(__file__).parent
_LOCALE: Final = _HERE.parent / "locale"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads one page: the language, and whether it was chosen by hand."""

    language: str
    chosen: bool
    words: Words
    prefix: str = ""  # what a proxy puts before every path

    def t(self, text: str, /, **fields: object) -> str:
        """`text` (an English message id) in the reader's language, `{fields}` filled in."""
        return self.words(text, **fields)

    def date(self, moment: datetime | str, zone: str) -> str:
        """An instant as people read it in `zone`: `Jum, 27 Mar 2015 10.00 WIB`."""
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        return date_text(moment, zone, lang=self.language)

    def size(self, size_bytes: int) -> str:
        """Bytes in decimal units with the language's own comma."""
        return size_text(size_bytes, lang=self.language)

    def link(self, path: str) -> str:
        """A path as the browser asks for it; keeps a language chosen by hand."""
        path = self.place(path)
        return f"{path}?lang={self.language}" if self.chosen else path

    def place(self, path: str) -> str:
        """A path behind the proxy's prefix, once."""
        return path if path.startswith(f"{self.prefix}/") else self.prefix + path


class Pages:
    """Renders the templates of one node; `folders` of other areas come before the own ones."""

    def __init__(
        self, *, node: str, exercise: bool, folders: tuple[Path, ...] = (), prefix: str = ""
    ) -> None:
        self._prefix = prefix
        self._words = {language: Words(language) for language in LANGUAGES}
        for words in self._words.values():
            words.load(_LOCALE)
        self._environment = Environment(
            loader=FileSystemLoader([*folders, _HERE / "templates"]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            node=node, exercise=exercise, asset=lambda name: prefix + asset_path(name)
        )

    def reader(self, request: Request) -> Reader:
        """The reader of this request."""
        asked = request.query_params.get("lang")
        if asked in self._words:
            return Reader(asked, True, self._words[asked], self._prefix)
        language = accepted_language(request.headers.get("accept-language", ""))
        return Reader(language, False, self._words[language], self._prefix)

    def page(
        self, template: str, request: Request, *, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """A whole page; templates see `t`, `date`, `size`, `link`, `language` and `context`."""
        reader = self.reader(request)
        text = self._environment.get_template(template).render(
            t=reader.t,
            date=reader.date,
            size=reader.size,
            link=reader.link,
            language=reader.language,
            place=reader.place,
            **context,
        )
        return HTMLResponse(text, status, {**PAGE_HEADERS, "content-language": reader.language})

    def error(self, request: Request, error: FederationError, *, status: int) -> HTMLResponse:
        """A refusal as a page: what happened, what it means, what to do, with its code."""
        told = CATALOGUE[error.code].told(self.reader(request).language)
        return self.page("error.html", request, status=status, code=error.code, told=told)


def accepted_language(header: str) -> str:
    """`id` or `en` by the weights of Accept-Language; Indonesian where neither is wanted."""
    best, weight_best = LANGUAGE_DEFAULT, 0.0
    for part in header.split(",")[:16]:
        name, _, quality = part.strip().partition(";")
        language = name.split("-")[0].strip().lower()
        language = "id" if language == "in" else language
        weight = _weight(quality)
        if language in LANGUAGES and weight > weight_best:
            best, weight_best = language, weight
    return best


def _weight(quality: str) -> float:
    name, _, value = quality.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
