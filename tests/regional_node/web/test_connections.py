"""Many lines, slow lines, silent lines, TLS, and an orderly end."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from pathlib import Path

import httpx
import pytest

from lpse.federation.errors import FederationError
from lpse.federation.limits import (
    WEB_BODIES_BYTES_MAX,
    WEB_BODY_WINDOW_BYTES_MIN,
    WEB_BODY_WINDOW_SECONDS,
    WEB_DRAIN_SECONDS_MAX,
    WEB_HEAD_SECONDS_MAX,
    WEB_KEEP_ALIVE_SECONDS,
    WEB_READ_BYTES_MAX,
    WEB_READ_BYTES_MIN,
)
from lpse.runtime.clock import SystemClock
from regional_node.web import rules
from regional_node.web.connections import Connections
from regional_node.web.rules import Phase, Pulse
from regional_node.web.server import bound, make_room, tls_context
from tests.regional_node.web.scene import BODY, TUS, Scene, Settings, creation, open_scene, until
from tests.regional_node.web.test_abuse import head, raw

SLOW = 1_000


def patch(location: str, size: int) -> bytes:
    """The head of a PATCH that brings a whole file."""
    return head(
        f"PATCH {location} HTTP/1.1", "Tus-Resumable: 1.0.0", "Upload-Offset: 0",
        "Content-Type: application/offset+octet-stream", f"Content-Length: {size}",
    )  # fmt: skip


async def sweep(scene: Scene, seconds: float) -> None:
    """What the watcher of lines does so many seconds from now."""
    scene.connections.step(SystemClock().monotonic() + seconds)
    await asyncio.sleep(0.05)


class Trickle:
    """One upload on a line of its own: begun, half sent, waiting."""

    def __init__(self, scene: Scene, path: str, name: str) -> None:
        self._scene = scene
        self._path = path
        self._name = name
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def begin(self, data: bytes) -> None:
        """Create the file and send a few of its bytes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._scene.port)
        fields = [f"{key}: {value}" for key, value in creation(len(data), self._name).items()]
        lines = [f"POST {self._path}/files HTTP/1.1", "Host: x", *fields, "Content-Length: 0"]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert answer.startswith("HTTP/1.1 201"), answer
        location = answer.split("location: ")[1].split("\r\n")[0]
        writer.write(patch(location, len(data)) + data[:10])
        await writer.drain()
        self._line = reader, writer

    async def end(self, data: bytes) -> bytes:
        """Send the rest; the status line."""
        assert self._line is not None
        reader, writer = self._line
        writer.write(data[10:])
        answer = await reader.readline()
        writer.close()
        return answer


