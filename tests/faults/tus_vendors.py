"""A vendor with a resumable upload program and a bad line: tus 1.0.0 over HTTP, by hand.

Owns one vendor's deeds under a grant: create, send in pieces, break off anywhere, ask where to go
on, send from two programs at once, remove, leave lying, hand in, hand in again. Rules: it believes
answers and nothing else: an offset that was once answered may never go back, and a 2xx to a submit
is a promise for which the receipt must be there. Leaves out proof on disks (`checker`).
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import grpc
import httpx

from lpse.federation.errors import FederationError
from lpse.intake.v1 import grants_pb2 as grants
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1.grants_pb2_grpc import GrantsStub
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
from lpse.runtime.channels import error_from, open_local_channel
from tests.faults.load import FINAL, PAUSE_SECONDS_MAX, REPEAT_SECONDS, size_of
from tests.faults.vendors import Submission, Vendors
from tests.faults.world import Node

VERSION: Final = {"Tus-Resumable": "1.0.0"}
BYTES: Final = {**VERSION, "Content-Type": "application/offset+octet-stream"}
TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
AGAIN: Final = (423, 429, 500, 503, 507)
PATCH_AGAIN: Final = (409, 460, *AGAIN)  # ask where to go on, then repeat
DISK_FAILED: Final = ("FED-1102", "FED-1106")
GONE: Final = (404, 410)


class _Broken(Exception):
    """The line broke in mid-request, because this vendor has such a line."""


class ClosedForGood(Exception):
    """The deadline has passed, or the selection was cancelled."""


@dataclass
class File:
    """One file on its way: what was sent, and the highest offset that was ever answered."""

    content: bytes
    url: str = ""
    acknowledged: int = 0
    ended: bool = False  # removed on purpose, or handed in

    @property
    def file_id(self) -> str:
        """Its name at the node."""
        return self.url.rpartition("/")[2]


class TusVendor:
    """One who uploads over HTTP."""

    def __init__(self, node: Node, vendors: Vendors, packages: Sequence[str], seed: str) -> None:
        self._node = node
        self._vendors = vendors
        self._packages = packages
        self._seed = seed
        self._chance = random.Random(seed)
        self._count = 0
        self.doing = ""
        self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)

    async def run(self, stop: asyncio.Event) -> None:
        """One grant after another."""
        async with self._client:
            while not stop.is_set():
                self._count += 1
                package = self._chance.choice(self._packages)
                with suppress(ClosedForGood):
                    await self._grant(package, f"{self._seed}-{self._count}", stop)
                await asyncio.sleep(self._chance.uniform(0, PAUSE_SECONDS_MAX))

    async def _grant(self, package: str, request_id: str, stop: asyncio.Event) -> None:
        """One grant: a bid, and sometimes another that replaces it."""
        name, base = await self.ask_for_grant(package, request_id)
        for number in (1, 2):
            files = await self._bring(base)
            await self._submit(name, base, package, number, files)
            if stop.is_set() or self._chance.random() < 0.6:
                break
        await self._collect_proofs(name, base)

    async def _bring(self, base: str) -> list[File]:
        """Files that are whole; others are broken off, removed or left lying on the way."""
        files = []
        for _ in range(self._chance.randint(1, 3)):
            file = File(self._chance.randbytes(size_of(self._chance)))
            fate = self._chance.random()
            await self.create(base, file)
            if fate < 0.1:
                await self.send(file, until=len(file.content) // 2)
                await self._remove(file)
            elif fate < 0.2 and file.content:
                await self.send(file, until=max(1, len(file.content) // 2))
                self._vendors.lying[file.file_id] = file
            else:
                await self.send(file, until=len(file.content))
                files.append(file)
        return files or await self._bring(base)

    async def create(self, base: str, file: File) -> None:
        """Announce a file; a small one sometimes comes with all its bytes."""
        name = base64.b64encode(f"berkas-{self._chance.randrange(1 << 32)}.rhs".encode()).decode()
        headers = {
            **VERSION,
            "Upload-Length": str(len(file.content)),
            "Upload-Metadata": f"filename {name}",
        }
        content = b""
        if self._chance.random() < 0.4 and len(file.content) < 50_000:
            headers |= BYTES
            content = file.content
        while True:
            answer = await self._ask("POST", f"{base}/files", headers, content)
            if answer is not None and answer.status_code == 201:
                file.url = str(httpx.URL(base).join(answer.headers["Location"]))
                self._note(file, answer)
                return
            await self._wait(answer)

    async def send(self, file: File, *, until: int) -> None:
        """PATCH from where the node says, again and again, until so many bytes are answered."""
        while (offset := await self._offset(file)) < until:
            end = min(until, offset + self._chance.choice([7_000, 65_536, 1 << 20]))
            piece = file.content[offset:end]
            headers = {**BYTES, "Upload-Offset": str(offset), "Content-Length": str(len(piece))}
            asked = [self._ask("PATCH", file.url, headers, self._body(piece))]
            if self._chance.random() < 0.1:
                asked.append(self._ask("PATCH", file.url, dict(headers), self._body(piece)))
            for answer in await asyncio.gather(*asked):
                if answer is not None and answer.status_code == 204:
                    self._note(file, answer)
                elif answer is not None:
                    await self._wait(answer)

    async def _offset(self, file: File) -> int:
        """What HEAD says: never less than was answered before, never more than was sent."""
        while True:
            answer = await self._ask("HEAD", file.url, VERSION)
            if answer is not None and answer.status_code == 200:
                offset = int(answer.headers["Upload-Offset"])
                if offset < file.acknowledged or offset > len(file.content):
                    raise AssertionError(
                        f"HEAD says {offset} of {len(file.content)}, "
                        f"{file.acknowledged} were acknowledged ({file.file_id})"
                    )
                file.acknowledged = offset
                return offset
            await self._wait(answer)

    async def _remove(self, file: File) -> None:
        repeated = False
        while True:
            answer = await self._ask("DELETE", file.url, VERSION)
            if answer is not None and (
                answer.status_code == 204 or (repeated and answer.status_code in GONE)
            ):
                file.ended = True
                return
            repeated = True
            await self._wait(answer)

    async def _submit(
        self, name: str, base: str, package: str, number: int, files: list[File]
    ) -> None:
        """Hand in; the same set again gives the same; every 2xx has its receipt."""
        body = {"files": [file.file_id for file in files]}
        contents = tuple(file.content for file in files)
        times = 2 if self._chance.random() < 0.3 else 1
        while times:
            answer = await self._ask("POST", f"{base}/submit", {}, json=body)
            if answer is None or answer.status_code not in (200, 201):
                await self._wait(answer)
                continue
            assert answer.json()["number"] == number, "another number than the vendor's own count"
            key = f"{name}-{number}"
            submission = Submission(key, package, contents)
            self._vendors.keep(submission, await self._receipt(key))
            times -= 1
        for file in files:
            file.ended = True

    async def _receipt(self, key: str) -> bytes:
        """A receipt that was promised: there, as soon as the node answers."""
        while True:
            self.doing = f"asking for the receipt of {key}"
            try:
                async with open_local_channel(self._node.socket) as channel:
                    asked = wire.GetReceiptRequest(name=f"submissions/{key}")
                    answer = await SubmissionsStub(channel).GetReceipt(asked, timeout=20)
                assert not answer.attempt_only, f"{key}: 2xx to a submit, and no receipt"
                return bytes(answer.receipt)
            except grpc.aio.AioRpcError as error:
                told = error_from(error)
                assert _is_passing(told), f"{key}: 2xx to a submit, and then {told.code}"
                await asyncio.sleep(REPEAT_SECONDS)

    async def _collect_proofs(self, name: str, base: str) -> None:
        """Every attempt that the state shows has its proof."""
        state = None
        while state is None or state.status_code != 200:
            state = await self._ask("GET", f"{base}/state", {})
            if state is None or state.status_code != 200:
                await self._wait(state)
        for attempt in state.json()["attempts"]:
            url = str(httpx.URL(base).join(attempt["proof"]))
            answer = None
            while answer is None or answer.status_code != 200:
                answer = await self._ask("GET", url, {})
                if answer is None or answer.status_code != 200:
                    await self._wait(answer)
            self._vendors.proofs.setdefault(f"{name}/{attempt['number']}", set()).add(
                answer.content
            )

    async def ask_for_grant(self, package: str, request_id: str) -> tuple[str, str]:
        """SPSE asks; the same wish with the same id gives the same address again."""
        wish = grants.CreateGrantRequest(
            package=package,
            details_json=b'{"vendor": "PT Sumber Makmur"}',
            channel=wire.CHANNEL_DIRECT,
            request_id=request_id,
        )
        while True:
            try:
                async with open_local_channel(self._node.socket) as channel:
                    made = await GrantsStub(channel).CreateGrant(wish, timeout=20)
                token = made.url.rstrip("/").rpartition("/")[2]
                name = made.grant.name.removeprefix("grants/")
                return name, f"{self._node.address}/g/{token}"
            except grpc.aio.AioRpcError as error:
                told = error_from(error)
                self.doing = f"asking for a grant: {told}"
                self._check_refusal(told)
                await asyncio.sleep(REPEAT_SECONDS)

    async def _ask(
        self, method: str, url: str, headers: dict[str, str], content: Any = None, json: Any = None
    ) -> httpx.Response | None:
        """One request; None where the line or the node broke on the way."""
        try:
            return await self._client.request(
                method, url, headers=headers, content=content, json=json
            )
        except (httpx.TransportError, _Broken):
            return None

    async def _body(self, piece: bytes) -> AsyncIterator[bytes]:
        """In small portions; sometimes the line breaks in the middle."""
        breaks = self._chance.randint(0, len(piece)) if self._chance.random() < 0.25 else None
        for start in range(0, len(piece), 16_384):
            portion = piece[start : start + 16_384]
            if breaks is not None and start + len(portion) > breaks:
                yield portion[: breaks - start]
                raise _Broken
            yield portion

    def _note(self, file: File, answer: httpx.Response) -> None:
        """An answered offset is a promise."""
        offset = int(answer.headers["Upload-Offset"])
        assert offset <= len(file.content), "more is acknowledged than the file has"
        file.acknowledged = max(file.acknowledged, offset)

    async def _wait(self, answer: httpx.Response | None) -> None:
        """Before the next attempt; raises where there shall be none."""
        self.doing = "the line broke"
        if answer is not None:
            method, status, code = answer.request.method, answer.status_code, _code_of(answer)
            if code in FINAL:
                raise ClosedForGood
            self.doing = f"{method} {answer.request.url.path[-40:]} was answered {status} {code}"
            again = PATCH_AGAIN if method == "PATCH" else AGAIN
            if status not in (200, 201, 204, *again) or code == "FED-1000":
                raise AssertionError(f"{method} was answered {status} {code}")
        await asyncio.sleep(REPEAT_SECONDS)

    def _check_refusal(self, told: FederationError) -> None:
        if told.code in FINAL:
            raise ClosedForGood
        assert _is_passing(told), f"a grant was refused: {told}"


def _is_passing(told: FederationError) -> bool:
    """Trying again is right; after a failed disk it is once the node was started again."""
    return told.may_retry or told.code in DISK_FAILED


def _code_of(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return ""
