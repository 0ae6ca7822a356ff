"""Addresses of receipts: page, signed text, JSON, print and proof of one; the public check; keys.

Owns which address answers with what. Rules: a receipt is found only through its own grant; the
public check says of a code nothing but whether this node issued it; before the opening no answer
holds a journal index or path; whatever fails, the signed text is still handed out. Leaves out the
server, its limits and the pages' base (regional_node/web, regional_node/pages).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lpse.federation.errors import FederationError, NotFound
from lpse.federation.notes import KeyKind
from lpse.federation.receipt_codes import code_of, read_code
from lpse.federation.receipt_proofs import verify_sole_receipt
from lpse.federation.tlog_proofs import TLOG_PROOF_SUFFIX
from lpse.federation.v1.records_pb2 import Verdict
from regional_node.grants.rules import Grant
from regional_node.intake.rows import StoredSubmission
from regional_node.pages.rendering import PAGE_HEADERS, Pages, Reader
from regional_node.receipts import views
from regional_node.receipts.checking import Check, Examined, examine
from regional_node.receipts.forms import Asked, Forms
from regional_node.receipts.printing import Printer
from regional_node.receipts.proofs import Proofs
from regional_node.receipts.store import ReceiptStore
from regional_node.receipts.views import Paper
from regional_node.web.answers import document_of, status_of

_NUMBERED: Final = re.compile(r"([1-9][0-9]{0,5})(?:\.(txt|json|pdf|proof))?")
_HTML: Final = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the addresses answer from; `find` gives the grant of a token or NotFound FED-5301."""

    find: Callable[[str], Awaitable[Grant]]
    store: ReceiptStore
    proofs: Proofs
    printer: Printer
    pages: Pages
    public_url: str = ""


def receipt_routes(desk: Desk) -> list[Route]:
    """Routes for the vendor-facing server."""
    receipts, public = _Receipts(desk), _Public(desk)
    return [
        Route("/g/{grant}/receipts/{name}", receipts.show, methods=["GET"]),
        Route("/verify", public.look_up, methods=["GET"]),
        Route("/verify", public.check, methods=["POST"]),
        Route("/keys", public.keys, methods=["GET"]),
    ]


class _Receipts:
    """Below a grant."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request) -> Response:
        matched = _NUMBERED.fullmatch(request.path_params["name"])
        form = (matched[2] or _HTML) if matched else _HTML
        try:
            grant = await self._desk.find(request.path_params["grant"])
            if matched is None:
                raise _unknown()
            return await self._answer(request, grant, int(matched[1]), form)
        except FederationError as error:
            # People follow links to prints and proofs too, and get words they can read.
            people = form == _HTML or "text/html" in request.headers.get("accept", "")
            return _refused(self._desk.pages, request, error, as_page=people)

    async def _answer(self, request: Request, grant: Grant, number: int, form: str) -> Response:
        stored = await self._desk.store.submission(grant.intake_key(number))
        if stored is None:
            raise _unknown()
        if form == "txt":  # needs nothing else to be in order
            name = f"{code_of(stored.text)}.txt"
            return _file(stored.text, "text/plain; charset=utf-8", name)
        paper = self._paper(stored)
        match form:
            case "json":
                return JSONResponse(_document(paper, stored), headers=_kept_by_nobody())
            case "pdf":
                made = await self._desk.printer.pdf(paper)
                return _file(made, "application/pdf", f"{paper.code}.pdf", inline=True)
            case "proof":
                return _proof(await self._desk.proofs.proof(stored.intake_key), paper.code)
        return await self._page(request, grant, number, (paper, stored))

    async def _page(
        self, request: Request, grant: Grant, number: int, shown: tuple[Paper, StoredSubmission]
    ) -> Response:
        paper, stored = shown
        reader = self._desk.pages.reader(request)
        later = await self._desk.store.submission(grant.intake_key(number + 1))
        token = request.path_params["grant"]
        return self._desk.pages.page(
            "receipt.html",
            request,
            paper=paper,
            facts=views.facts(paper, reader.words),
            verdict=views.verdict_text(paper.verdict, reader.words),
            now=_now(stored, reader),
            number=number,
            replaced_by=number + 1 if later is not None else None,
            opened=stored.revealed,
            here=reader.place(f"/g/{token}/receipts/{number}"),
            back=f"/g/{token}",
            qr=_drawn(paper.qr_text),
        )

    def _paper(self, stored: StoredSubmission) -> Paper:
        node = self._desk.proofs.keys.node_of(stored.text)
        verified = verify_sole_receipt(stored.text, node)
        return Paper(stored.text, verified, node.text, self._desk.public_url)


class _Public:
    """For anybody."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._forms = Forms()

    async def look_up(self, request: Request) -> Response:
        """The form, and for a code whether this node issued a receipt with it."""
        typed = request.query_params.get("code", "")
        issued, code, error = None, typed[:64], None
        if typed.strip():
            try:
                code = read_code(typed)
                issued = await self._desk.store.knows_code(code)
            except FederationError as refused:
                error = refused
        status = status_of(error) if error is not None else 200
        return self._page(request, status=status, code=code, issued=issued, error=error)

    async def check(self, request: Request) -> Response:
        """Everything that a receipt or proof shows, or its proof as a file."""
        try:
            async with self._forms.read(request) as asked:
                return await self._check(request, asked)
        except FederationError as error:
            return self._page(request, status=status_of(error), error=error)

    async def _check(self, request: Request, asked: Asked) -> Response:
        examined = examine(asked.text, asked.given, self._desk.proofs.keys)
        stored = await self._stored(examined)
        if asked.proof and stored is not None:
            proof = await self._desk.proofs.proof(stored.intake_key)
            return _proof(proof, code_of(stored.receipt))
        return self._page(request, examined=examined, stored=stored)

    async def keys(self, request: Request) -> Response:
        """The published keys, in the form of C2SP signed notes."""
        keys = self._desk.proofs.keys
        published = {
            "node": {
                "name": keys.node.name,
                "key": keys.node.text,
                "former": [one.text for one in keys.former],
            },
            "centre": {
                "name": keys.centre.name,
                "key": keys.centre.text,
                "cosignature_key": keys.centre.of_kind(KeyKind.COSIGNATURE).text,
            },
        }
        return JSONResponse(published, headers=_kept_by_nobody())

    async def _stored(self, examined: Examined) -> StoredSubmission | None:
        """The submission in this node's records, where the receipt is byte for byte its own."""
        if examined.verified is None or not examined.verified.accepted:
            return None
        stored = await self._desk.store.submission(examined.verified.details.intake_key)
        return stored if stored is not None and stored.receipt == examined.signed else None

    def _page(
        self,
        request: Request,
        *,
        status: int = 200,
        examined: Examined | None = None,
        stored: StoredSubmission | None = None,
        **shown: Any,
    ) -> Response:
        reader = self._desk.pages.reader(request)
        context: dict[str, Any] = {"code": "", "issued": None, "error": None, **shown}
        error = examined.error if examined is not None else context["error"]
        paper = self._paper(examined)
        return self._desk.pages.page(
            "verify.html",
            request,
            status=status,
            examined=examined,
            checks=[_line(check, paper, reader) for check in examined.checks] if examined else [],
            paper=paper,
            facts=_facts(examined, paper, reader),
            verdict=views.verdict_text(paper.verdict, reader.words) if paper is not None else "",
            known=stored is not None,
            opened=stored is not None and stored.revealed,
            told=document_of(error, reader.language) if error is not None else None,
            keys=self._desk.proofs.keys,
            **context,
        )

    def _paper(self, examined: Examined | None) -> Paper | None:
        if examined is None or examined.verified is None or not examined.verified.accepted:
            return None
        key = self._desk.proofs.keys.node.text
        return Paper(examined.signed, examined.verified, key, self._desk.public_url)


