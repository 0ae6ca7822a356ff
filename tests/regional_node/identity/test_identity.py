"""A node proves the centre before it speaks, keeps its keys, and keeps its certificate alive."""

from __future__ import annotations

import asyncio
import json
import ssl
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

from lpse.federation.enrolment_code import new_code
from lpse.federation.errors import Conflict, Denied, Refused, Unavailable
from lpse.federation.limits import RENEWAL_REFUSED_SECONDS, RENEWAL_WAIT_SECONDS_MAX
from lpse.runtime import logs, tls
from lpse.runtime.channels import Subject
from lpse.runtime.clock import SeededEntropy, SystemClock
from lpse.runtime.tls import enrolling
from regional_node import identity
from regional_node.identity import rules
from regional_node.identity.worker import RenewalWorker
from tests.central.enrolment.centre import Centre, running

NOW = datetime.now(UTC)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    async with running(tmp_path / "centre") as found:
        yield found


class RecordingServer:
    """A TLS server that notes every application byte a caller sends after the handshake."""

    def __init__(self, folder: Path, *, sends_authority: bool = True) -> None:
        folder.mkdir()
        self.authority = tls.make_authority("somebody else", NOW, 30)
        key = tls.new_tls_key()
        leaf = tls.issue_server(self.authority, key.public_key(), NOW, 30)
        chain = tls.pem(leaf) + (tls.pem(self.authority.certificate) if sends_authority else b"")
        (folder / "key").write_bytes(tls.private_pem(key))
        (folder / "chain").write_bytes(chain)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "chain", folder / "key")
        self.context.set_alpn_protocols(["h2"])
        self.received = b""
        self.handshakes = 0
        self.closed = asyncio.Event()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read until the caller goes away."""
        self.handshakes += 1
        try:
            while data := await reader.read(65_536):
                self.received += data
        except OSError:
            pass
        writer.transport.abort()
        self.closed.set()


async def test_wrong_fingerprint_sends_nothing(tmp_path: Path) -> None:
    """A server that is not the code's centre gets a TLS handshake and not one byte more."""
    fake = RecordingServer(tmp_path / "fake")
    code = new_code("node", bytes(15), bytes(32))
    server = await asyncio.start_server(fake.handle, "127.0.0.1", 0, ssl=fake.context)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Denied) as caught:
        await identity.enrol(f"127.0.0.1:{port}", code.text(), tmp_path / "node")
    assert caught.value.code == "FED-3020"
    await asyncio.wait_for(fake.closed.wait(), 60)
    server.close()
    assert fake.handshakes == 1 and fake.received == b""
    assert not (tmp_path / "node").exists()


async def test_recording_server_would_have_noticed(tmp_path: Path) -> None:
    """With the right fingerprint the same server does receive bytes: the test above can fail."""
    fake = RecordingServer(tmp_path / "fake")
    code = new_code("node", bytes(15), tls.fingerprint(fake.authority.certificate))
    server = await asyncio.start_server(fake.handle, "127.0.0.1", 0, ssl=fake.context)
    port = server.sockets[0].getsockname()[1]
    task = asyncio.ensure_future(
        identity.enrol(f"127.0.0.1:{port}", code.text(), tmp_path / "node")
    )
    while not fake.received:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    server.close()
    assert fake.handshakes == 2 and fake.received.startswith(b"PRI * HTTP/2.0")


async def test_chain_without_the_ca_is_refused(tmp_path: Path) -> None:
    """A server that hides its CA is not believed, even if its certificate is of that CA."""
    fake = RecordingServer(tmp_path / "fake", sends_authority=False)
    code = new_code("node", bytes(15), tls.fingerprint(fake.authority.certificate))
    server = await asyncio.start_server(fake.handle, "127.0.0.1", 0, ssl=fake.context)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Denied):
        await identity.enrol(f"127.0.0.1:{port}", code.text(), tmp_path / "node")
    server.close()
    assert fake.received == b""


