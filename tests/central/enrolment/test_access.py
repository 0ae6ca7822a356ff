"""Access follows the binding: renewal keeps it, revocation ends it at once, nobody borrows it."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from lpse.federation.enrolment_code import renewal_statement
from lpse.federation.errors import Conflict, Denied, FederationError, NotFound, Refused, Unavailable
from lpse.federation.v1.enrolment_pb2 import RenewRequest
from lpse.federation.v1.enrolment_pb2_grpc import EnrolmentStub
from lpse.operator.v1 import enrolments_pb2, enrolments_pb2_grpc, nodes_pb2, nodes_pb2_grpc
from lpse.runtime import channels, logs, tls
from lpse.runtime.clock import SystemClock, SystemEntropy
from lpse.runtime.tls.enrolling import enrol, renew
from tests.central.enrolment.centre import Centre, running


async def ask(call: Any, request: Any) -> Any:
    """One call whose error is the federation's."""
    try:
        return await call(request)
    except grpc.aio.AioRpcError as error:
        raise channels.error_from(error) from None


async def enrolled(centre: Centre, folder: Path) -> Path:
    """An enrolled node."""
    await enrol(centre.enrolment, await centre.node_code(), folder, kind="node")
    return folder


async def revoke(centre: Centre, node_id: str = "lpse-pacitan", folder: Path | None = None) -> Any:
    """The operator ends a node's access."""
    async with await centre.person("sri", folder or centre.data / "sri") as channel:
        stub: Any = nodes_pb2_grpc.NodesStub(channel)
        request = nodes_pb2.RevokeNodeRequest(name=f"nodes/{node_id}", reason="server stolen")
        return await ask(stub.RevokeNode, request)


async def test_expired_certificate_is_renewed(tmp_path: Path) -> None:
    """A node whose certificate has ended cannot pass mTLS, renews by signature, and is back in."""
    node = tmp_path / "node"
    async with running(tmp_path / "centre", node_seconds=1) as centre:
        await enrolled(centre, node)
        old = tls.load_certificate(node / tls.TLS_CERTIFICATE)
        ended = old.not_valid_after_utc + timedelta(seconds=1)  # TLS counts whole seconds
        while SystemClock().wall() <= ended:
            await asyncio.sleep(0.1)
        with pytest.raises(Unavailable):
            await centre.whoami(node)
    async with running(tmp_path / "centre", node_seconds=600) as centre:
        renewed = await renew(centre.enrolment, node, SystemClock(), SystemEntropy())
        assert renewed.not_valid_after_utc > old.not_valid_after_utc
        assert await centre.whoami(node) == "lpse-pacitan"
        binding = await centre.store.node("lpse-pacitan")
        seen = renewed.not_valid_after_utc
        assert abs((binding.certificate_expire_time - seen).total_seconds()) <= 1


async def test_revoked_node_is_refused_at_once(centre: Centre, tmp_path: Path) -> None:
    """Revocation ends new calls, the open stream, renewal and repeated enrolment together."""
    node, text = tmp_path / "node", await centre.node_code()
    await enrol(centre.enrolment, text, node, kind="node")
    async with centre.channel(node) as channel:
        hold: Any = channel.unary_stream("/test.Node/Hold")
        stream = hold(b"")
        assert await stream.read() == b"open"
        revoked = await revoke(centre)
        assert revoked.state == nodes_pb2.NODE_STATE_REVOKED and revoked.revoked_by == "sri"
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await stream.read()
        assert channels.error_from(ended.value).code == "FED-3010"
    for attempt, code in (
        (centre.whoami(node), "FED-3009"),
        (renew(centre.enrolment, node, SystemClock(), SystemEntropy()), "FED-3010"),
        (enrol(centre.enrolment, text, node, kind="node"), "FED-3010"),
    ):
        with pytest.raises(Denied) as caught:
            await attempt
        assert caught.value.code == code
    assert (await centre.told())[-1] == "node.revoked"


async def test_failing_subscriber_keeps_no_stream_open(centre: Centre, tmp_path: Path) -> None:
    """A bug in one listener of revocations is logged and does not spare another's streams."""
    told: list[str] = []

    def broken(subject: channels.Subject) -> None:
        raise KeyError(subject.name)

    centre.admission._subscribers.insert(0, broken)
    centre.admission.on_revoked(lambda subject: told.append(subject.name))
    await enrolled(centre, tmp_path / "node")
    await revoke(centre)
    assert told == ["lpse-pacitan"]
    assert "admission.subscriber_failed" in centre.log.getvalue()


