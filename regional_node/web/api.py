"""What a grant's holder asks besides tus: its state, submitting, proofs of attempts.

Owns `/g/{grant}/state`, `/g/{grant}/submit` and `/g/{grant}/attempts/{n}.txt`. Rules: a submit is
answered only after its commit (Invariant 1), and the same set of files gets the same receipt again;
nothing here tells of another grant. Leaves out receipts (regional_node/receipts) and pages.
"""

from __future__ import annotations

import json
import re
from typing import Final

from lpse.federation.errors import Refused
from lpse.federation.limits import WEB_JSON_BYTES_MAX
from regional_node.grants.rules import Grant
from regional_node.web.answers import Answer, json_answer
from regional_node.web.calls import Call, not_allowed
from regional_node.web.ports import ResumableFiles

_ATTEMPT: Final = re.compile(rb"attempts/([1-9][0-9]{0,8})\.txt")


class GrantDoor:
    """See the module's first lines."""

    def __init__(self, files: ResumableFiles, *, prefix: str) -> None:
        self._files = files
        self._prefix = prefix

    async def answer(self, grant: Grant, call: Call) -> Answer | None:
        """One request; None for a path that is not ours."""
        if call.rest == b"state":
            _check_method(call, "GET")
            overview = await self._files.overview(grant)
            return json_answer(200, overview.document(f"{self._prefix}/g/{call.token}"))
        if call.rest == b"submit":
            _check_method(call, "POST")
            return await self._submit(grant, call)
        attempt = _ATTEMPT.fullmatch(call.rest)
        if attempt is not None:
            _check_method(call, "GET")
            found = await self._files.attempt(grant, int(attempt[1]))
            return Answer(200, [(b"content-type", b"text/plain; charset=utf-8")], found.proof)
        return None

    async def _submit(self, grant: Grant, call: Call) -> Answer:
        content = (call.header(b"content-type") or b"").partition(b";")[0].strip().lower()
        if content != b"application/json":
            raise Refused("FED-5324", "a submit is sent as application/json")
        file_ids = _file_ids(await call.small_body(WEB_JSON_BYTES_MAX))
        submitted = await self._files.submit(grant, file_ids)
        receipt = f"{self._prefix}/g/{call.token}/receipts/{submitted.number}"
        status = 200 if submitted.repeated else 201
        return json_answer(status, {"number": submitted.number, "receipt": receipt})


def _file_ids(body: bytes) -> list[str]:
    try:
        document = json.loads(body.decode("utf-8"))
        listed = document["files"]
        if isinstance(listed, list) and all(type(one) is str for one in listed):
            return listed
    except (ValueError, RecursionError, KeyError, TypeError):
        pass
    raise Refused(
        "FED-5330", "a submit names its files in order", remedy='send {"files": ["…", "…"]}'
    )


def _check_method(call: Call, method: str) -> None:
    if call.method != method and not (method == "GET" and call.method == "HEAD"):
        raise not_allowed(method)
