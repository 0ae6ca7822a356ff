"""Who gets in: grants, their ends, guesses, other origins, and what no answer and no log tells."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from regional_node.web.rules import Phase
from tests.regional_node.web.scene import BODY, TUS, Scene, Settings, creation, open_scene, until

NOBODY = "/g/" + "a" * 32
ORIGIN = "https://spse.example.go.id"


def shape(answer: httpx.Response) -> tuple[int, str, list[str]]:
    """Everything by which an onlooker could tell two answers apart."""
    names = sorted(name for name in answer.headers if name != "date")
    return answer.status_code, answer.text, names


@pytest.mark.parametrize(
    ("method", "below"),
    [
        ("POST", "/files"),
        ("OPTIONS", "/files"),
        ("HEAD", "/files/abc"),
        ("PATCH", "/files/abc"),
        ("DELETE", "/files/abc"),
        ("GET", "/state"),
        ("POST", "/submit"),
        ("GET", "/attempts/1.txt"),
        ("GET", ""),
    ],
)
async def test_unknown_revoked_and_expired_grants_look_alike(
    scene: Scene, method: str, below: str
) -> None:
    """Whether an address never was, was taken back, or is over, the answer is the same."""
    revoked, first = await scene.grant()
    await scene.grants.revoke(revoked.name, "lost")
    _, second = await scene.grant(ends=scene.node.clock.now() + timedelta(hours=1))
    scene.node.clock.advance(3_600)
    answers = []
    for path in (NOBODY, first, second, "/g/x", "/g/%2e%2e"):
        headers = {**BODY, "Upload-Length": "1", "Upload-Offset": "0", "Content-Length": "0"}
        answers.append(await scene.web.request(method, path + below, headers=headers))
    assert answers[0].status_code == 404
    assert len({json.dumps(shape(answer)) for answer in answers[:3]}) == 1
    assert [answer.status_code for answer in answers] == [404] * 5


async def test_grant_opens_its_own_files_only(scene: Scene) -> None:
    """A file of one grant does not exist under another."""
    _, mine = await scene.grant("PT Satu")
    _, other = await scene.grant("PT Dua")
    location = await scene.begin(mine, 10)
    stolen = other + location.removeprefix(mine)
    headers = {**BODY, "Upload-Offset": "0"}
    assert (await scene.web.head(stolen, headers=TUS)).status_code == 404
    assert (await scene.web.patch(stolen, headers=headers, content=b"x")).status_code == 404
    assert (await scene.web.delete(stolen, headers=TUS)).status_code == 404
    submitted = await scene.web.post(
        f"{other}/submit", json={"files": [location.rsplit("/", 1)[1]]}
    )
    assert submitted.status_code == 404
    assert (await scene.web.get(f"{other}/state")).json()["files"] == []


async def test_revocation_stops_a_running_upload_and_keeps_what_was_accepted(scene: Scene) -> None:
    """At the next piece a revoked grant's PATCH ends; an accepted submission stays."""
    grant, path = await scene.grant()
    whole = await scene.send(path, b"accepted")
    accepted = await scene.web.post(f"{path}/submit", json={"files": [whole]})
    assert accepted.status_code == 201
    location = await scene.begin(path, 1_000_000, "second.rhs")
    revoked = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 400_000
        await revoked.wait()
        yield b"y" * 400_000

    headers = {**BODY, "Upload-Offset": "0"}
    sending = asyncio.create_task(scene.web.patch(location, headers=headers, content=body()))
    await until(lambda: len(scene.came(Phase.BODY)) == 1)
    await scene.files.revoke(await scene.grants.revoke(grant.name, "wrong vendor"))
    revoked.set()
    answer = await sending
    assert answer.status_code in (404, 410, 423)
    stored = await scene.node.store.submission(grant.intake_key(1))
    assert stored is not None


@pytest.mark.parametrize("below", ["/state", "", "/receipts/1"])
async def test_many_guesses_are_slowed_and_hurt_no_one_else(scene: Scene, below: str) -> None:
    """After thirty guesses one hears 429, of pages too; a valid grant of that address goes on."""
    _, path = await scene.grant()
    statuses = [
        (await scene.web.get(f"/g/{number:a>32}{below}".replace("0", "b"))).status_code
        for number in range(40)
    ]
    assert set(statuses[:30]) == {404}
    assert 429 in statuses
    assert (await scene.web.get(f"{path}/state")).status_code == 200


async def test_too_many_requests_are_told_when_to_come_back(tmp_path: Path) -> None:
    """Beyond the rate of an address: 429 with Retry-After, and nothing is carried out."""
    async with open_scene(tmp_path, Settings(requests_per_second=0.001)) as scene:
        _, path = await scene.grant()
        answers = [await scene.web.get(f"{path}/state") for _ in range(2)]
        assert answers[0].status_code == 200
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert answers[-1].json()["code"] == "FED-5321"


