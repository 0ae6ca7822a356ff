"""`/checkpoint`: the newest national checkpoint that this node holds, with the node's own word.

For anybody who wants to compare: two pages, receipts or letters that show different histories
prove it. Rules: a C2SP signed note as plain text, the same bytes for as long as the head is the
same; nothing of the node's own journal is shown, because its size would count bids before the
opening (secrecy). Leaves out the server and its limits.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lpse.federation.checkpoints import Head, cosign, head_to_note
from lpse.federation.notes import Signer
from lpse.runtime.clock import Clock
from regional_node.national.national import National

_NOTHING_YET = "No national checkpoint yet. / Belum ada titik periksa nasional.\n"
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class CheckpointPage:
    """See the module's first lines."""

    def __init__(self, national: National, signer: Signer, clock: Clock) -> None:
        self._national = national
        self._signer = signer
        self._clock = clock
        self._shown: tuple[Head, str] | None = None

    def text(self) -> str | None:
        """The note; None before the first contact with the centre."""
        head = self._national.head
        if head is None:
            return None
        if self._shown is None or self._shown[0] != head:
            word = cosign(head, self._signer, int(self._clock.wall().timestamp()))
            note = head_to_note(head, self._national.centre, [(word, self._signer.verifier)])
            self._shown = (head, note.decode())
        return self._shown[1]

    async def show(self, _: Request) -> Response:
        """Answer with the note as text."""
        text = self.text()
        if text is None:
            return PlainTextResponse(_NOTHING_YET, status_code=404, headers=_HEADERS)
        return PlainTextResponse(text, headers=_HEADERS)


def checkpoint_routes(national: National, signer: Signer, clock: Clock) -> list[Route]:
    """Routes for the vendor-facing server."""
    page = CheckpointPage(national, signer, clock)
    return [Route("/checkpoint", page.show, methods=["GET"])]