async def test_enrolling_listener_shows_leaf_and_ca(centre: Centre) -> None:
    """The chain read in a bare handshake is complete; Python made that call public only late."""
    chain = await enrolling.server_chain(centre.enrolment)
    authority = tls.load_certificate(centre.data / "identity" / tls.CA_CERTIFICATE)
    assert len(chain) == 2 and tls.fingerprint(chain[1]) == tls.fingerprint(authority)
    chain[0].verify_directly_issued_by(authority)


async def test_enrolled_node_knows_itself_and_the_centre(centre: Centre, tmp_path: Path) -> None:
    """After enrolment the folder holds all that the node needs, each file with the right mode."""
    folder = tmp_path / "node" / "identity"
    me = await identity.enrol(centre.enrolment, await centre.node_code(), folder)
    assert me == identity.load(folder)
    assert (me.node_id, me.province, me.zone) == ("lpse-pacitan", "ID-JI", "Asia/Jakarta")
    assert me.centre_signing_key == centre.journal.verifier.public
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    private = {name for name, mode in modes.items() if mode == 0o600}
    assert private == {"tls.key", "signing.key"}
    assert modes.keys() - private == {"tls.crt", "ca.crt", "centre.pub", "enrolled.json"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("kept", [{"tls.key"}, {"tls.key", "signing.key"}, {"signing.key"}])
async def test_crash_after_making_keys_is_harmless(
    centre: Centre, tmp_path: Path, kept: set[str]
) -> None:
    """Keys that a crashed attempt left are used; nothing else is needed to go on."""
    folder = tmp_path / "node"
    enrolling.ensure_keys(folder)
    before = {name: (folder / name).read_bytes() for name in kept}
    for path in folder.iterdir():
        if path.name not in kept:
            path.unlink()
    (folder / ".tls.key.new").write_bytes(b"half")  # a draft of the crashed attempt
    me = await identity.enrol(centre.enrolment, await centre.node_code(), folder)
    assert before == {name: (folder / name).read_bytes() for name in kept}
    assert await centre.whoami(folder) == me.node_id


async def test_second_centre_is_refused_in_the_same_folder(centre: Centre, tmp_path: Path) -> None:
    """A node that pinned one centre is not talked into another."""
    folder = tmp_path / "node"
    await identity.enrol(centre.enrolment, await centre.node_code(), folder)
    before = (folder / tls.TLS_CERTIFICATE).read_bytes()
    async with running(tmp_path / "other") as other:
        with pytest.raises(Conflict) as caught:
            await identity.enrol(other.enrolment, await other.node_code(), folder)
    assert caught.value.code == "FED-3017"
    assert (folder / tls.TLS_CERTIFICATE).read_bytes() == before


@pytest.mark.parametrize(
    "endpoint",
    ["", "pusat", "pusat:", ":7444", "pusat:99999", "pusat:0", "pusat:x", "https://pusat:7444"],
)
async def test_malformed_endpoint_is_refused(tmp_path: Path, endpoint: str) -> None:
    """What is no host:port is said to be none."""
    code = new_code("node", bytes(15), bytes(32))
    with pytest.raises(Refused) as caught:
        await identity.enrol(endpoint, code.text(), tmp_path / "node")
    assert caught.value.code == "FED-3021"


async def test_unreachable_centre_is_the_road(tmp_path: Path) -> None:
    """A closed port, and a port that speaks no TLS, are errors to be tried again."""
    code = new_code("node", bytes(15), bytes(32))

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for closed in (False, True):
        if closed:
            server.close()
            await server.wait_closed()
        with pytest.raises(Unavailable) as caught:
            await identity.enrol(f"127.0.0.1:{port}", code.text(), tmp_path / "node")
        assert caught.value.code == "FED-3019" and caught.value.may_retry


def test_load_before_enrolment_says_so(tmp_path: Path) -> None:
    """A node that was never enrolled is told to enrol."""
    with pytest.raises(Refused) as caught:
        identity.load(tmp_path)
    assert caught.value.code == "FED-3018"


@pytest.mark.parametrize("content", ["", "[]", "{", json.dumps({"kind": "node"})])
async def test_damaged_facts_are_refused(centre: Centre, tmp_path: Path, content: str) -> None:
    """A damaged file of the folder is named, not guessed at."""
    folder = tmp_path / "node"
    await identity.enrol(centre.enrolment, await centre.node_code(), folder)
    (folder / enrolling.ENROLLED).write_text(content)
    with pytest.raises(Refused) as caught:
        identity.load(folder)
    assert caught.value.code == "FED-3012"


# --- renewal ---------------------------------------------------------------------------------


async def worker_of(
    centre: Centre, folder: Path, hint: asyncio.Event | None = None
) -> RenewalWorker:
    """A worker for a freshly enrolled node."""
    await identity.enrol(centre.enrolment, await centre.node_code(), folder)
    log = logs.configure(stream=StringIO(), json=True)
    hint = hint or asyncio.Event()
    return RenewalWorker(folder, centre.enrolment, SystemClock(), SeededEntropy(1), log, hint=hint)


async def test_worker_renews_at_two_thirds(tmp_path: Path) -> None:
    """Before its time the worker waits, at its time it renews, and the new certificate is used."""
    folder = tmp_path / "node"
    async with running(tmp_path / "centre", node_seconds=3_000) as centre:
        hint = asyncio.Event()
        worker = await worker_of(centre, folder, hint)
        before = (folder / tls.TLS_CERTIFICATE).read_bytes()
        now = SystemClock().wall()
        assert 0 < await worker.step(now + timedelta(seconds=1_990)) <= RENEWAL_WAIT_SECONDS_MAX
        assert (folder / tls.TLS_CERTIFICATE).read_bytes() == before
        assert not hint.is_set()
        assert await worker.step(now + timedelta(seconds=2_260)) == 0.0
        assert hint.is_set()
        assert (folder / tls.TLS_CERTIFICATE).read_bytes() != before
        assert await centre.whoami(folder) == "lpse-pacitan"
        assert await worker.step(SystemClock().wall()) > 0


async def test_worker_survives_an_unreachable_centre(tmp_path: Path) -> None:
    """While the centre is away the certificate stays and the worker goes on trying, with jitter."""
    folder = tmp_path / "node"
    async with running(tmp_path / "centre", node_seconds=300) as centre:
        worker = await worker_of(centre, folder)
    late = SystemClock().wall() + timedelta(days=2)
    before = (folder / tls.TLS_CERTIFICATE).read_bytes()
    waits = [await worker.step(late) for _ in range(3)]
    assert all(0 <= wait <= 2.0 ** (n + 1) for n, wait in enumerate(waits))
    assert len(set(waits)) == 3
    assert (folder / tls.TLS_CERTIFICATE).read_bytes() == before


async def test_worker_of_a_revoked_node_asks_rarely(centre: Centre, tmp_path: Path) -> None:
    """A refusal is not hammered at."""
    worker = await worker_of(centre, tmp_path / "node")
    binding = await centre.store.revoke_node(
        "lpse-pacitan", by="sri", reason="stolen", now=SystemClock().wall()
    )
    subject = Subject("node", "lpse-pacitan", tls.key_id(binding.signing_key))
    centre.admission.forget(subject)
    wait = await worker.step(SystemClock().wall() + timedelta(days=1))
    assert wait == RENEWAL_REFUSED_SECONDS


def test_due_times_spread() -> None:
    """Nodes enrolled together come back apart, all between two thirds and three quarters."""
    end = NOW + timedelta(days=90)
    times = [rules.due_time(NOW, end, n / 10) for n in range(10)]
    assert times == sorted(set(times))
    assert times[0] == NOW + timedelta(days=60)
    assert times[-1] < NOW + timedelta(days=67.5)