async def test_forwarded_address_counts_only_from_a_trusted_proxy(tmp_path: Path) -> None:
    """A caller cannot escape its rate by naming other addresses."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    for folder, proxies, last in (("one", (), 429), ("two", ("127.0.0.1",), 200)):
        settings = Settings(requests_per_second=0.001, proxies=proxies)
        async with open_scene(tmp_path / folder, settings) as scene:
            _, path = await scene.grant()
            for number in range(3):
                headers = {"X-Forwarded-For": f"203.0.113.{number}"}
                answer = await scene.web.get(f"{path}/state", headers=headers)
            assert answer.status_code == last


async def test_other_origins_only_where_the_setting_names_them(tmp_path: Path) -> None:
    """Preflight and answer carry CORS for a named origin, and nothing for any other."""
    async with open_scene(tmp_path, Settings(origins=(ORIGIN,))) as scene:
        _, path = await scene.grant()
        ask = {"Access-Control-Request-Method": "PATCH"}
        for address in (f"{path}/files", NOBODY + "/files"):
            good = await scene.web.options(address, headers={**ask, "Origin": ORIGIN})
            assert good.status_code == 204
            assert good.headers["access-control-allow-origin"] == ORIGIN
            assert "PATCH" in good.headers["access-control-allow-methods"]
            assert "Upload-Offset" in good.headers["access-control-allow-headers"]
            bad = await scene.web.options(address, headers={**ask, "Origin": "https://evil.test"})
            assert "access-control-allow-origin" not in bad.headers
            assert "access-control-allow-methods" not in bad.headers
        made = await scene.web.post(f"{path}/files", headers={**creation(5), "Origin": ORIGIN})
        assert made.headers["access-control-allow-origin"] == ORIGIN
        assert "Location" in made.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in made.headers


@pytest.mark.parametrize("below", ["", "/state", "/files", "/nothing", "/attempts/9.txt"])
async def test_every_answer_keeps_the_address_secret(scene: Scene, below: str) -> None:
    """No answer lets a browser keep, sniff, frame, or pass on the address of a grant."""
    _, path = await scene.grant()
    answer = await scene.web.get(path + below)
    headers = answer.headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "no-store" in headers["cache-control"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers
    for name in ("referrer-policy", "content-security-policy", "cache-control"):
        assert len(headers.get_list(name)) == 1


async def test_nothing_of_a_request_reaches_a_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not at DEBUG, not for faults of ours: no token, vendor, package, file, address or path."""
    lines: list[Any] = []

    def keep(_: Any, __: str, event: Any) -> Any:
        lines.append(dict(event))
        raise structlog.DropEvent

    structlog.configure(processors=[keep], wrapper_class=structlog.BoundLogger)
    caplog.set_level(1)
    try:
        async with open_scene(tmp_path) as scene:
            grant, path = await scene.grant("PT Sangat Rahasia")
            await scene.send(path, b"secret", "rahasia.rhs")
            await scene.web.get(f"{NOBODY}/state")
            await scene.web.post(f"{path}/submit", content=b"{")

            async def fault(*_: Any) -> None:
                raise RuntimeError("PT Sangat Rahasia rahasia.rhs")

            scene.files.overview = fault  # type: ignore[assignment, method-assign] # a fault of ours
            broken = await scene.web.get(f"{path}/state")
            assert broken.status_code == 500
            assert broken.json()["code"] == "FED-1000"
    finally:
        structlog.reset_defaults()
    theirs = ("httpx", "httpcore")  # the browser of this test
    logged = [one.getMessage() for one in caplog.records if not one.name.startswith(theirs)]
    said = json.dumps([lines, logged], default=str) + "".join(capfd.readouterr())
    assert "web.failed" in said
    for secret in ("Rahasia", "rahasia", path[3:], grant.name, "7781013", "127.0.0.1", "/g/"):
        assert secret not in said, secret


async def test_port_offers_nothing_of_the_local_api(scene: Scene) -> None:
    """The gRPC API of SPSE and officers does not exist on the vendors' port."""
    services = ("Submissions", "Grants", "Packages", "Officers", "Compensations", "Node")
    headers = {"content-type": "application/grpc", "te": "trailers"}
    for service in services:
        address = f"/lpse.intake.v1.{service}/List"
        answer = await scene.web.post(address, headers=headers, content=b"\0\0\0\0\0")
        assert answer.status_code in (404, 405)
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9)
    answer_bytes = await reader.read()
    writer.close()
    assert answer_bytes.startswith(b"HTTP/1.1 4")


async def test_token_is_nowhere_on_the_disk(scene: Scene) -> None:
    """Database, journal and blobs hold no token; a copy of them opens no door."""
    _, path = await scene.grant()
    await scene.send(path, b"bytes")
    token = path.removeprefix("/g/").encode()
    for file in scene.node.folder.rglob("*"):
        if file.is_file():
            assert token not in file.read_bytes(), file.name


async def test_submit_is_answered_with_its_receipts_address(scene: Scene) -> None:
    """A submit is 201 with the receipt's path; the same set again is 200 with the same."""
    _, path = await scene.grant()
    files = [await scene.send(path, b"one", "a.rhs"), await scene.send(path, b"two", "b.rhs")]
    first = await scene.web.post(f"{path}/submit", json={"files": files})
    again = await scene.web.post(f"{path}/submit", json={"files": files})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"number": 1, "receipt": f"{path}/receipts/1"}
    state = (await scene.web.get(f"{path}/state")).json()
    assert state["submissions"][0]["files"] == files


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"files": "x"}', b'{"files": [1]}', b"\xff", b"[" * 60_000]
)
async def test_submit_of_anything_else_changes_nothing(scene: Scene, body: bytes) -> None:
    """What is no list of files is refused with a code."""
    _, path = await scene.grant()
    headers = {"content-type": "application/json"}
    answer = await scene.web.post(f"{path}/submit", headers=headers, content=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "FED-5330"