def _facts(examined: Examined | None, paper: Paper | None, reader: Reader) -> list[views.Fact]:
    if paper is not None:
        return views.facts(paper, reader.words)
    if examined is None or examined.verified is None:
        return []
    return views.attempt_facts(examined.verified, reader.words)


def _line(check: Check, paper: Paper | None, reader: Reader) -> dict[str, str]:
    fields = dict(check.fields)
    for name, value in fields.items():
        if isinstance(value, datetime):
            zone = paper.zone if paper is not None else "UTC"
            fields[name] = views.instant_text(value.isoformat(), zone, reader.language)
    return {"tone": check.tone, "shape": check.shape, "text": reader.t(check.text, **fields)}


def _now(stored: StoredSubmission, reader: Reader) -> dict[str, Any] | None:
    """The newest verdict, where one was written after the receipt; the receipt stays as it is."""
    standing = _standing(stored)
    if standing is None:
        return None
    said = views.verdict_text(standing["verdict"], reader.words)
    return {**standing, "text": said}


def _standing(stored: StoredSubmission) -> dict[str, Any] | None:
    if not stored.judged:
        return None
    return {
        "verdict": Verdict.Name(stored.verdict).removeprefix("VERDICT_"),
        "deadline_time": stored.deadline.isoformat().replace("+00:00", "Z"),
        "schedule_revision": stored.revision,
    }


def _document(paper: Paper, stored: StoredSubmission) -> dict[str, Any]:
    return {**views.document(paper), "judged": _standing(stored)}


def _drawn(text: str) -> Markup:
    """The QR as SVG of our own making; `text` is data in it, not markup."""
    drawn = segno.make(text, error="m", micro=False)
    return Markup(drawn.svg_inline(border=2, omitsize=True, svgclass="qr", lineclass=None))  # noqa: S704 - see above


def _file(content: bytes, media_type: str, name: str, *, inline: bool = False) -> Response:
    """`name` is a code of ours, so it needs no quoting."""
    place = "inline" if inline else "attachment"
    headers = {
        **_kept_by_nobody(),
        "content-disposition": f'{place}; filename="{name}"',
    }
    return Response(content, media_type=media_type, headers=headers)


def _proof(proof: bytes, code: str) -> Response:
    return _file(proof, "text/plain; charset=utf-8", f"{code}{TLOG_PROOF_SUFFIX}")


def _kept_by_nobody() -> dict[str, str]:
    return dict(PAGE_HEADERS)


def _refused(pages: Pages, request: Request, error: FederationError, *, as_page: bool) -> Response:
    status = status_of(error)
    if as_page:
        return pages.error(request, error, status=status)
    headers = _kept_by_nobody()
    if error.retry_after_seconds is not None:
        headers["retry-after"] = str(round(error.retry_after_seconds))
    document = document_of(error, pages.reader(request).language)
    return JSONResponse(document, status, headers=headers)


def _unknown() -> NotFound:
    return NotFound(
        "FED-5115",
        "this upload link has no receipt with this number",
        remedy="open the upload page: it lists its receipts",
    )
