"""Codes are redeemed once, by one set of keys, in time; everything else is refused."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from central.enrolment import genesis
from central.enrolment.certificates import Issuer
from central.enrolment.rules import OPEN, ZONES, Binding, Code, FailureWindow, judge_binding
from lpse.federation.enrolment_code import (
    code_proof,
    enrolment_statement,
    parse_code,
    proof_key,
)
from lpse.federation.errors import Conflict, Denied, FederationError, Refused, Unavailable
from lpse.federation.limits import (
    CODE_FAILURES_MAX,
    ENROL_ADDRESSES_MAX,
    ENROL_FAILURES_PER_ADDRESS_MAX,
    ENROL_FAILURES_WINDOW_SECONDS,
)
from lpse.federation.v1.enrolment_pb2 import EnrolRequest
from lpse.federation.v1.enrolment_pb2_grpc import EnrolmentStub
from lpse.runtime import channels, tls
from lpse.runtime.clock import SystemClock
from lpse.runtime.tls.enrolling import enrol
from tests.central.enrolment.centre import Centre, running


async def send(centre: Centre, request: EnrolRequest) -> Any:
    """Send a request as it is."""
    authority = (centre.data / genesis.IDENTITY / tls.CA_CERTIFICATE).read_bytes()
    credentials = tls.pinned_credentials(authority)
    async with channels.open_channel(
        centre.enrolment, credentials, server_name=tls.CENTRE_SERVER_NAME
    ) as channel:
        stub: Any = EnrolmentStub(channel)
        try:
            return await stub.Enrol(request)
        except grpc.aio.AioRpcError as error:
            raise channels.error_from(error) from None


def request_for(text: str) -> EnrolRequest:
    """A right request with fresh keys."""
    code, signing = parse_code(text), tls.new_signing_key()
    request = EnrolRequest(code_id=code.code_id)
    request.certificate_request = tls.make_request(tls.new_tls_key())
    request.signing_key = tls.public_bytes(signing)
    request.code_proof = code_proof(proof_key(code.code_id, code.secret), request)
    request.possession_proof = signing.sign(enrolment_statement(request))
    return request


async def test_node_enrols_and_is_let_in(centre: Centre, tmp_path: Path) -> None:
    """One code makes one node: facts, certificate, admission and the national entry."""
    folder = tmp_path / "node"
    facts = await enrol(centre.enrolment, await centre.node_code(), folder, kind="node")
    assert (facts.subject, facts.province, facts.zone) == ("lpse-pacitan", "ID-JI", "Asia/Jakarta")
    assert facts.endpoint == "localhost:1"
    assert await centre.whoami(folder) == "lpse-pacitan"
    assert (await centre.told())[-1] == "node.enrolled"
    binding = centre.admission.node("lpse-pacitan")
    assert binding is not None
    assert binding.signing_key == tls.public_bytes(tls.load_signing_key(folder / tls.SIGNING_KEY))


async def test_repeating_enrolment_is_harmless(centre: Centre, tmp_path: Path) -> None:
    """The used code with the same keys gives the answer again, also after a restart and expiry."""
    folder, text = tmp_path / "node", await centre.node_code()
    first = await enrol(centre.enrolment, text, folder, kind="node")
    (folder / tls.TLS_CERTIFICATE).unlink()  # the answer was lost
    centre.clock.offset = timedelta(days=1)
    again = await enrol(centre.enrolment, text, folder, kind="node")
    assert first == again
    assert (await centre.told()).count("node.enrolled") == 1


async def test_used_code_with_other_keys_is_a_conflict(centre: Centre, tmp_path: Path) -> None:
    """Whoever finds a used code gets nothing from it."""
    text = await centre.node_code()
    await enrol(centre.enrolment, text, tmp_path / "node", kind="node")
    with pytest.raises(Conflict) as caught:
        await enrol(centre.enrolment, text, tmp_path / "thief", kind="node")
    assert caught.value.code == "FED-3004"
    assert not (tmp_path / "thief" / tls.TLS_CERTIFICATE).exists()


async def test_one_code_raced_by_two_binds_one(centre: Centre) -> None:
    """Two machines with one code at the same moment: one is enrolled, the other refused."""
    text = await centre.node_code()
    results = await asyncio.gather(
        *(send(centre, request_for(text)) for _ in range(6)), return_exceptions=True
    )
    refused = [r for r in results if isinstance(r, FederationError)]
    assert len(refused) == 5 and {r.code for r in refused} == {"FED-3004"}
    assert (await centre.told()).count("node.enrolled") == 1


async def test_expired_code_is_denied(centre: Centre, tmp_path: Path) -> None:
    """A code ends with its time."""
    text = await centre.node_code()
    centre.clock.offset = timedelta(seconds=3_601)
    with pytest.raises(Denied) as caught:
        await enrol(centre.enrolment, text, tmp_path / "node", kind="node")
    assert caught.value.code == "FED-3005"


async def test_newer_code_ends_the_older(centre: Centre, tmp_path: Path) -> None:
    """Of two codes for one node only the newer counts."""
    older, newer = await centre.node_code(), await centre.node_code()
    with pytest.raises(Denied) as caught:
        await enrol(centre.enrolment, older, tmp_path / "node", kind="node")
    assert caught.value.code == "FED-3006"
    await enrol(centre.enrolment, newer, tmp_path / "node", kind="node")


Tamper = Callable[[EnrolRequest], None]


def _other_signing_key(request: EnrolRequest) -> None:
    request.signing_key = tls.public_bytes(tls.new_signing_key())


def _other_request(request: EnrolRequest) -> None:
    request.certificate_request = tls.make_request(tls.new_tls_key())


def _no_proof(request: EnrolRequest) -> None:
    request.code_proof = b""


def _unknown_code(request: EnrolRequest) -> None:
    request.code_id = "00000000"


def _foreign_possession(request: EnrolRequest) -> None:
    request.possession_proof = tls.new_signing_key().sign(enrolment_statement(request))


def _garbage(request: EnrolRequest) -> None:
    request.certificate_request = b"garbage"


def _short_key(request: EnrolRequest) -> None:
    request.signing_key = b"short"


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (_other_signing_key, "FED-3002"),
        (_other_request, "FED-3002"),
        (_no_proof, "FED-3002"),
        (_unknown_code, "FED-3002"),
        (_foreign_possession, "FED-3003"),
        (_garbage, "FED-3013"),
        (_short_key, "FED-3023"),
    ],
)
async def test_tampered_request_is_refused(centre: Centre, tamper: Tamper, code: str) -> None:
    """Nothing that was changed on the way binds anything; the right request still works."""
    request = request_for(await centre.node_code())
    tampered = EnrolRequest()
    tampered.CopyFrom(request)
    tamper(tampered)
    with pytest.raises((Denied, Refused)) as caught:
        await send(centre, tampered)
    assert caught.value.code == code
    assert "node.enrolled" not in await centre.told()
    assert (await send(centre, request)).subject == "lpse-pacitan"


async def test_guessed_secrets_lock_the_code(centre: Centre) -> None:
    """After too many wrong secrets even the right one is refused."""
    right = request_for(await centre.node_code())
    wrong = EnrolRequest()
    wrong.CopyFrom(right)
    wrong.code_proof = bytes(32)
    for _ in range(CODE_FAILURES_MAX):
        with pytest.raises(Denied) as caught:
            await send(centre, wrong)
        assert caught.value.code == "FED-3002"
    with pytest.raises(Denied) as caught:
        await send(centre, right)
    assert caught.value.code == "FED-3006"


async def test_guessing_address_must_wait(centre: Centre) -> None:
    """An address that fails too often is told when to come back."""
    request = request_for(await centre.node_code())
    request.code_id = "ZZZZZZZZ"
    for _ in range(ENROL_FAILURES_PER_ADDRESS_MAX):
        with pytest.raises(Denied):
            await send(centre, request)
    with pytest.raises(Unavailable) as caught:
        await send(centre, request)
    assert caught.value.code == "FED-3008"
    assert caught.value.retry_after_seconds and caught.value.retry_after_seconds > 1


def test_failures_are_forgotten_and_bounded() -> None:
    """The window opens again by itself, and no number of addresses fills the memory."""
    window = FailureWindow()
    for _ in range(ENROL_FAILURES_PER_ADDRESS_MAX):
        window.failed("a", 0.0)
    with pytest.raises(Unavailable):
        window.admit("a", 1.0)
    window.admit("a", ENROL_FAILURES_WINDOW_SECONDS + 1.0)
    for number in range(ENROL_ADDRESSES_MAX + 10):
        window.failed(str(number), 0.0)
    assert len(window._failures) == ENROL_ADDRESSES_MAX


async def test_secret_is_nowhere_at_the_centre(centre: Centre, tmp_path: Path) -> None:
    """Neither database nor log holds a code's text or secret, before and after redemption."""
    text = await centre.node_code()
    code = parse_code(text)
    await enrol(centre.enrolment, text, tmp_path / "node", kind="node")
    stored = b"".join(path.read_bytes() for path in centre.data.glob("central.db*"))
    for trace in (code.secret, code.secret.hex().encode(), text.encode()):
        assert trace not in stored
    assert text not in centre.log.getvalue() and code.secret.hex() not in centre.log.getvalue()


