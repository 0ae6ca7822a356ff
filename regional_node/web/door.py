"""The ASGI application of the port: who asks, may they, who answers, and what every answer carries.

Owns the way of one request through rate, grant, handler and headers. Rules: an unknown, revoked or
expired grant gets the same answer everywhere, and so does a preflight; a fault of ours is logged by
type and place, never with anything of the request; guesses are slowed, honest callers are not.
Leaves out connections (`server`) and what handlers decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import FederationError, NotFound
from lpse.runtime.logs import origin_of
from regional_node.pages.rendering import Pages
from regional_node.web.answers import (
    RESUMABLE,
    Answer,
    Headers,
    Origins,
    complete,
    error_answer,
    internal,
    language_of,
    status_of,
    told_error,
)
from regional_node.web.api import GrantDoor
from regional_node.web.calls import Call, MethodNotAllowed, call_of, not_allowed
from regional_node.web.ports import FindsGrants
from regional_node.web.rates import Rates
from regional_node.web.rules import Network, caller_of
from regional_node.web.turns import Turns, queue_of
from regional_node.web.tus import TusDoor

_UNKNOWN_GRANT: Final = "FED-5301"
_STATIC: Final = "/static/"


@dataclass(frozen=True, slots=True)
class Handlers:
    """Who answers: tus and the grant's own paths raw, everything else by routes."""

    tus: TusDoor
    grant: GrantDoor
    routes: Sequence[BaseRoute]
    pages: Pages


class Door:
    """See the module's first lines."""

    def __init__(
        self,
        grants: FindsGrants,
        handlers: Handlers,
        rates: Rates,
        origins: Origins,
        proxies: Sequence[Network],
        log: FilteringBoundLogger,
    ) -> None:
        self._grants = grants
        self._handlers = handlers
        self._rates = rates
        self._origins = origins
        self._proxies = proxies
        self._log = log
        self._turns = Turns()
        self._app = Starlette(
            routes=list(handlers.routes),
            exception_handlers={
                FederationError: self._page_error,
                HTTPException: self._page_error,
                Exception: self._page_error,
            },
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        call = call_of(scope, receive)
        keepable = scope["path"].startswith(_STATIC)
        cross = self._origins.headers(call.origin) if call.token is not None else []
        guarded = _Guarded(send, cross, keepable=keepable)
        caller = self._caller(scope)
        try:
            self._rates.request(caller)
            if b"%" in scope["raw_path"]:
                raise _no_page()  # no address of ours: read in two ways it could pass a check
            page = _Page()
            async with self._turns.of(None if keepable else queue_of(call)):
                answer = await self._raw(call, caller)
                if answer is None:
                    await page.make(self._app, scope, receive)
            if answer is None:  # a reader that takes its time keeps no turn
                await page.show(guarded.send)
                return
        except Exception as error:
            if guarded.started:
                return  # the answer of a page's fault was sent by the page's own handler
            answer = self._refused(call, error, caller)
        await _send(guarded, call, answer)

    async def _raw(self, call: Call, caller: str) -> Answer | None:
        """The answer of what needs no page; None for everything else."""
        if call.token is None:
            return None
        if call.method == "OPTIONS" and b"access-control-request-method" in call.single:
            return self._origins.preflight(call.origin)
        if _is_tus(call):
            return await self._handlers.tus.answer(await self._grants.find(call.token), call)
        if call.rest in (b"state", b"submit") or call.rest.startswith(b"attempts/"):
            return await self._handlers.grant.answer(await self._grants.find(call.token), call)
        await self._look(call.token, caller)
        return None

    async def _look(self, token: str, caller: str) -> None:
        """A page says by itself that a grant is unknown; here the guess is only counted."""
        try:
            await self._grants.find(token)
        except NotFound:
            self._rates.guess(caller)

    def _caller(self, scope: Scope) -> str:
        client = scope.get("client")
        forwarded = [
            value.decode("latin-1")
            for name, value in scope["headers"]
            if name == b"x-forwarded-for"
        ]
        return caller_of(client[0] if client else "", forwarded, self._proxies)

    def _refused(self, call: Call, error: Exception, caller: str) -> Answer:
        told = self._told(error)
        if told.code == _UNKNOWN_GRANT:
            try:
                self._rates.guess(caller)
            except FederationError as slowed:
                told = slowed
        answer = error_answer(told, language_of(call.headers))
        if isinstance(error, MethodNotAllowed):
            answer.headers.append((b"allow", error.methods.encode()))
        if answer.status == 412:
            answer.headers.append((b"tus-version", RESUMABLE[1]))
        return answer

    def _told(self, error: Exception) -> FederationError:
        """What the caller hears."""
        told = told_error(error)
        if told is None:
            self._log.error("web.failed", code="FED-1000", where=origin_of(error))
            return internal()
        return told

    async def _page_error(self, request: Request, error: Exception) -> Response:
        """An error of a page: a page for people, JSON for programs."""
        if isinstance(error, HTTPException):
            error = not_allowed("GET") if error.status_code == 405 else _no_page()
        told = self._told(error)
        if "text/html" in request.headers.get("accept", ""):
            return self._handlers.pages.error(request, told, status=status_of(told))
        answer = error_answer(told, language_of(request.headers.raw))
        raw = {name.decode(): value.decode("latin-1") for name, value in answer.headers}
        return Response(answer.body, answer.status, raw)


class _Page:
    """An answer of a route: made whole, then sent."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    async def make(self, app: Starlette, scope: Scope, receive: Receive) -> None:
        try:
            await app(scope, receive, self._keep)
        except Exception:
            if not self._messages:  # else the page's own handler answered
                raise

    async def show(self, send: Send) -> None:
        for message in self._messages:
            await send(message)

    async def _keep(self, message: Message) -> None:
        self._messages.append(message)


class _Guarded:
    """The way out: adds what every answer carries, and remembers that one began."""

    def __init__(self, send: Send, cross: Headers, *, keepable: bool) -> None:
        self._send = send
        self._cross = cross
        self._keepable = keepable
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = [*message.get("headers", []), *self._cross]
            message["headers"] = complete(headers, keepable=self._keepable)
        await self._send(message)


async def _send(guarded: _Guarded, call: Call, answer: Answer) -> None:
    headers = list(answer.headers)
    if _is_tus(call) and RESUMABLE not in headers:
        headers.append(RESUMABLE)
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await guarded.send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await guarded.send({"type": "http.response.body", "body": answer.body})


def _is_tus(call: Call) -> bool:
    return call.rest == b"files" or call.rest.startswith(b"files/")


def _no_page() -> NotFound:
    return NotFound(
        "FED-5331", "there is no such page here", remedy="open the address that SPSE gave"
    )