async def test_late_news_opens_no_door(centre: Centre, tmp_path: Path) -> None:
    """A binding that was read just before its revocation does not let the node in again."""
    node = await enrolled(centre, tmp_path / "node")
    before = await centre.store.node("lpse-pacitan")
    await revoke(centre)
    centre.admission.learn(before)
    with pytest.raises(Denied):
        await centre.whoami(node)


async def test_listener_without_client_certificates_admits_nobody(
    centre: Centre, tmp_path: Path
) -> None:
    """A call without a verified certificate has no subject, even if a listener let it through."""
    node = await enrolled(centre, tmp_path / "node")

    async def who(request: bytes, context: Any) -> bytes:
        return centre.admission.require_node(context).encode()

    server = grpc.aio.server(
        interceptors=[channels.ErrorInterceptor(logs.configure(stream=centre.log, json=True))]
    )
    handlers: Any = {"Who": grpc.unary_unary_rpc_method_handler(who)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Node", handlers)])
    credentials = tls.server_credentials(centre.data / "identity", clients=False)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    with pytest.raises(Denied) as caught:
        await centre.whoami(node, f"127.0.0.1:{port}")
    assert caught.value.code == "FED-3001"
    await server.stop(0)


async def test_revocation_outlives_a_restart(tmp_path: Path) -> None:
    """A restarted centre does not let a revoked node in."""
    node = tmp_path / "node"
    async with running(tmp_path / "centre") as centre:
        await enrolled(centre, node)
        await revoke(centre)
    async with running(tmp_path / "centre") as centre:
        with pytest.raises(Denied):
            await centre.whoami(node)


async def test_revoking_twice_tells_once(centre: Centre, tmp_path: Path) -> None:
    """Repeating a revocation is harmless, and asking for it alone changes nothing."""
    await enrolled(centre, tmp_path / "node")
    async with await centre.person("sri", tmp_path / "sri") as channel:
        stub: Any = nodes_pb2_grpc.NodesStub(channel)
        request = nodes_pb2.RevokeNodeRequest(name="nodes/lpse-pacitan", reason="stolen")
        request.validate_only = True
        checked = await ask(stub.RevokeNode, request)
        assert checked.state == nodes_pb2.NODE_STATE_ACTIVE
        request.validate_only = False
        first, second = await ask(stub.RevokeNode, request), await ask(stub.RevokeNode, request)
        assert first == second and first.state == nodes_pb2.NODE_STATE_REVOKED
        with pytest.raises(NotFound):
            request.name = "nodes/lpse-nowhere"
            await ask(stub.RevokeNode, request)
        with pytest.raises(Refused):
            request.name, request.reason = "nodes/lpse-pacitan", " "
            await ask(stub.RevokeNode, request)
    assert (await centre.told()).count("node.revoked") == 1


async def test_replaced_node_comes_back_and_the_old_keys_do_not(
    centre: Centre, tmp_path: Path
) -> None:
    """After theft: new keys are enrolled under the same id; the stolen certificate stays out."""
    stolen = await enrolled(centre, tmp_path / "stolen")
    with pytest.raises(Conflict) as caught:
        await centre.node_code()
    assert caught.value.code == "FED-3007"
    await revoke(centre)
    fresh = await enrolled(centre, tmp_path / "fresh")
    assert await centre.whoami(fresh) == "lpse-pacitan"
    with pytest.raises(Denied) as denied:
        await centre.whoami(stolen)
    assert denied.value.code == "FED-3009"
    copy = tmp_path / "copy"
    shutil.copytree(stolen, copy)
    with pytest.raises(FederationError) as again:
        await renew(centre.enrolment, copy, SystemClock(), SystemEntropy())
    assert again.value.code == "FED-3003"


async def test_stolen_node_certificate_opens_no_operator_call(
    centre: Centre, tmp_path: Path
) -> None:
    """A node cannot act as a person, and a person cannot act as a node."""
    node = await enrolled(centre, tmp_path / "node")
    async with centre.channel(node, centre.operator_api) as channel:
        stub: Any = nodes_pb2_grpc.NodesStub(channel)
        with pytest.raises(Denied) as caught:
            await ask(stub.ListNodes, nodes_pb2.ListNodesRequest())
        assert caught.value.code == "FED-3009"
    await (await centre.person("sri", tmp_path / "sri")).close()
    with pytest.raises(Denied) as caught:
        await centre.whoami(tmp_path / "sri")
    assert caught.value.code == "FED-3009"


@pytest.mark.parametrize("crook", ["kind", "key", "unknown"])
async def test_certificate_must_fit_the_person(centre: Centre, tmp_path: Path, crook: str) -> None:
    """A certificate of our own CA with the wrong kind, key or name opens no operator call."""
    folder = tmp_path / "sri"
    await (await centre.person("sri", folder)).close()
    key = tls.public_bytes(tls.load_signing_key(folder / tls.SIGNING_KEY))
    subject = {"kind": ("node", "sri"), "key": ("operator", "sri"), "unknown": ("operator", "x")}
    authority = tls.load_authority(centre.data / "identity")
    request = tls.read_request(tls.make_request(tls.load_tls_key(folder / tls.TLS_KEY)))
    forged = tls.issue_client(
        authority,
        request,
        subject[crook],
        bytes(32) if crook == "key" else key,
        (SystemClock().wall(), timedelta(hours=1)),
    )
    tls.write_public(folder / tls.TLS_CERTIFICATE, tls.pem(forged))
    async with centre.channel(folder, centre.operator_api) as channel:
        stub: Any = nodes_pb2_grpc.NodesStub(channel)
        with pytest.raises(Denied) as caught:
            await ask(stub.ListNodes, nodes_pb2.ListNodesRequest())
    assert caught.value.code == "FED-3009"


async def test_reading_roles_read_only(centre: Centre, tmp_path: Path) -> None:
    """Auditors read; approvers neither enrol nor revoke nodes; nobody makes a second person."""
    for name in ("wati", "budi"):
        async with await centre.person(name, tmp_path / name) as channel:
            nodes: Any = nodes_pb2_grpc.NodesStub(channel)
            codes: Any = enrolments_pb2_grpc.EnrolmentsStub(channel)
            assert not (await ask(nodes.ListNodes, nodes_pb2.ListNodesRequest())).nodes
            request = nodes_pb2.RevokeNodeRequest(name="nodes/lpse-pacitan", reason="x")
            create = enrolments_pb2.CreateEnrolmentRequest(subject_kind="node", subject="lpse-x")
            create.province, create.zone = "ID-JI", "Asia/Jakarta"
            invite = enrolments_pb2.CreateEnrolmentRequest(subject_kind="operator", subject="x")
            invite.role = "operator"
            for call, message in (
                (nodes.RevokeNode, request),
                (codes.CreateEnrolment, create),
                (codes.CreateEnrolment, invite),
            ):
                with pytest.raises(Denied) as caught:
                    await ask(call, message)
                assert caught.value.code == "FED-3104"


async def test_codes_are_made_listed_and_revoked(centre: Centre, tmp_path: Path) -> None:
    """An operator sees every code but its text once only; a revoked one opens nothing."""
    async with await centre.person("sri", tmp_path / "sri") as channel:
        stub: Any = enrolments_pb2_grpc.EnrolmentsStub(channel)
        create = enrolments_pb2.CreateEnrolmentRequest(subject_kind="node", subject="lpse-a")
        create.province, create.zone, create.validate_only = "ID-JI", "Asia/Jakarta", True
        assert not (await ask(stub.CreateEnrolment, create)).code
        create.validate_only = False
        made = []
        for name in ("lpse-a", "lpse-b", "lpse-c"):
            create.subject = name
            made.append(await ask(stub.CreateEnrolment, create))
        page = enrolments_pb2.ListEnrolmentsRequest(subject_kind="node", page_size=2)
        first = await ask(stub.ListEnrolments, page)
        page.page_token = first.next_page_token
        second = await ask(stub.ListEnrolments, page)
        listed = [row.subject for row in (*first.enrolments, *second.enrolments)]
        assert listed == ["lpse-c", "lpse-b", "lpse-a"] and not second.next_page_token
        end = enrolments_pb2.RevokeEnrolmentRequest(name=made[0].enrolment.name, reason="typo")
        for _ in range(2):
            ended = await ask(stub.RevokeEnrolment, end)
            assert ended.state == enrolments_pb2.ENROLMENT_STATE_REVOKED
        with pytest.raises(Denied):
            await enrol(centre.enrolment, made[0].code, tmp_path / "a", kind="node")
        await enrol(centre.enrolment, made[1].code, tmp_path / "b", kind="node")
        used = enrolments_pb2.ListEnrolmentsRequest(subject_kind="node")
        used.state = enrolments_pb2.ENROLMENT_STATE_USED
        found = await ask(stub.ListEnrolments, used)
        assert [row.subject for row in found.enrolments] == ["lpse-b"]
        with pytest.raises(Conflict) as caught:
            await ask(
                stub.RevokeEnrolment,
                enrolments_pb2.RevokeEnrolmentRequest(name=made[1].enrolment.name, reason="late"),
            )
        assert caught.value.code == "FED-3027"


@pytest.mark.parametrize(
    ("subject", "province", "zone"),
    [
        ("lpse pacitan", "ID-JI", "Asia/Jakarta"),
        ("LPSE-PACITAN", "ID-JI", "Asia/Jakarta"),
        ("lpse/../x", "ID-JI", "Asia/Jakarta"),
        ("lkpp", "ID-JI", "Asia/Jakarta"),
        ("", "ID-JI", "Asia/Jakarta"),
        ("a" * 64, "ID-JI", "Asia/Jakarta"),
        ("lpse-a", "JI", "Asia/Jakarta"),
        ("lpse-a", "ID-JI", "WIB"),
    ],
)
async def test_impossible_nodes_get_no_code(
    centre: Centre, tmp_path: Path, subject: str, province: str, zone: str
) -> None:
    """A name, province or zone that cannot be is refused before a code exists."""
    async with await centre.person("sri", tmp_path / "sri") as channel:
        stub: Any = enrolments_pb2_grpc.EnrolmentsStub(channel)
        create = enrolments_pb2.CreateEnrolmentRequest(
            subject_kind="node", subject=subject, province=province, zone=zone
        )
        with pytest.raises(Refused) as caught:
            await ask(stub.CreateEnrolment, create)
        assert caught.value.code == "FED-3025"


async def test_nodes_are_paged_by_id(centre: Centre, tmp_path: Path) -> None:
    """A list of nodes is complete, ordered, filtered and comes in pages."""
    for name in ("lpse-b", "lpse-a", "lpse-c"):
        await enrol(centre.enrolment, await centre.node_code(name), tmp_path / name, kind="node")
    await revoke(centre, "lpse-b")
    async with await centre.person("wati", tmp_path / "wati") as channel:
        stub: Any = nodes_pb2_grpc.NodesStub(channel)
        page = nodes_pb2.ListNodesRequest(page_size=2)
        first = await ask(stub.ListNodes, page)
        page.page_token = first.next_page_token
        second = await ask(stub.ListNodes, page)
        assert [n.node_id for n in (*first.nodes, *second.nodes)] == ["lpse-a", "lpse-b", "lpse-c"]
        active = nodes_pb2.ListNodesRequest(state=nodes_pb2.NODE_STATE_ACTIVE)
        assert [n.node_id for n in (await ask(stub.ListNodes, active)).nodes] == [
            "lpse-a",
            "lpse-c",
        ]
        other = nodes_pb2.ListNodesRequest(province="ID-KS")
        assert not (await ask(stub.ListNodes, other)).nodes
        one = await ask(stub.GetNode, nodes_pb2.GetNodeRequest(name="nodes/lpse-b"))
        assert one.revoke_reason == "server stolen"


def renewal(folder: Path, offset: timedelta = timedelta()) -> RenewRequest:
    """A right renewal, as of now plus `offset`."""
    request = RenewRequest(subject="lpse-pacitan", subject_kind="node")
    request.certificate_request = tls.make_request(tls.load_tls_key(folder / tls.TLS_KEY))
    request.nonce = SystemEntropy().token(16)
    request.request_time.FromDatetime(SystemClock().wall() + offset)
    key = tls.load_signing_key(folder / tls.SIGNING_KEY)
    request.possession_proof = key.sign(renewal_statement(request))
    return request


async def test_renewal_is_not_replayed_nor_forged(centre: Centre, tmp_path: Path) -> None:
    """A second use of a nonce, a foreign signature and a wrong clock renew nothing."""
    node = await enrolled(centre, tmp_path / "node")
    credentials = tls.pinned_credentials((node / tls.CA_CERTIFICATE).read_bytes())
    async with channels.open_channel(
        centre.enrolment, credentials, server_name=tls.CENTRE_SERVER_NAME
    ) as channel:
        stub: Any = EnrolmentStub(channel)
        right = renewal(node)
        await ask(stub.Renew, right)
        forged = renewal(node)
        forged.certificate_request = tls.make_request(tls.new_tls_key())
        unknown = renewal(node)
        unknown.subject = "lpse-unknown"
        short = renewal(node)
        short.nonce = b"x"
        for request, code in (
            (right, "FED-3029"),
            (forged, "FED-3003"),
            (unknown, "FED-3010"),
            (short, "FED-3023"),
            (renewal(node, timedelta(hours=1)), "FED-3015"),
            (renewal(node, -timedelta(hours=1)), "FED-3015"),
        ):
            with pytest.raises(FederationError) as caught:
                await ask(stub.Renew, request)
            assert caught.value.code == code
