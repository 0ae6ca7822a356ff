"""Errors, callers and limits cross a real mTLS connection on loopback as the contract says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from lpse.federation.errors import (
    Conflict,
    Denied,
    FederationError,
    NotFound,
    Refused,
    Stale,
    Unavailable,
)
from lpse.federation.limits import MESSAGE_BYTES_MAX
from lpse.runtime import channels, logs, tls

NOW = datetime.now(UTC)
SECRET = "vendor PT Rahasia Jaya"


@dataclass
class Loopback:
    """A server whose one handler does what the test asks, and a way to call it."""

    port: int
    folder: Path
    ca: tls.Authority
    log: StringIO
    act: Any = None
    stream: Any = None

    def channel(self, folder: Path) -> grpc.aio.Channel:
        return channels.open_channel(
            f"127.0.0.1:{self.port}",
            tls.client_credentials(folder),
            server_name=tls.CENTRE_SERVER_NAME,
        )

    async def call(self, folder: Path, kind: str = "unary", request: bytes = b"") -> bytes:
        async with self.channel(folder) as channel:
            unary: Any = channel.unary_unary("/test.Service/Unary")
            stream: Any = channel.unary_stream("/test.Service/Stream")
            try:
                if kind == "unary":
                    answer: bytes = await unary(request)
                    return answer
                return b"".join([part async for part in stream(request)])
            except grpc.aio.AioRpcError as error:
                raise channels.error_from(error) from None


def identity(folder: Path, ca: tls.Authority, kind: str, name: str, seconds: int = 600) -> Path:
    """A party's folder with a certificate of `ca`."""
    folder.mkdir()
    key, signing = tls.new_tls_key(), tls.new_signing_key()
    request = tls.read_request(tls.make_request(key))
    validity = (NOW, timedelta(seconds=seconds))
    certificate = tls.issue_client(ca, request, (kind, name), tls.public_bytes(signing), validity)
    tls.write_private(folder / tls.TLS_KEY, tls.private_pem(key))
    tls.write_public(folder / tls.TLS_CERTIFICATE, tls.pem(certificate))
    tls.write_public(folder / tls.CA_CERTIFICATE, tls.pem(ca.certificate))
    return folder


@pytest.fixture
async def loopback(tmp_path: Path) -> AsyncIterator[Loopback]:
    ca = tls.make_authority("test CA", NOW, 30)
    folder = tmp_path / "centre"
    folder.mkdir()
    key = tls.new_tls_key()
    tls.write_private(folder / tls.TLS_KEY, tls.private_pem(key))
    server_certificate = tls.issue_server(ca, key.public_key(), NOW, 30)
    tls.write_public(folder / tls.TLS_CERTIFICATE, tls.pem(server_certificate))
    tls.write_public(folder / tls.CA_CERTIFICATE, tls.pem(ca.certificate))
    text = StringIO()
    found = Loopback(0, folder, ca, text)

    async def unary(request: bytes, context: Any) -> bytes:
        answer: bytes = found.act(context)
        return answer

    async def stream(request: bytes, context: Any) -> AsyncIterator[bytes]:
        if found.stream is not None:
            async for part in found.stream(request, context):
                yield part
            return
        yield b"first "
        yield found.act(context)

    handlers: dict[str, Any] = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Stream": grpc.unary_stream_rpc_method_handler(stream),
    }
    server = grpc.aio.server(
        interceptors=[channels.ErrorInterceptor(logs.configure(stream=text, json=True))],
        options=channels.SERVER_OPTIONS,
    )
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("test.Service", handlers)]
    )
    credentials = tls.server_credentials(folder, clients=True)
    found.port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    yield found
    await server.stop(0)


def reached(context: Any) -> bytes:
    return b"reached"


def raising(error: Exception) -> Any:
    def act(context: Any) -> bytes:
        raise error

    return act


@pytest.mark.parametrize("kind", ["unary", "stream"])
@pytest.mark.parametrize("error", [Refused, NotFound, Conflict, Stale, Denied, Unavailable])
async def test_error_arrives_as_the_same_error(
    loopback: Loopback, tmp_path: Path, error: type[FederationError], kind: str
) -> None:
    """Class, code, message, remedy, may-retry and retry-after survive the wire."""
    sent = error("FED-4242", "the thing", remedy="do this")
    sent.retry_after_seconds = 2.5
    loopback.act = raising(sent)
    folder = identity(tmp_path / "node", loopback.ca, "node", "lpse-pacitan")
    with pytest.raises(FederationError) as caught:
        await loopback.call(folder, kind)
    got = caught.value
    assert type(got) is error
    assert (got.code, got.message, got.remedy) == ("FED-4242", "the thing", "do this")
    assert (got.may_retry, got.retry_after_seconds) == (sent.may_retry, 2.5)