async def test_a_thousand_slow_uploads_side_by_side(scene: Scene) -> None:
    """A thousand lines that trickle are all open at once, served, and every file is whole."""
    make_room(4_096)
    paths = [(await scene.grant(f"PT {number}", bytes_max=10_000))[1] for number in range(20)]
    data = b"trickling bytes " * 6
    lines = [Trickle(scene, paths[one % 20], f"file-{one}.rhs") for one in range(SLOW)]
    for start in range(0, SLOW, 100):  # as vendors come: not all in one moment
        await asyncio.gather(*(line.begin(data) for line in lines[start : start + 100]))
    assert scene.connections.open_count >= SLOW
    answers = await asyncio.gather(*(line.end(data) for line in lines))
    assert {answer.split(b" ")[1] for answer in answers} == {b"204"}
    digest = hashlib.sha256(data).hexdigest()
    for path in paths:
        files = (await scene.web.get(f"{path}/state")).json()["files"]
        assert [file["sha256"] for file in files] == [digest] * (SLOW // 20)


async def test_connections_of_one_address_are_bounded(tmp_path: Path) -> None:
    """One more than allowed is told 503 and closed; when one leaves, the next may come."""
    async with open_scene(tmp_path, Settings(per_address_max=3)) as scene:
        lines = [await asyncio.open_connection("127.0.0.1", scene.port) for _ in range(3)]
        await until(lambda: scene.connections.open_count == 3)
        assert (await raw(scene.port, head("GET / HTTP/1.1"))).startswith(b"HTTP/1.1 503")
        lines[0][1].close()
        await until(lambda: scene.connections.open_count == 2)
        assert (await raw(scene.port, head("GET / HTTP/1.1"))).startswith(b"HTTP/1.1 404")
        for _, writer in lines:
            writer.close()


def test_answers_never_wait_for_an_acknowledgement() -> None:
    """Connections send at once: an answer of head and body costs no delayed acknowledgement."""
    with bound("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_silent_body_is_cut_and_a_slow_one_is_not(scene: Scene) -> None:
    """Two minutes with hardly a byte end a line; what came stays. A 64 kbit/s line lives on."""
    _, path = await scene.grant()
    silent = await scene.begin(path, 5_000, "silent.rhs")
    slow = await scene.begin(path, 500_000, "slow.rhs")
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(patch(silent, 5_000) + b"x" * 100)
    heard, other = await asyncio.open_connection("127.0.0.1", scene.port)
    other.write(patch(slow, 500_000) + b"y" * 64_000)
    await other.drain()
    await until(lambda: max(scene.came(Phase.BODY), default=0) >= WEB_BODY_WINDOW_BYTES_MIN)
    await until(lambda: len(scene.came(Phase.BODY)) == 2)
    await sweep(scene, WEB_BODY_WINDOW_SECONDS + 1)
    assert await reader.read() == b""
    other.write(b"y" * 436_000)
    assert (await heard.readline()).startswith(b"HTTP/1.1 204")
    looked = await scene.web.head(silent, headers=TUS)
    assert looked.headers["upload-offset"] == "100"
    writer.close()
    other.close()


async def test_head_that_trickles_is_cut(scene: Scene) -> None:
    """A request's head may take half a minute, however often a byte of it comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(b"GET / HTTP/1.1\r\nHost")
    await until(lambda: scene.came(Phase.HEAD) == [20])
    await sweep(scene, WEB_HEAD_SECONDS_MAX / 2)
    writer.write(b": x\r\nX: ")
    await until(lambda: scene.came(Phase.HEAD) == [28])
    assert scene.connections.cut_count == 0
    await sweep(scene, WEB_HEAD_SECONDS_MAX + 1)
    assert await reader.read() == b""
    writer.close()


async def test_idle_connection_is_closed(scene: Scene) -> None:
    """A connection that asks nothing more is closed after the keep-alive time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.read(20)).startswith(b"HTTP/1.1 404")
    await sweep(scene, WEB_KEEP_ALIVE_SECONDS + 1)
    while await reader.read(1_000):
        pass
    writer.close()


def test_phases_have_their_own_patience() -> None:
    """Every phase of a line ends at its limit, but while we make the answer it never does."""
    patience = {
        Phase.WAITING: WEB_KEEP_ALIVE_SECONDS,
        Phase.HEAD: WEB_HEAD_SECONDS_MAX,
        Phase.DRAINING: WEB_DRAIN_SECONDS_MAX,
    }
    for phase in Phase:
        for age in (0.0, 9.0, 31.0, 76.0, 1e6):
            pulse = Pulse(phase, 0.0)
            expected = age > patience.get(phase, float("inf"))
            if phase is Phase.BODY:
                expected = age >= WEB_BODY_WINDOW_SECONDS
            found = rules.is_overdue(pulse, age, reading_paused=False, stalled_since=0.0)
            assert found == expected
            assert rules.is_overdue(pulse, 61.0, reading_paused=True, stalled_since=0.5) or (
                61.0 - 0.5 <= 60
            )
    ours = Pulse(Phase.BODY, 0.0)
    assert not rules.is_overdue(ours, 1e6, reading_paused=True, stalled_since=0.0)


async def test_stopping_records_the_bytes_of_running_uploads(tmp_path: Path) -> None:
    """Invariant 1: an orderly stop breaks a PATCH off after its bytes are durable."""
    async with open_scene(tmp_path) as scene:
        _, path = await scene.grant()
        location = await scene.begin(path, 100_000)
        _, writer = await asyncio.open_connection("127.0.0.1", scene.port)
        writer.write(patch(location, 100_000))
        await until(lambda: len(scene.came(Phase.BODY)) == 1)
        [begun] = scene.came(Phase.BODY)
        writer.write(b"x" * 30_000)
        await until(lambda: scene.came(Phase.BODY) == [begun + 30_000])
        await scene.server.close()
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient() as web:
                await web.get(f"http://127.0.0.1:{scene.port}/")
        writer.close()
    async with open_scene(tmp_path) as scene:
        looked = await scene.web.head(location, headers=TUS)
        assert looked.headers["upload-offset"] == "30000"


async def test_tls_carries_the_same_protocol(tmp_path: Path) -> None:
    """With a certificate the port speaks TLS 1.2 or newer only, and uploads work."""
    certificate, key = certificate_for(tmp_path)
    (tmp_path / "node").mkdir()
    settings = Settings(tls=tls_context(certificate, key))
    async with open_scene(tmp_path / "node", settings) as scene:
        _, path = await scene.grant()
        location = await scene.begin(path, 300_000)
        data = bytes(300_000)
        headers = {**BODY, "Upload-Offset": "0"}
        sent = await scene.web.patch(location, headers=headers, content=data)
        assert sent.headers["upload-offset"] == "300000"
        plain = await raw(scene.port, head(f"GET {path} HTTP/1.1"))
        assert b"200" not in plain[:20]
        async with asyncio.timeout(60):
            while scene.connections.open_count > 1:  # the failed handshake is not counted any more
                await asyncio.sleep(0.02)
        together = b"".join([patch(location, 0)[:-2], b"\r\n"])
        assert b"HTTP/1.1" in await raw(scene.port, together, tls=True)


@pytest.mark.parametrize(
    ("listen", "plain", "public", "said"),
    [
        ("0.0.0.0:7482", False, "https://x.test", "TLS"),
        ("192.0.2.1:7482", False, "", "TLS"),
        ("0.0.0.0:7482", True, "", "public_url"),
        ("7482", False, "", "address:port"),
        ("127.0.0.1:x", False, "", "address:port"),
        ("127.0.0.1:99999", False, "", "address:port"),
        ("127.0.0.1:1", False, "ftp://x", "address such as"),
        ("127.0.0.1:1", False, "https://x.test/?a=b", "address such as"),
    ],
)
def test_unsafe_or_unusable_settings_are_refused(
    listen: str, plain: bool, public: str, said: str
) -> None:
    """FED-5310 says which key is wrong, before anything opens."""
    with pytest.raises(FederationError, match=said) as caught:
        host, port = rules.place_of(listen)
        rules.check_place(host, tls=False, plain_allowed=plain, public_url=public)
        rules.base_of(public, host, port, tls=False)
    assert caught.value.code == "FED-5310"


def test_usable_settings_give_the_address_of_a_grant() -> None:
    """The address handed out is the public one, or the listening one."""
    assert rules.base_of("", "127.0.0.1", 7482, tls=False) == "http://127.0.0.1:7482"
    assert rules.base_of("", "::1", 7482, tls=True) == "https://[::1]:7482"
    assert (
        rules.base_of("https://lpse.test/unggah/", "x", 1, tls=False) == "https://lpse.test/unggah"
    )
    assert rules.place_of("[::1]:7482") == ("::1", 7482)


def test_caller_is_the_last_address_that_no_trusted_proxy_stands_for() -> None:
    """Whoever forges a forwarded address is still counted by what the proxy saw."""
    trusted = rules.networks_of(["10.0.0.0/8"])
    assert rules.caller_of("203.0.113.9", ["1.2.3.4"], trusted) == "203.0.113.9"
    assert rules.caller_of("10.0.0.1", ["6.6.6.6, 203.0.113.9"], trusted) == "203.0.113.9"
    assert rules.caller_of("10.0.0.1", ["6.6.6.6, 203.0.113.9, 10.0.0.2"], trusted) == "203.0.113.9"
    assert rules.caller_of("10.0.0.1", ["nonsense"], trusted) == "10.0.0.1"
    assert rules.caller_of("10.0.0.1", ["[2001:db8::1]:443"], trusted) == "2001:db8::1"


def test_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    """Half a pair, or a file that is none, is FED-5310."""
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate", "ascii")
    for certificate, key in ((broken, None), (None, broken), (broken, broken)):
        with pytest.raises(FederationError) as caught:
            tls_context(certificate, key)
        assert caught.value.code == "FED-5310"
    assert tls_context(None, None) is None


def certificate_for(folder: Path) -> tuple[Path, Path]:
    """A self-signed pair for loopback."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = folder / "key.pem"
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem, secret


def test_bodies_share_one_memory() -> None:
    """However many bodies come in at once, what they hold together stays within one bound."""
    connections = Connections(SystemClock(), total_max=9, per_address_max=9, proxies=())
    assert connections.share_bytes == WEB_READ_BYTES_MAX
    connections.count_body(1_000)
    assert connections.share_bytes * 1_000 <= WEB_BODIES_BYTES_MAX
    assert len(connections.buffer()) == connections.share_bytes
    connections.count_body(9_000)
    assert connections.share_bytes == WEB_READ_BYTES_MIN
    connections.count_body(-10_000)
    assert connections.share_bytes == WEB_READ_BYTES_MAX
