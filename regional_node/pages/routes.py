"""Routes of the upload page, the end of a Bidding Room's turn, and scripts and styles.

Owns which address shows which page. Rule: finishing in the Bidding Room closes the grant, so
that the address in a browser's history opens nothing for the next vendor. Leaves out the bytes (tus
routes), receipts, and errors, which the server shows by `Pages.error`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import get_day_names, get_month_names
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from lpse.federation.commitments import CHANNEL_BIDDING_ROOM
from lpse.federation.limits import SUBMISSION_FILES_MAX
from regional_node.grants.rules import Grant
from regional_node.pages import view
from regional_node.pages.assets import ASSETS, script_texts
from regional_node.pages.rendering import PAGE_HEADERS, Pages, Reader

Find = Callable[[str], Awaitable[Grant]]
StateOf = Callable[[Grant, str], Awaitable[Mapping[str, Any]]]
Finish = Callable[[Grant], Awaitable[None]]
_FOREVER: Final = "public, max-age=31536000, immutable"


def page_routes(pages: Pages, find: Find, state: StateOf, finish: Finish) -> list[Route]:
    """Routes for the vendor-facing server.

    `find` gives the grant of a token or NotFound FED-5301, which the server shows as a page;
    `state` the document of `/g/{grant}/state`; `finish` closes a grant of the Bidding Room.
    """
    shown = _UploadPage(pages, find, state, finish)
    return [
        Route("/g/{grant}", shown.show, methods=["GET"]),
        Route("/g/{grant}/finish", shown.finish, methods=["POST"]),
        Route("/done", shown.done, methods=["GET"]),
        Route("/static/{name}", _static, methods=["GET"]),
    ]


class _UploadPage:
    def __init__(self, pages: Pages, find: Find, state: StateOf, finish: Finish) -> None:
        self._pages = pages
        self._find = find
        self._state = state
        self._finish = finish

    async def show(self, request: Request) -> Response:
        token = request.path_params["grant"]
        grant = await self._find(token)
        state = await self._state(grant, token)
        reader = self._pages.reader(request)
        left = view.left_of(state)
        return self._pages.page(
            "upload.html",
            request,
            base=f"/g/{token}",
            state=state,
            state_json=json.dumps(dict(state)),
            script_words=json.dumps(_script_words(reader)),
            setting=json.dumps(_setting(reader, grant, state)),
            left={"text": reader.t(left.text, **left.fields), "passed": left.passed},
            files=view.pending_files(state),
            files_max=SUBMISSION_FILES_MAX,
            submissions=view.submissions(state),
            attempts=view.attempts(state),
            connected=state["centre"]["link"] == "CONNECTED",
            room=grant.channel == CHANNEL_BIDDING_ROOM,
            seat=grant.seat,
        )

    async def finish(self, request: Request) -> Response:
        """Close the grant of a Bidding Room's seat; other grants are left alone."""
        grant = await self._find(request.path_params["grant"])
        if grant.channel == CHANNEL_BIDDING_ROOM:
            await self._finish(grant)
        path = self._pages.reader(request).link("/done")
        return RedirectResponse(path, 303, {"cache-control": "no-store"})

    async def done(self, request: Request) -> Response:
        """Nothing of the vendor before; browsers that can also forget what they kept."""
        page = self._pages.page("done.html", request)
        page.headers["clear-site-data"] = '"cache", "storage"'
        return page


async def _static(request: Request) -> Response:
    asset = ASSETS.get(request.path_params["name"])
    if asset is None:
        return Response(status_code=404, headers={"cache-control": "no-store"})
    current = request.query_params.get("v") == asset.digest
    headers = {
        "cache-control": _FOREVER if current else "no-cache",
        "x-content-type-options": "nosniff",
        "content-security-policy": PAGE_HEADERS["content-security-policy"],
    }
    return Response(asset.content, media_type=asset.media_type, headers=headers)


def _script_words(reader: Reader) -> dict[str, str]:
    return {text: said for text in script_texts() if (said := reader.t(text)) != text}


def _setting(reader: Reader, grant: Grant, state: Mapping[str, Any]) -> dict[str, Any]:
    """What the script needs to write times as the package's zone and the reader's language do."""
    local = datetime.fromisoformat(state["now"]).astimezone(ZoneInfo(state["zone"]))
    offset = local.utcoffset()
    assert offset is not None
    days = get_day_names("abbreviated", locale=reader.language)
    months = get_month_names("abbreviated", locale=reader.language)
    return {
        "language": reader.language,
        "offset_seconds": int(offset.total_seconds()),
        "zone": local.tzname(),
        "days": [days[(number + 6) % 7] for number in range(7)],  # Sunday first, as scripts count
        "months": [months[number] for number in range(1, 13)],
        "clock": "." if reader.language == "id" else ":",
        "decimal": "," if reader.language == "id" else ".",
        "room": grant.channel == CHANNEL_BIDDING_ROOM,
        "files_max": SUBMISSION_FILES_MAX,
    }