async def test_unexpected_exception_tells_nothing(loopback: Loopback, tmp_path: Path) -> None:
    """A bug's text reaches neither the caller nor the log; its type and place reach the log."""
    loopback.act = raising(KeyError(SECRET))
    folder = identity(tmp_path / "node", loopback.ca, "node", "lpse-pacitan")
    with pytest.raises(FederationError) as caught:
        await loopback.call(folder)
    assert caught.value.code == "FED-1000" and caught.value.may_retry
    assert SECRET not in str(caught.value)
    assert SECRET not in loopback.log.getvalue()
    assert "KeyError" in loopback.log.getvalue() and "test_channels" in loopback.log.getvalue()


async def test_subject_comes_from_the_certificate(loopback: Loopback, tmp_path: Path) -> None:
    """The caller's kind and name are read from the certificate that TLS verified."""

    def act(context: Any) -> bytes:
        subject = channels.peer_subject(context)
        return f"{subject.kind} {subject.name} {len(subject.key_id)}".encode()

    loopback.act = act
    node = identity(tmp_path / "node", loopback.ca, "node", "lpse-pacitan")
    operator = identity(tmp_path / "operator", loopback.ca, "operator", "sri")
    assert await loopback.call(node) == b"node lpse-pacitan 64"
    assert await loopback.call(operator, "stream") == b"first operator sri 64"


async def test_foreign_and_expired_certificates_do_not_pass(
    loopback: Loopback, tmp_path: Path
) -> None:
    """A certificate of another CA, and one past its end, end in an unreachable centre."""
    loopback.act = reached
    other = tls.make_authority("other CA", NOW, 30)
    foreign = identity(tmp_path / "foreign", other, "node", "lpse-pacitan")
    tls.write_public(foreign / tls.CA_CERTIFICATE, tls.pem(loopback.ca.certificate))
    expired = identity(tmp_path / "expired", loopback.ca, "node", "lpse-pacitan", seconds=-1)
    for folder in (foreign, expired):
        with pytest.raises(Unavailable) as caught:
            await loopback.call(folder)
        assert caught.value.code == "FED-2299"


async def test_server_of_another_ca_is_not_believed(loopback: Loopback, tmp_path: Path) -> None:
    """A party that pinned one CA does not talk to a server of another."""
    loopback.act = reached
    other = tls.make_authority("other CA", NOW, 30)
    folder = identity(tmp_path / "node", other, "node", "lpse-pacitan")
    with pytest.raises(Unavailable):
        await loopback.call(folder)


async def test_node_certificate_cannot_play_the_centre(loopback: Loopback) -> None:
    """A client certificate names no server and may not be used as one."""
    key, signing = tls.new_tls_key(), tls.new_signing_key()
    request = tls.read_request(tls.make_request(key))
    validity = (NOW, timedelta(days=1))
    subject = ("node", "lkpp-central")
    issued = tls.issue_client(loopback.ca, request, subject, tls.public_bytes(signing), validity)
    usage = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert names.get_values_for_type(x509.DNSName) == []


async def test_too_large_message_is_refused(loopback: Loopback, tmp_path: Path) -> None:
    """A message beyond the limit is refused, and trying it again is not called right."""
    loopback.act = reached
    folder = identity(tmp_path / "node", loopback.ca, "node", "lpse-pacitan")
    with pytest.raises(Refused) as caught:
        await loopback.call(folder, request=b"x" * (MESSAGE_BYTES_MAX + 1))
    assert caught.value.code == "FED-2297" and not caught.value.may_retry


async def test_unknown_call_says_so(loopback: Loopback, tmp_path: Path) -> None:
    """A call that the other side lacks is told apart from a broken road."""
    folder = identity(tmp_path / "node", loopback.ca, "node", "lpse-pacitan")
    async with loopback.channel(folder) as channel:
        unknown: Any = channel.unary_unary("/test.Service/Newer")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unknown(b"")
    assert channels.error_from(caught.value).code == "FED-2298"


async def test_handler_ends_when_its_caller_goes_away(loopback: Loopback, tmp_path: Path) -> None:
    """A stream's clean-up runs at once when the caller cancels, not when memory is collected."""
    ended = asyncio.Event()

    async def endless(request: bytes, context: Any) -> AsyncIterator[bytes]:
        try:
            yield b"open"
            await asyncio.Event().wait()
        finally:
            ended.set()

    loopback.stream = endless
    folder = identity(tmp_path / "node", loopback.ca, "node", "lpse-pacitan")
    async with loopback.channel(folder) as channel:
        stream: Any = channel.unary_stream("/test.Service/Stream")
        call = stream(b"")
        assert await call.read() == b"open"
        call.cancel()
        await asyncio.wait_for(ended.wait(), 60)
    assert "rpc.failed" not in loopback.log.getvalue()


@pytest.mark.parametrize(
    ("asked", "answered"),
    [(0, 100), (-1, 100), (1, 1), (1_000, 1_000), (1_001, 1_000)],
)
def test_a_page_is_never_larger_than_the_limit(asked: int, answered: int) -> None:
    """Invariant 12: whoever asks for nothing gets the default, for too much the limit."""
    assert channels.page_size(asked) == answered