async def test_bound_keys_survive_a_restart_of_the_centre(tmp_path: Path) -> None:
    """What was acknowledged is there after the centre comes back."""
    node = tmp_path / "node"
    async with running(tmp_path / "centre") as first:
        await enrol(first.enrolment, await first.node_code(), node, kind="node")
    async with running(tmp_path / "centre") as second:
        assert await second.whoami(node) == "lpse-pacitan"
        assert (await second.told()).count("node.enrolled") == 1


async def test_refused_national_append_binds_nothing(centre: Centre, tmp_path: Path) -> None:
    """While the centre may not publish (after a restore) nobody is half enrolled."""
    text, append = await centre.node_code(), centre.store._append_in

    def closed(tx: Any, record: Any) -> int:
        raise Unavailable("FED-2299", "heads were not compared yet")

    centre.store._append_in = closed
    with pytest.raises(Unavailable):
        await enrol(centre.enrolment, text, tmp_path / "node", kind="node")
    assert centre.admission.node("lpse-pacitan") is None and not await centre.store.active()
    centre.store._append_in = append
    await enrol(centre.enrolment, text, tmp_path / "node", kind="node")
    assert await centre.whoami(tmp_path / "node") == "lpse-pacitan"


async def test_keys_of_one_node_make_no_second(centre: Centre, tmp_path: Path) -> None:
    """A copied folder cannot become another node."""
    node, copy = tmp_path / "node", tmp_path / "copy"
    await enrol(centre.enrolment, await centre.node_code(), node, kind="node")
    shutil.copytree(node, copy)
    with pytest.raises(Conflict) as caught:
        await enrol(centre.enrolment, await centre.node_code("lpse-blitar"), copy, kind="node")
    assert caught.value.code == "FED-3034"


