"""Pages without a browser: languages, words, colours, addresses, headers."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lpse.federation.errors import NotFound
from lpse.terminal.words import Words
from regional_node.pages import view
from regional_node.pages.assets import ASSETS, asset_path, script_texts
from regional_node.pages.rendering import Pages, accepted_language
from regional_node.pages.routes import page_routes

ROOT = Path(__file__).parents[3] / "regional_node"
TEMPLATES = sorted((ROOT / "pages" / "templates").glob("*.html"))
STYLE = ASSETS["style.css"].content.decode()
INKS = ("ink", "quiet", "accent", "good", "warn", "bad")


def template_texts() -> set[str]:
    return {
        text
        for path in TEMPLATES
        for text in re.findall(r'\bt\(\s*[\'"]((?:[^\'"\\])+)[\'"]', path.read_text("utf-8"))
    }


def palette(dark: bool) -> dict[str, str]:
    light, _, rest = STYLE.partition("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", rest)) if dark else found


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "id"),
        ("id-ID,id;q=0.9,en;q=0.8", "id"),
        ("en-GB,en;q=0.9", "en"),
        ("de, en;q=0.5, id;q=0.7", "id"),
        ("in", "id"),
        ("fr", "id"),
        ("en;q=0", "id"),
        ("en;q=x, ;;;, =", "id"),
        ("en," * 5_000, "en"),
    ],
)
def test_language_follows_the_weights_of_the_header(header: str, language: str) -> None:
    """Accept-Language decides by its weights; Indonesian where neither language is wanted."""
    assert accepted_language(header) == language


def test_every_text_of_pages_and_scripts_exists_in_indonesian() -> None:
    """Templates, scripts, verdicts and reasons have a translation each."""
    words = Words("id")
    words.load(ROOT / "locale")
    said = template_texts() | set(script_texts()) | set(view.texts())
    assert len(said) > 100, "the texts are found at all"
    assert not sorted(text for text in said if not words.knows(text))


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    """No style attribute, handler, inline script or foreign address: a strict CSP holds."""
    for path in TEMPLATES:
        text = path.read_text("utf-8")
        assert not re.search(r'\sstyle=|\son\w+="|<style|<script(?![^>]*\ssrc=)', text), path
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text), path
    for name, asset in ASSETS.items():
        content = asset.content.decode().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in content, name


def test_scripts_speak_the_language_of_old_browsers() -> None:
    """No script uses syntax or calls that a browser of 2015 does not know."""
    newer = re.compile(
        r"=>|`|\b(?:let|const|class|async|await|Promise|fetch|Symbol)\b|\?\.|\?\?|\.\.\."
        r"|\.(?:includes|padStart|startsWith|endsWith|find|assign|entries|closest|append)\("
    )
    for name, asset in ASSETS.items():
        if name.endswith(".js"):
            code = re.sub(r'/\*.*?\*/|"(?:[^"\\]|\\.)*"', '""', asset.content.decode(), flags=re.S)
            assert not newer.search(code), (name, newer.search(code))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_ink_can_be_read_on_every_ground(dark: bool) -> None:
    """Text has the contrast of WCAG AA, 4.5 to 1, on cards, notes and the page's ground."""
    colours = palette(dark)
    for ink in INKS:
        grounds = ["ground", "card"] + ([f"{ink}-soft"] if f"{ink}-soft" in colours else [])
        for ground in grounds:
            ratio = contrast(colours[ink], colours[ground])
            assert ratio >= 4.5, f"{ink} on {ground}: {ratio:.2f}"
    for soft in ("accent-soft", "good-soft", "warn-soft", "bad-soft", "sunk"):
        assert contrast(colours["ink"], colours[soft]) >= 4.5, soft
    assert contrast(colours["accent-ink"], colours["accent"]) >= 4.5
    assert contrast(colours["quiet"], colours["sunk"]) >= 4.5


def client() -> httpx.AsyncClient:
    pages = Pages(node="lpse-pacitan", exercise=False, prefix="/unggah")

    async def find(token: str) -> object:
        raise NotFound("FED-5301", "unknown")

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, NotFound)
        return pages.error(request, error, status=404)

    async def nothing(*given: object) -> dict[str, object]:
        raise AssertionError(given)

    routes: list[Route] = page_routes(pages, find, nothing, nothing)  # type: ignore[arg-type] # no grant is ever found
    app = Starlette(routes=routes, exception_handlers={NotFound: refuse})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://lpse")


async def test_pages_are_private_and_strict() -> None:
    """A page is never kept, sends no referrer and allows only this server's script and style."""
    answer = await client().get("/g/none", headers={"accept-language": "en"})
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "FED-5301" in answer.text
    assert 'href="/unggah/static/style.css?v=' in answer.text


async def test_assets_are_kept_by_content_and_nothing_else_is_served() -> None:
    """An address with the right digest may be kept for ever; a path out of the folder is none."""
    asked = client()
    kept = await asked.get(asset_path("upload.js"))
    assert kept.status_code == 200
    assert "immutable" in kept.headers["cache-control"]
    older = await asked.get("/static/upload.js?v=older")
    assert older.headers["cache-control"] == "no-cache"
    for path in ("/static/..%2frouting.py", "/static/%2e%2e/routes.py", "/static/none.js"):
        assert (await asked.get(path)).status_code == 404


async def test_the_finished_seat_forgets() -> None:
    """The page after a turn in the Bidding Room asks the browser to forget what it kept."""
    answer = await client().get("/done")
    assert answer.status_code == 200
    assert "storage" in answer.headers["clear-site-data"]
