"""Requests that no honest program sends: each is answered once, changes nothing, costs little."""

from __future__ import annotations

import asyncio
import base64
import ssl

import pytest

from tests.regional_node.web.scene import BODY, TUS, Scene, creation

FILE = "files/../../etc/passwd"


async def raw(port: int, data: bytes, *, seconds: float = 10, tls: bool = False) -> bytes:
    """Send these bytes and read until the other side closes."""
    context = ssl._create_unverified_context() if tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        writer.write(data)
        await writer.drain()
        async with asyncio.timeout(seconds):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def head(line: str, *fields: str) -> bytes:
    """A request without a body that ends its connection."""
    return "\r\n".join([line, "Host: x", "Connection: close", *fields, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    "path",
    [
        "/g/../../etc/passwd",
        "/g/{token}/../{token}/state",
        "/g/{token}/files/..%2f..%2fnode.db",
        "/g/{token}/files/%2e%2e",
        "/g/{token}/attempts/..%2f1.txt",
        "/g/{token}/attempts/-1.txt",
        "/g/{token}/receipts/../state",
        "/static/../config.py",
        "/static/..%2fconfig.py",
        "/static/%2e%2e/rendering.py",
        "//g/{token}/state",
        "/g/{token}//state",
        "/g/{token}/state/",
        "/g/{token}\\state",
    ],
)
async def test_no_path_climbs(scene: Scene, path: str) -> None:
    """Dots, encodings and doubled slashes lead nowhere."""
    _, own = await scene.grant()
    line = f"GET {path.replace('{token}', own[3:])} HTTP/1.1"
    answer = await raw(scene.port, head(line, "Tus-Resumable: 1.0.0"))
    assert answer.split(b" ")[1] in (b"400", b"404", b"405")
    assert b"root:" not in answer
    assert b"import" not in answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
        (head("GET / HTTP/1.1", "X: " + "a" * 20_000), b"431"),
        (head("GET / HTTP/1.1", *[f"X-{n}: 1" for n in range(100)]), b"431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: a" + b"\r\n b" * 9_000, b"400"),
        (b"NONSENSE\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX\0Y: 1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", b"400"),
        (head("POST / HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked"), b"400"),
        (head("POST / HTTP/1.1", "Content-Length: 5", "Content-Length: 6"), b"400"),
        (head("POST / HTTP/1.1", "Content-Length: -1"), b"400"),
        (head("POST / HTTP/1.1", "Content-Length: 99999999999999999999999"), b"400"),
        (head("GET / HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade"), b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
    ],
)
async def test_head_beyond_its_limits_is_refused(
    scene: Scene, request_: bytes, status: bytes
) -> None:
    """Too long, too many, malformed or contradictory: one refusal, then the end."""
    answer = await raw(scene.port, request_)
    assert answer.split(b" ")[1] == status, answer[:200]
    assert b"connection: close" in answer
    assert b"nosniff" in answer


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("Upload-Length", ["-1"]),
        ("Upload-Length", ["1e3"]),
        ("Upload-Length", ["0x10"]),
        ("Upload-Length", ["10", "10"]),
        ("Upload-Length", ["10", "11"]),
        ("Upload-Length", ["१०".encode().decode("latin-1")]),
        ("Upload-Length", []),
        ("Upload-Metadata", ["filename " + base64.b64encode(b"a\0b").decode()]),
        ("Upload-Metadata", ["filename " + base64.b64encode(b"\xff\xfe").decode()]),
        ("Upload-Metadata", ["filename " + base64.b64encode(b"a\nb").decode()]),
        ("Upload-Metadata", ["filename !!!"]),
        ("Upload-Metadata", ["filename YQ==,filename Yg=="]),
        ("Upload-Metadata", ["filename " + base64.b64encode(b"x" * 300).decode()]),
        ("Upload-Metadata", [",".join(f"k{n} YQ==" for n in range(20))]),
        ("Upload-Defer-Length", ["1"]),
        ("Upload-Concat", ["partial"]),
        ("Upload-Checksum", ["md5 1B2M2Y8AsgTpgAmY7PhCfg=="]),
        ("Upload-Checksum", ["sha1 AAAA"]),
        ("Upload-Checksum", ["sha256"]),
    ],
)
async def test_wrong_headers_create_nothing(scene: Scene, field: str, values: list[str]) -> None:
    """Negative, huge, doubled, unreadable: refused with a code, and no file appears."""
    _, path = await scene.grant()
    fields = [(key, value) for key, value in creation(10).items() if key != field]
    fields += [(field, value) for value in values]
    encoded = [(key.encode(), value.encode("latin-1")) for key, value in fields]
    answer = await scene.web.post(f"{path}/files", headers=encoded)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"].startswith("FED-53")
    assert (await scene.web.get(f"{path}/state")).json()["files"] == []


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("Upload-Offset", []),
        ("Upload-Offset", ["-1"]),
        ("Upload-Offset", ["0", "5"]),
        ("Upload-Offset", ["99999999999999999999999"]),
        ("Tus-Resumable", ["1.0.0", "0.2.2"]),
    ],
)
async def test_wrong_headers_write_nothing(scene: Scene, field: str, values: list[str]) -> None:
    """A PATCH that contradicts itself leaves the file as it was."""
    _, path = await scene.grant()
    location = await scene.begin(path, 10)
    given = {**BODY, "Upload-Offset": "0"}
    fields = [(key, value) for key, value in given.items() if key != field]
    fields += [(field, value) for value in values]
    answer = await scene.web.patch(location, headers=fields, content=b"12345")
    assert answer.status_code == 400, answer.text
    looked = await scene.web.head(location, headers=TUS)
    assert looked.headers["upload-offset"] == "0"


async def test_body_that_ends_early_counts_as_far_as_it_came(scene: Scene) -> None:
    """A line that breaks in the middle of a body keeps what was received."""
    _, path = await scene.grant()
    location = await scene.begin(path, 1_000)
    request = head(
        f"PATCH {location} HTTP/1.1", "Tus-Resumable: 1.0.0", "Upload-Offset: 0",
        "Content-Type: application/offset+octet-stream", "Content-Length: 1000",
    )  # fmt: skip
    _, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(request + b"x" * 300)
    await writer.drain()
    writer.close()
    async with asyncio.timeout(60):
        while True:
            looked = await scene.web.head(location, headers=TUS)
            if looked.headers["upload-offset"] == "300":
                break
            await asyncio.sleep(0.02)


async def test_requests_sent_ahead_are_answered_in_order_and_bounded(scene: Scene) -> None:
    """A few pipelined requests work; hundreds end the connection."""
    _, path = await scene.grant()
    one = f"GET {path}/state HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    last = f"GET {path}/state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    assert (await raw(scene.port, one * 4 + last)).count(b"HTTP/1.1 200") == 5
    assert (await raw(scene.port, one * 300)).count(b"HTTP/1.1 200") < 300


async def test_refused_body_does_not_hide_the_answer(scene: Scene) -> None:
    """A large body that is refused at its head still brings its sender the reason."""
    _, path = await scene.grant()
    location = await scene.begin(path, 20_000_000)
    headers = {**BODY, "Upload-Offset": "5"}
    answer = await scene.web.patch(location, headers=headers, content=bytes(19_000_000))
    assert answer.status_code == 409