async def test_code_of_a_person_makes_no_node(centre: Centre, tmp_path: Path) -> None:
    """A node refuses an operator's invitation before it looks for a server."""
    with pytest.raises(Refused) as caught:
        await enrol("127.0.0.1:1", centre.invitations["sri"], tmp_path / "node", kind="node")
    assert caught.value.code == "FED-3016"


def test_second_key_for_one_node_is_refused() -> None:
    """Even a code that slipped through cannot bind a second key to a node that has access."""
    moment = SystemClock().wall()
    code = Code("c", "node", "lpse-a", "ID-JI", ZONES[0], "", b"", OPEN, 0, "sri", moment, moment)
    active = Binding(bytes(32), "lpse-a", "ID-JI", ZONES[0], moment, moment)
    assert judge_binding(None, None, code)
    assert not judge_binding(active, active, code)
    with pytest.raises(Conflict) as caught:
        judge_binding(None, active, code)
    assert caught.value.code == "FED-3007"


@pytest.mark.parametrize("crook", ["key", "subject", "authority"])
async def test_answer_that_does_not_fit_is_not_kept(
    centre: Centre, tmp_path: Path, crook: str
) -> None:
    """A certificate for another key or subject, or of another CA, is refused by the node."""
    real = centre.service._issuer
    other = Issuer(tls.make_authority("other", SystemClock().wall(), 1))

    def issue(subject: tuple[str, str], request: bytes, key: bytes, now: datetime) -> bytes:
        if crook == "key":
            request = tls.make_request(tls.new_tls_key())
        if crook == "subject":
            subject = ("node", "lpse-other")
        chosen: Issuer = other if crook == "authority" else real
        return chosen.issue(subject, request, key, now)

    text, folder = await centre.node_code(), tmp_path / "node"
    centre.service._issuer = SimpleNamespace(issue=issue, expire_time=real.expire_time)
    with pytest.raises(Refused) as caught:
        await enrol(centre.enrolment, text, folder, kind="node")
    assert caught.value.code == "FED-3022" and not (folder / tls.TLS_CERTIFICATE).exists()
    centre.service._issuer = real
    await enrol(centre.enrolment, text, folder, kind="node")
    assert await centre.whoami(folder) == "lpse-pacitan"


async def test_migration_builds_what_the_store_expects(centre: Centre) -> None:
    """The database refuses two open codes and two active keys of one subject by itself."""
    await centre.node_code()
    path = centre.data / genesis.DATABASE
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert {"enrolment_codes_one_open", "node_bindings_one_active"} <= names
